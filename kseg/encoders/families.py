"""The families of `keras.applications` as encoders, one row each; a stride's feature is the input of its reduction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import signature

import keras

from kseg.encoders.base import ENCODERS, OUTPUT, Encoder, before
from kseg.encoders.mobilenetv2 import mobilenetv2


@dataclass(frozen=True)
class Family:
    """Networks of one paper, which differ in depth and width."""

    members: tuple[str, ...]
    """functions of `keras.applications`; the encoders have their names in lower case"""
    preprocessing: str
    """mode of `kseg.layers.Preprocess`"""
    features: Callable[[str], Mapping[int, str]]
    """member → {stride: place of the feature}"""
    dense_layers: tuple[str, ...] = ()
    """of the classifier, except the last"""
    before_widening: str | None = None
    """the layer before the 1×1 convolution that only the classifier needs"""
    grid: Mapping[str, int] = field(default_factory=dict)
    """3×3 convolution of the last stage → multi-grid's factor of its rate"""
    centered: bool = False
    """whether padding is equal on both sides, so that windows lie on every s-th pixel, beginning with the first"""
    application: Callable[..., keras.Model] | None = None
    """builds the members, where `keras.applications` alone does not"""
    options: tuple[str, ...] = ()
    """parameters of `application` that are options"""
    rebuilt: bool = False
    """whether members scale images themselves, have names that Keras numbered, or have a stem without padding"""


def stages(*reductions: str) -> Callable[[str], Mapping[int, str]]:
    """Features at 1/2, 1/4 … that are the inputs of these layers, and the output at 1/32."""
    features = {2**place: before(name) for place, name in enumerate(reductions, start=1)}
    return lambda member: {**features, 32: OUTPUT}


BLOCKS_V2 = {"ResNet50V2": (3, 4, 6), "ResNet101V2": (3, 4, 23), "ResNet152V2": (3, 8, 36)}
"""Blocks of conv2, conv3 and conv4; ResNetV2 reduces in the last of each."""


def resnet_v2(member: str) -> Mapping[int, str]:
    deep = {2**stage: f"conv{stage}_block{n}_preact_relu" for stage, n in enumerate(BLOCKS_V2[member], start=2)}
    return {2: "conv1_conv", **deep, 32: OUTPUT}


def convnext(member: str) -> Mapping[int, str]:
    """ConvNeXt's stem goes to 1/4 at once, so there is no feature at 1/2."""
    name = f"convnext_{member.removeprefix('ConvNeXt').lower()}"
    return {4 * 2**i: before(f"{name}_downsampling_block_{i}") for i in range(3)} | {32: OUTPUT}


FAMILIES = (
    # Simonyan & Zisserman 2015: the pooled output of each block, as FCN takes it.
    Family(
        ("VGG16", "VGG19"), "caffe", lambda member: {2**b: f"block{b}_pool" for b in range(1, 6)}, ("fc1", "fc2")
    ),
    # He et al. 2016: the stem, and the output of each stage.
    Family(
        ("ResNet50", "ResNet101", "ResNet152"), "caffe",
        stages("pool1_pad", "conv3_block1_1_conv", "conv4_block1_1_conv", "conv5_block1_1_conv"),
        grid={f"conv5_block{block}_2_conv": factor for block, factor in ((1, 1), (2, 2), (3, 4))},
        centered=True,
    ),
    # He et al. 2016, identity mappings: the input of the block that reduces, normalized and rectified.
    Family(tuple(BLOCKS_V2), "symmetric", resnet_v2, centered=True),
    # Howard et al. 2017.
    Family(("MobileNet",), "symmetric", stages("conv_pad_2", "conv_pad_4", "conv_pad_6", "conv_pad_12")),
    # Sandler et al. 2018: the expansion before the reduction, the widest tensor at each stride.
    Family(
        ("MobileNetV2",), "symmetric", stages("block_1_pad", "block_3_pad", "block_6_pad", "block_13_pad"),
        before_widening="block_16_project_BN", application=mobilenetv2, options=("depth_multiplier",),
    ),
    # Howard et al. 2019.
    Family(
        ("MobileNetV3Small",), "symmetric",
        stages(*(f"expanded_conv{block}_depthwise_pad" for block in ("", "_1", "_3", "_8"))),
    ),
    Family(
        ("MobileNetV3Large",), "symmetric",
        stages(*(f"expanded_conv{block}_depthwise_pad" for block in ("_1", "_3", "_6", "_12"))),
    ),
    # Tan & Le 2019.
    Family(
        tuple(f"EfficientNetB{size}" for size in range(8)), "torch",
        stages("block2a_dwconv_pad", "block3a_dwconv_pad", "block4a_dwconv_pad", "block6a_dwconv_pad"), rebuilt=True,
    ),
    # Tan & Le 2021: the first stages reduce in their 3×3 expansion.
    Family(
        tuple(f"EfficientNetV2B{size}" for size in range(4)), "torch",
        stages("block2a_expand_conv", "block3a_expand_conv", "block4a_dwconv2", "block6a_dwconv2"),
    ),
    Family(
        tuple(f"EfficientNetV2{size}" for size in "SML"), "symmetric_128",
        stages("block2a_expand_conv", "block3a_expand_conv", "block4a_dwconv2", "block6a_dwconv2"),
    ),
    # Huang et al. 2017: each dense block before its transition halves the channels.
    Family(
        ("DenseNet121", "DenseNet169", "DenseNet201"), "torch",
        lambda member: {2: "conv1_relu"} | {2**b: before(f"pool{b}_conv") for b in (2, 3, 4)} | {32: OUTPUT},
    ),
    # Liu et al. 2022.
    Family(
        tuple(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")), "torch", convnext,
        rebuilt=True,
    ),
    # Chollet 2017. Its first two convolutions have no padding; here they do.
    Family(
        ("Xception",), "symmetric", stages("block2_pool", "block3_pool", "block4_pool", "block13_pool"), rebuilt=True
    ),
)  # fmt: skip


def application(member: str) -> Callable[..., keras.Model]:
    """The function of `keras.applications`, with its own scaling switched off where it has one."""
    function = getattr(keras.applications, member)
    has_choice = "include_preprocessing" in signature(function).parameters
    return partial(function, include_preprocessing=False) if has_choice else function


for family in FAMILIES:
    for member in family.members:
        ENCODERS.register(member.lower())(
            Encoder(
                name=member.lower(),
                application=family.application or application(member),
                preprocessing=family.preprocessing,
                features=family.features(member),
                dense_layers=family.dense_layers,
                rebuilt=family.rebuilt,
                options=family.options,
                before_widening=family.before_widening,
                grid=family.grid,
                centered=family.centered,
            )
        )
