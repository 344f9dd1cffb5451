"""Anchors: boxes of fixed sizes and shapes at every position of a map, from which proposals are regressed."""

import keras
import numpy as np
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE

RATIOS = (0.5, 1.0, 2.0)
"""Height over width."""


def anchors(rows, columns, stride, size, *, ratios=RATIOS):
    """float32 (rows·columns·K, 4): K = len(ratios) boxes of area size² around stride·(i, j), position by position.

        h = size·√ratio      w = size/√ratio      y1, x1, y2, x2 rounded, as published weights were trained

    Args:
      rows, columns: of the map, numbers or tensors.
      stride: pixels of the image per pixel of the map, one number or (down, across).
      size: side of the square anchor, in pixels.
    Source: Ren et al. 2015, section 3.1.1; centers and rounding as in torchvision. Deviations: none.

    >>> ops.convert_to_numpy(anchors(1, 2, 4, 8, ratios=(1.0,))).tolist()
    [[-4.0, -4.0, 4.0, 4.0], [-4.0, 0.0, 4.0, 8.0]]
    """
    root = np.sqrt(np.asarray(ratios, "float64"))
    height, width = size * root, size / root
    shapes = np.round(np.stack([-height, -width, height, width], axis=-1) / 2).astype("float32")
    down, across = stride if isinstance(stride, tuple) else (stride, stride)
    y = ops.cast(ops.arange(rows), "float32") * ops.cast(down, "float32")
    x = ops.cast(ops.arange(columns), "float32") * ops.cast(across, "float32")
    y, x = ops.meshgrid(y, x, indexing="ij")
    place = ops.stack([y, x, y, x], axis=-1)
    return ops.reshape(place[:, :, None, :] + shapes, (-1, 4))


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class PyramidAnchors(keras.layers.Layer):
    """`[P2, P3, …]` → a list of float32 (A_l, 4): the `anchors` of every level, doubling in size from level to level.

    Args:
      smallest: side of the square anchor of the first map, in pixels.
      stride: of the first map. The stride of the others is the padded image's side divided by the map's, rounded down.
    Source: Lin et al. 2017 (FPN), section 4.1. Deviations: none.

    >>> fine, coarse = ops.ones((1, 8, 8, 2)), ops.ones((1, 4, 4, 2))
    >>> [tuple(boxes.shape) for boxes in PyramidAnchors(32)([fine, coarse])]
    [(192, 4), (48, 4)]
    """

    def __init__(self, smallest, stride=4, **kwargs):
        super().__init__(**kwargs)
        self.smallest, self.stride = float(smallest), int(stride)
        self.autocast = False  # only the maps' shapes are read

    def call(self, maps):
        sides = [ops.shape(one)[1:3] for one in maps]
        height, width = (self.stride * side for side in sides[0])
        return [
            anchors(rows, columns, (height // rows, width // columns), self.smallest * 2**level)
            for level, (rows, columns) in enumerate(sides)
        ]

    def compute_output_spec(self, maps):
        counts = [None if None in one.shape[1:3] else len(RATIOS) * one.shape[1] * one.shape[2] for one in maps]
        return [keras.KerasTensor((count, 4), dtype="float32") for count in counts]

    def get_config(self):
        return {**super().get_config(), "smallest": self.smallest, "stride": self.stride}
