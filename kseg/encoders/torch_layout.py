"""ResNet and MobileNets with the windows of PyTorch's networks, for weights that were trained with these.

A network of `keras.applications` has the same weights and other windows: ResNet halves its map in the first 1×1
convolution of a stage, PyTorch's in the 3×3 behind it; MobileNet's windows of stride 2 lie half a position further.
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
"""Behind the name of the encoder that has the same weights."""

OF_TORCHVISION = {
    "ResNet50": "resnet50", "ResNet101": "resnet101", "ResNet152": "resnet152", "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3_small", "MobileNetV3Large": "mobilenet_v3_large",
}  # fmt: skip
"""Network of `keras.applications` → of `torchvision.models`."""

STRIDED_LAST = {"MobileNetV3Small": "expanded_conv_8_depthwise", "MobileNetV3Large": "expanded_conv_12_depthwise"}
"""The convolution that torchvision dilates itself where its stride is left out; elsewhere only those behind it are."""


def with_torch_windows(function: Callable[..., keras.Model]) -> Callable[..., keras.Model]:
    """The network that `function` builds, with strides in its 3×3 convolutions and padding alike on both sides."""

    def build(*, include_top=False, weights=None, input_tensor=None, input_shape=None) -> keras.Model:
        if weights is not None or include_top:
            raise ValueError(
                "keras.applications has no weights for PyTorch's windows; convert a file by kseg weights convert"
            )
        whole = function(include_top=False, weights=None, input_shape=input_shape or (None, None, 3))
        moved = {name.replace("_1_conv", "_2_conv"): strides for name, strides in strided_entries(whole).items()}

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

        called = []

        def call(layer, x, *arguments, **keywords):
            made = whole.get_layer(layer.name).get_config() if isinstance(layer, CONVOLUTIONS) else {}
            if made.get("padding") == "same" and layer.padding == "valid":
                x = layers.ZeroPadding2D(max(layer.kernel_size) // 2, name=f"{layer.name}_pad")(x)
            called.append(layer(x, *arguments, **keywords))
            return called[-1]

        # The model that `clone_model` gives begins at `input_tensor`; what comes in front of it belongs to ours.
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
    """ResNet's first 1×1 convolutions of a stage that halve the map, and their strides; none of other networks."""
    return {
        layer.name: layer.strides
        for layer in network.layers
        if layer.name.endswith("_block1_1_conv") and max(layer.strides) > 1
    }


def by_same_padding(config: dict[str, Any]) -> bool:
    """Whether "same" pads differently on both sides: a window of several rows at a stride."""
    return config["padding"] == "same" and max(config["strides"]) > 1 and max(config["kernel_size"]) > 1


def torchvision_name(encoder: str) -> str | None:
    """The network of `torchvision.models` that an encoder has the windows of; None where it has none's."""
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
