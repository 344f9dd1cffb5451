"""Rebuilds a network of `keras.applications` with dilation in its last stages and without its own scaling."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import keras
from keras import layers

from kseg.layers import AtrousPooling2D

CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
POOLINGS = {layers.MaxPooling2D: "max", layers.AveragePooling2D: "average"}
SCALING = (layers.Rescaling, layers.Normalization)

NUMBERED = re.compile(r"(conv2d|batch_normalization|layer_normalization)(?:_(\d+))?$")
"""A name that Keras generated; its number depends on what the process built before."""


def steady_names(encoder: str, names: Iterable[str]) -> dict[str, str]:
    """New names for layers that Keras numbered, by order of creation within the network.

    Xception's shortcuts and ConvNeXt's last normalization have numbered names, in the process and in published files.
    """
    numbered = [match for match in map(NUMBERED.match, names) if match]
    numbered.sort(key=lambda match: (match[1], int(match[2] or 0)))
    order: dict[str, int] = {}
    steady = {}
    for match in numbered:
        place = order[match[1]] = order.get(match[1], -1) + 1
        steady[match[0]] = f"{encoder}_{match[1]}_{place}"
    return steady


def rebuilt(
    network: keras.Model,
    image,
    encoder: str,
    *,
    output_stride: int,
    whole_stem: bool,
    grid: Mapping[str, int] | None = None,
    centered: bool = False,
) -> dict[str, "Rebuilt"]:
    """Rebuilds the layers of `network` on the tensor `image` with new weights, by their names in `network`.

    Where a layer's stride would take the map below 1/`output_stride`, the stride becomes 1, and the kernels after it
    are dilated by that stride (Chen et al. 2015). Every weight keeps its shape and its meaning. The denser map holds
    the values of the strided network at every s-th position, where s is the product of the removed strides. Kernels are
    centered ("same"), even where the network pads explicitly before a stride.

    Args:
      encoder: the prefix of new names for layers that Keras numbered.
      whole_stem: convolutions without padding get "same" padding, so that a feature of stride s has 1/s of the rows.
      grid: convolution → factor of its rate (the multi-grid of Chen et al. 2017).
      centered: explicit padding before a stride becomes equal on both sides, so that the windows of an image of s·k + 1
        rows lie on every s-th row, including the first and the last.
    Returns:
      by name: the layer, its input and its output.
    """
    # 1. strides, names and explicit padding of the network
    strides = entering_strides(network)
    names = steady_names(encoder, (layer.name for layer in network.layers))
    padded_by_hand = {
        source.name
        for layer in network.layers
        if _changes(layer, strides[layer.name], output_stride)
        for source in sources(layer)
        if isinstance(source, layers.ZeroPadding2D)
    }

    # 2. the new layer in place of each, with its stride, dilation and name
    def renewed(layer):
        if isinstance(layer, SCALING):
            return layers.Identity(name=layer.name)  # `Preprocess` scales the image already
        if layer.name in padded_by_hand:
            return layers.ZeroPadding2D(0, name=layer.name)
        if centered and isinstance(layer, layers.ZeroPadding2D):
            return layers.ZeroPadding2D(tuple((max(sides),) * 2 for sides in layer.padding), name=layer.name)
        if isinstance(layer, keras.Sequential):
            return _sequential(layer, strides[layer.name], output_stride)
        by_hand = any(isinstance(source, layers.ZeroPadding2D) for source in sources(layer))
        whole = whole_stem and isinstance(layer, CONVOLUTIONS) and not by_hand
        return _dense(
            layer, strides[layer.name], output_stride,
            name=names.get(layer.name), same=whole, factor=(grid or {}).get(layer.name, 1),
        )  # fmt: skip

    # 3. the graph of the new layers, with every layer's input and output recorded
    made: dict[str, Rebuilt] = {}

    def call(layer, *arguments, **keywords):
        output = layer(*arguments, **keywords)
        made[layer.name] = Rebuilt(layer, arguments[0], output)
        return output

    # Operations such as a sum written as `+` hold no state and are reused.
    keras.models.clone_model(
        network,
        input_tensors=image,
        clone_function=lambda layer: renewed(layer) if isinstance(layer, keras.layers.Layer) else layer,
        call_function=call,
    )
    return made


@dataclass(frozen=True)
class Rebuilt:
    """One operation of a rebuilt network."""

    layer: Callable
    entering: keras.KerasTensor
    leaving: keras.KerasTensor


def entering_strides(network: keras.Model) -> dict[str, int]:
    """By operation: the stride of its input relative to the image."""
    entering: dict[str, int] = {}
    leaving: dict[str, int] = {}
    for operation in network.operations:
        entering[operation.name] = max((leaving[source.name] for source in sources(operation)), default=1)
        inner = operation.layers if isinstance(operation, keras.Sequential) else [operation]
        leaving[operation.name] = entering[operation.name]
        for layer in inner:
            leaving[operation.name] *= _stride(layer)
    return entering


def sources(operation) -> list:
    """The operations whose output goes into this one."""
    if isinstance(operation, layers.InputLayer):
        return []
    return [tensor._keras_history.operation for tensor in keras.tree.flatten(operation.input)]


def _stride(layer) -> int:
    strides = getattr(layer, "strides", 1)
    return strides if isinstance(strides, int) else max(strides)


def _changes(layer, entering: int, output_stride: int) -> bool:
    """Whether a layer is a convolution or pooling that is changed."""
    windowed = isinstance(layer, (*CONVOLUTIONS, *POOLINGS))
    return windowed and entering * _stride(layer) > output_stride


def _dense(layer, entering: int, output_stride: int, *, name: str | None = None, same: bool = False, factor: int = 1):
    """The new layer: with stride 1 and dilated, if its output would be below 1/`output_stride`."""
    config = layer.get_config()
    config["name"] = name or layer.name
    if same:
        config["padding"] = "same"
    if not _changes(layer, entering, output_stride):
        return type(layer).from_config(config)
    rate = factor * max(1, entering // output_stride)
    if isinstance(layer, CONVOLUTIONS):
        wide = max(layer.kernel_size) > 1
        config |= {"strides": (1, 1), "dilation_rate": (rate, rate) if wide else (1, 1)}
        return type(layer).from_config(config | ({"padding": "same"} if wide else {}))
    pool_size = max(layer.pool_size)
    if pool_size == 1:  # ResNetV2's shortcut only drops positions
        return type(layer).from_config(config | {"strides": (1, 1)})
    return AtrousPooling2D(pool_size, rate, POOLINGS[type(layer)], name=config["name"])


def _sequential(layer: keras.Sequential, entering: int, output_stride: int) -> keras.Sequential:
    inner = []
    for part in layer.layers:
        inner.append(_dense(part, entering, output_stride))
        entering *= _stride(part)
    return keras.Sequential(inner, name=layer.name)
