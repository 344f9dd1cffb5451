"""The grid on which a network scores an image, before the scores are upsampled to the image's size.

DeepLab-LargeFOV scores every eighth pixel of 321² on 41² positions. Its authors train on these positions, and take the
maximum over several scales of the image there. A layer that upsamples scores gives their positions by `enlarges`:

    "aligned"     position i is pixel s·i
    "centers"     position i is the center of s pixels, s·(i + ½) − ½
    "stretched"   the positions are spread over an image of any size, (i + ½)·H/h − ½
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import layers

from kseg.layers import CropLike
from kseg.models.crop_to import crop_to

FINISHING = (layers.Activation, layers.Cropping2D, CropLike)
"""Layers that may stand between upsampled scores and a network's output."""

PROBE = 960
"""Side of an image that all strides up to 64 divide."""


class Grid(NamedTuple):
    """Scores (N, h, w, C) of a network, and the layers from there to its output."""

    scores: Any
    """KerasTensor"""
    enlarge: Any
    """layer from scores (and image, if stretched) to scores of the image's size or more; None without upsampling"""
    lies: str
    """"aligned", "centers" or "stretched\""""
    stride: int
    """pixels of the image per position"""
    finish: Sequence[keras.layers.Layer]
    """the activations after it, in order"""

    def completed(self, scores: Any, image: Any, *, name: str = "crop") -> Any:
        """The network's output from scores on this grid."""
        if self.enlarge is not None:
            scores = self.enlarge([scores, image]) if self.lies == "stretched" else self.enlarge(scores)
        scores = crop_to(image, scores, name=name)
        for activation in self.finish:
            scores = activation(scores)
        return scores


def own_grid(network: keras.Model) -> Grid:
    """The grid of a functional network with one output; stride 1 where it does not end with upsampling."""
    tensor = network.outputs[0]
    finish: list[keras.layers.Layer] = []
    node = made_by(tensor)
    while isinstance(node.operation, FINISHING):
        if isinstance(node.operation, layers.Activation):
            finish.insert(0, node.operation)
        tensor = node.input_tensors[0]
        node = made_by(tensor)
    lies = getattr(node.operation, "enlarges", None)
    if lies is None:
        return Grid(tensor, None, "centers", 1, finish)
    scores = node.input_tensors[0]
    stride = node.operation.stride if lies != "stretched" else stride_of(network, scores)
    return Grid(scores, node.operation, lies, stride, finish)


def made_by(tensor: Any) -> Any:
    """The call of a layer that made a KerasTensor."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def stride_of(network: keras.Model, tensor: Any) -> int:
    """Pixels of the network's image per position of one of its tensors."""
    pixels, positions = network.inputs[0].shape[1], tensor.shape[1]
    if pixels is None:
        pixels = PROBE
        positions = keras.Model(network.inputs, tensor).compute_output_shape((1, PROBE, PROBE, 3))[1]
    return round(pixels / positions)
