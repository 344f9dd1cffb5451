"""ResNet and MobileNets with PyTorch's strides and padding, for weights that were trained in PyTorch.

Networks of `keras.applications` have the same weights but other windows. Keras' ResNet halves its map in the first 1×1
convolution of a stage, PyTorch's in the 3×3 convolution after it. In MobileNets, windows of stride 2 are shifted by
half a position.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
from keras import layers

from kseg.encoders.base import ENCODERS
from kseg.encoders.dilation import CONVOLUTIONS
from kseg.encoders.families import FAMILIES, application

SUFFIX = "_torch"
"""Follows the name of the encoder with the same weights."""

OF_TORCHVISION = {
    "ResNet50": "resnet50", "ResNet101": "resnet101", "ResNet152": "resnet152", "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3_small", "MobileNetV3Large": "mobilenet_v3_large",
}  # fmt: skip
"""Network of `keras.applications` → network of `torchvision.models`."""

STRIDED_LAST = {"MobileNetV3Small": "expanded_conv_8_depthwise", "MobileNetV3Large": "expanded_conv_12_depthwise"}
"""The strided convolution that torchvision also dilates when its stride is removed; others only dilate those after."""


def with_torch_windows(function: Callable[..., keras.Model]) -> Callable[..., keras.Model]:
    """The network that `function` builds, with strides in its 3×3 convolutions and equal padding on both sides."""

    def build(*, include_top=False, weights=None, input_tensor=None, input_shape=None) -> keras.Model:
        if weights is not None or include_top:
            raise ValueError(
                "keras.applications has no weights for PyTorch's windows; convert a file by kseg weights convert"
            )
        # 1. Keras' network, and the strides to move
        whole = function(include_top=False, weights=None, input_shape=input_shape or (None, None, 3))
        moved = {name.replace("_1_conv", "_2_conv"): strides for name, strides in strided_entries(whole).items()}

        # 2. the new layer in place of each
        def renewed(layer):
            config = layer.get_config()
            if layer.name in strided_entries(whole):
                config["strides"] = (1, 1)
            if layer.name in moved:
                config["strides"] = moved[layer.name]
            if isinstance(layer, layers.ZeroPadding2D):
                config["padding"] = tuple((max(sides),) * 2 for sides in layer.padding)
            if isinstance(layer, CONVOLUTIONS) and by_same_padding(config):
                config["padding"] = "valid"
            return type(layer).from_config(config)

        # 3. the graph of the new layers, with padding where "same" was asymmetric
        called = []

        def call(layer, x, *arguments, **keywords):
            made = whole.get_layer(layer.name).get_config() if isinstance(layer, CONVOLUTIONS) else {}
            if made.get("padding") == "same" and layer.padding == "valid":
                x = layers.ZeroPadding2D(max(layer.kernel_size) // 2, name=f"{layer.name}_pad")(x)
            called.append(layer(x, *arguments, **keywords))
            return called[-1]

        # `clone_model` returns a model that begins at `input_tensor`; the returned one includes what comes before it.
        image = keras.Input(input_shape or (None, None, 3)) if input_tensor is None else input_tensor
        keras.models.clone_model(
            whole,
            input_tensors=image,
            clone_function=lambda layer: renewed(layer) if isinstance(layer, keras.layers.Layer) else layer,
            call_function=call,
        )
        (source,) = keras.utils.get_source_inputs(image)
        return keras.Model(source, called[-1])

    return build


def strided_entries(network: keras.Model) -> dict[str, Any]:
    """ResNet's first 1×1 convolutions of a stage that halve the map, and their strides; {} for other networks."""
    return {
        layer.name: layer.strides
        for layer in network.layers
        if layer.name.endswith("_block1_1_conv") and max(layer.strides) > 1
    }


def by_same_padding(config: dict[str, Any]) -> bool:
    """Whether the layer has "same" padding that is asymmetric: a window of several rows with a stride."""
    return config["padding"] == "same" and max(config["strides"]) > 1 and max(config["kernel_size"]) > 1


def torchvision_name(encoder: str) -> str | None:
    """The network of `torchvision.models` with the same windows as an encoder; None without one."""
    plain = encoder.removesuffix(SUFFIX)
    names = {member.lower(): name for member, name in OF_TORCHVISION.items()}
    if encoder.endswith(SUFFIX):
        return names.get(plain)
    return plain if plain.startswith("vgg") else None


for family in FAMILIES:
    for member in family.members:
        if member in OF_TORCHVISION:
            plain = ENCODERS._entries[member.lower()]
            ENCODERS.register(member.lower() + SUFFIX)(
                replace(
                    plain, name=member.lower() + SUFFIX, application=with_torch_windows(application(member)),
                    preprocessing="torch", options=(), centered=True,
                    grid={STRIDED_LAST[member]: 2} if member in STRIDED_LAST else plain.grid,
                )
            )  # fmt: skip
