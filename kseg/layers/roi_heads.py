"""The heads of Mask R-CNN: the region proposal network, the box head and the mask head.

The layers of a head are created separately from their call, since they are called twice: on the network's proposals,
and in the loss on boxes that are sampled with the truth.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import initializers, layers

from kseg.layers.anchors import RATIOS
from kseg.layers.objects import FoldObjects, UnfoldObjects
from kseg.layers.roi_align import RoIAlign

Layers = Mapping[str, keras.layers.Layer]

STRIDES = (4, 8, 16, 32)
"""Strides of the maps P2 to P5, from which boxes are cut."""

BOX_SIDE, MASK_SIDE = 7, 14
"""Side of the features from which boxes and masks are predicted; the mask itself is twice as large."""

CANONICAL = 7.0
"""Side of the boxes that belong to P4, in multiples of the smallest anchor: 224 pixels for anchors of 32."""


def proposal_layers(width: int) -> dict[str, keras.layers.Layer]:
    """The region proposal network: 3×3 with ReLU, one logit and four deltas per anchor; shared by all levels."""
    count = len(RATIOS)
    made = [
        layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer=_normal(0.01), name="rpn_conv"),
        layers.Conv2D(count, 1, kernel_initializer=_normal(0.01), name="rpn_logits"),
        layers.Conv2D(4 * count, 1, kernel_initializer=_normal(0.01), name="rpn_deltas"),
        layers.Reshape((-1,), dtype="float32", name="rpn_flat_logits"),
        layers.Reshape((-1, 4), dtype="float32", name="rpn_flat_deltas"),
    ]
    return {layer.name: layer for layer in made}


def propose(made: Layers, maps: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """float32 logits (N, A_l) and deltas (N, A_l, 4) of every map, position by position."""
    hidden = [made["rpn_conv"](one) for one in maps]
    logits = [made["rpn_flat_logits"](made["rpn_logits"](one)) for one in hidden]
    return logits, [made["rpn_flat_deltas"](made["rpn_deltas"](one)) for one in hidden]


def box_layers(
    width: int, channels: int, classes: int, smallest_anchor: float, *, aligned: bool
) -> dict[str, keras.layers.Layer]:
    """The box head: 7×7 features of `channels`, two dense layers of `width`, one logit and four deltas per class."""
    made = [
        _align(BOX_SIDE, smallest_anchor, aligned=aligned, name="box_align"),
        layers.Reshape((-1, BOX_SIDE**2 * channels), name="box_flatten"),
        layers.Dense(width, activation="relu", kernel_initializer="he_uniform", name="box_fc6"),
        layers.Dense(width, activation="relu", kernel_initializer="he_uniform", name="box_fc7"),
        layers.Dense(classes, kernel_initializer=_normal(0.01), name="box_class"),
        layers.Dense(4 * classes, kernel_initializer=_normal(0.001), name="box_delta"),
        layers.Reshape((-1, classes, 4), name="box_delta_of_class"),
    ]
    return {layer.name: layer for layer in made}


def mask_layers(
    width: int, convolutions: int, classes: int, smallest_anchor: float, *, aligned: bool
) -> dict[str, keras.layers.Layer]:
    """The mask head: 14×14 features, 3×3 convolutions of `width`, upsampling by 2, one logit per class."""
    he: dict[str, Any] = {"activation": "relu", "kernel_initializer": "he_normal"}
    made = [
        _align(MASK_SIDE, smallest_anchor, aligned=aligned, name="mask_align"),
        FoldObjects(name="mask_fold"),
        *(
            layers.Conv2D(width, 3, padding="same", name=f"mask_conv{number}", **he)
            for number in range(1, convolutions + 1)
        ),
        layers.Conv2DTranspose(width, 2, strides=2, name="mask_upsample", **he),
        layers.Conv2D(classes, 1, kernel_initializer=_normal(0.001), name="mask_logits"),
        UnfoldObjects(name="mask_unfold"),
    ]
    return {layer.name: layer for layer in made}


def look_at_boxes(made: Layers, boxes: Any, maps: Sequence[Any]) -> tuple[Any, Any]:
    """Logits (N, R, C) and deltas (N, R, C, 4) of boxes (N, R, 4)."""
    x = made["box_flatten"](made["box_align"]([boxes, *maps]))
    x = made["box_fc7"](made["box_fc6"](x))
    return made["box_class"](x), made["box_delta_of_class"](made["box_delta"](x))


def look_at_masks(made: Layers, boxes: Any, maps: Sequence[Any]) -> Any:
    """Logits (N, R, 28, 28, C) of boxes (N, R, 4)."""
    x = made["mask_fold"](made["mask_align"]([boxes, *maps]))
    for name, layer in made.items():
        if name.startswith("mask_conv"):
            x = layer(x)
    return made["mask_unfold"]([made["mask_logits"](made["mask_upsample"](x)), boxes])


def layers_of(network: keras.Model, prefix: str) -> Layers:
    """The layers of a head, whose names begin with "rpn_", "box_" or "mask_", sorted by name."""
    of_head = [layer for layer in network.layers if layer.name.startswith(prefix)]
    return {layer.name: layer for layer in sorted(of_head, key=lambda layer: layer.name)}


def _align(side: int, smallest_anchor: float, *, aligned: bool, name: str) -> RoIAlign:
    return RoIAlign(side, STRIDES, canonical=CANONICAL * smallest_anchor, aligned=aligned, name=name)


def _normal(deviation: float) -> keras.initializers.Initializer:
    return initializers.RandomNormal(stddev=deviation)
