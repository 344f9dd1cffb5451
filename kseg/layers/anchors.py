"""Anchors: the boxes of fixed sizes and shapes at every position of a map, from which proposals are regressed."""

import numpy as np
from keras import ops

RATIOS = (0.5, 1.0, 2.0)
"""Height over width."""


def anchors(rows, columns, stride, size, *, ratios=RATIOS):
    """float32 (rows·columns·K, 4): K = len(ratios) boxes of area size² around stride·(i, j), position by position.

        h = size·√ratio      w = size/√ratio      y1, x1, y2, x2 rounded, as all known weights were trained

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
    y = ops.cast(ops.arange(rows), "float32") * down
    x = ops.cast(ops.arange(columns), "float32") * across
    y, x = ops.meshgrid(y, x, indexing="ij")
    place = ops.stack([y, x, y, x], axis=-1)
    return ops.reshape(place[:, :, None, :] + shapes, (-1, 4))
