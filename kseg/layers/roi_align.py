"""Features of boxes at a fixed size: RoIAlign (Mask R-CNN), and RoIPool, which it replaced."""

from collections.abc import Sequence

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE

FEW_POSITIONS = 2500
"""Up to this many pixels of all maps, about those of a 170² image, matrix products are faster than gathering."""


def roi_align(maps, boxes, *, size, scales, levels=None, sampling: int = 2, aligned: bool = True):
    """The mean of bilinear samples in every bin of a box, on the map of the box.

        y[i, j] = 1/s² Σ_{a, b < s} f(y1 + (i + (a + ½)/s)·h/H', x1 + (j + (b + ½)/s)·w/W')

    f interpolates between pixel centers and is constant beyond the centers of the border pixels.
    All levels are gathered from one table, so each box is only sampled on its own map.

    Args:
      maps: a map (N, H, W, C), or a sequence of maps of equal C, the levels of a pyramid.
      boxes: (N, R, 4), y1, x1, y2, x2 in pixels of the image. No gradient reaches them.
      size: (H', W'), or one number for both.
      scales: pixels of a map per pixel of the image, 1/stride; one for every map.
      levels: int (N, R), the index of each box's map; needed with several maps.
      sampling: s, samples per bin and axis, 1 or more.
      aligned: whether pixel centers lie at half a pixel. False is the first publication's rule: boxes are off by half a
        pixel, and are at least one pixel of the map wide.
    Returns:
      (N, R, H', W', C) of the maps' dtype.
    Source: He et al. 2017, section 3; `aligned=True` as in detectron2. Deviations: the number of samples does not
      depend on the size of a box. Samples more than a pixel outside the map are also clamped, while the compiled
      operations of detectron2 and torchvision take 0; clipped boxes have no such samples.

    >>> f = ops.reshape(ops.arange(16.0), (1, 4, 4, 1))
    >>> ops.convert_to_numpy(roi_align(f, [[[0.0, 0.0, 4.0, 4.0]]], size=2, scales=1.0))[0, 0, :, :, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    maps, scales = _listed(maps, scales)
    rows, columns = _sides(size)
    boxes = ops.stop_gradient(ops.cast(ops.convert_to_tensor(boxes), "float32"))
    if positions_of(maps) <= FEW_POSITIONS:
        sides = {"size": (rows, columns), "sampling": sampling, "aligned": aligned}
        return _by_products(maps, boxes, _checked(maps, levels, boxes), scales, **sides)
    table, heights, widths, starts, scale = _table(maps, scales, levels, boxes)

    # 1. sample positions along each axis, in pixels of the map: (N, R, H'·s) and (N, R, W'·s)
    corners, extents = _on_the_map(boxes, scale[..., None], aligned=aligned)
    y = _samples(corners[..., 0], extents[..., 0], rows, sampling)
    x = _samples(corners[..., 1], extents[..., 1], columns, sampling)
    y_low, y_high, y_share = _neighbors(y, heights)
    x_low, x_high, x_share = _neighbors(x, widths)

    # 2. the four neighbors of every sample, one gather each
    total = 0.0
    for row, row_weight in ((y_low, 1.0 - y_share), (y_high, y_share)):
        for column, column_weight in ((x_low, 1.0 - x_share), (x_high, x_share)):
            index = starts[..., None, None] + row[..., :, None] * widths[..., None, None] + column[..., None, :]
            weight = row_weight[..., :, None] * column_weight[..., None, :]
            total = total + ops.take(table, index, axis=0) * ops.cast(weight[..., None], table.dtype)

    # 3. the mean over the samples of a bin
    batch, count = ops.shape(boxes)[0], ops.shape(boxes)[1]
    total = ops.reshape(total, (batch, count, rows, sampling, columns, sampling, maps[0].shape[-1]))
    return ops.mean(total, axis=(3, 5))


def roi_pool(feature_map, boxes, *, size, scale, samples: int = 2):
    """The maximum of the pixels in every bin, with box and bins rounded to whole pixels.

        y[i, j] = max f[⌊i·h/H'⌋ … ⌈(i + 1)·h/H'⌉ − 1, …]      of round(scale · box), in pixels, ends included

    Args:
      feature_map: (N, H, W, C); boxes: (N, R, 4), y1, x1, y2, x2 in pixels of the image.
      size: (H', W'), or one number for both.
      scale: pixels of the map per pixel of the image.
      samples: pixels that are read per bin and axis; exact for bins of at most this many pixels.
    Returns: (N, R, H', W', C). A bin outside the map is 0.
    Source: Girshick 2015 (Fast R-CNN), section 2.1. Deviations: of larger bins, `samples` evenly spaced pixels per axis
      are read, which keeps shapes static.

    >>> f = ops.reshape(ops.arange(16.0), (1, 4, 4, 1))
    >>> ops.convert_to_numpy(roi_pool(f, [[[0.0, 0.0, 3.0, 3.0]]], size=2, scale=1.0))[0, 0, :, :, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    rows, columns = _sides(size)
    boxes = ops.stop_gradient(ops.cast(ops.convert_to_tensor(boxes), "float32"))
    table, heights, widths, starts, scaled = _table([feature_map], [scale], None, boxes)
    # floor(x + ½) instead of `ops.round`, which rounds halves to even numbers
    corners = ops.floor(boxes * scaled[..., None] + 0.5)
    extents = ops.maximum(corners[..., 2:] - corners[..., :2] + 1.0, 1.0)
    y, y_inside = _whole_pixels(corners[..., 0], extents[..., 0], rows, samples, heights)
    x, x_inside = _whole_pixels(corners[..., 1], extents[..., 1], columns, samples, widths)
    index = starts[..., None, None] + y[..., :, None] * widths[..., None, None] + x[..., None, :]
    seen = ops.take(table, index, axis=0)
    inside = (y_inside[..., :, None] & x_inside[..., None, :])[..., None]
    batch, count = ops.shape(boxes)[0], ops.shape(boxes)[1]
    shape = (batch, count, rows, samples, columns, samples)
    least = ops.reshape(ops.where(inside, seen, ops.full_like(seen, -1e30)), (*shape, feature_map.shape[-1]))
    anything = ops.any(ops.reshape(inside, (*shape, 1)), axis=(3, 5))
    return ops.where(anything, ops.max(least, axis=(3, 5)), ops.zeros((), seen.dtype))


def _listed(maps, scales):
    maps = list(maps) if isinstance(maps, list | tuple) else [ops.convert_to_tensor(maps)]
    scales = list(scales) if isinstance(scales, Sequence) else [scales]
    if len(maps) != len(scales):
        raise ValueError(f"{len(maps)} maps and {len(scales)} scales; wanted one scale for every map")
    return maps, scales


def _checked(maps, levels, boxes):
    """int32 (N, R): the index of every box's map."""
    if levels is not None:
        return ops.cast(levels, "int32")
    if len(maps) > 1:
        raise ValueError(f"{len(maps)} maps and no levels; wanted int (N, R), the map of every box")
    return ops.zeros_like(boxes[..., 0], dtype="int32")


def positions_of(maps) -> float:
    """Pixels of all maps together; infinity where a side is unknown."""
    sides = [one.shape[1:3] for one in maps]
    return float("inf") if any(None in side for side in sides) else sum(height * width for height, width in sides)


def _on_the_map(boxes, scale, *, aligned):
    """Corners (N, R, 4) and extents (N, R, 2) of boxes, in pixels of the map counted from the center of the first."""
    corners = boxes * scale - (0.5 if aligned else 0.0)
    extents = corners[..., 2:] - corners[..., :2]
    return corners, extents if aligned else ops.maximum(extents, 1.0)


def _by_products(maps, boxes, levels, scales, *, size, sampling, aligned):
    """The result of gathering by two matrix products for every box and map, Y f Xᵀ, where Y and X hold the weights of
    pixels in bins. Zero weights cost as much as others, so this pays off for few positions, where it takes a fraction
    of the time, especially for the gradient."""
    total = 0.0
    for level, (one, scale) in enumerate(zip(maps, scales, strict=True)):
        height, width, channels = one.shape[1:]
        corners, extents = _on_the_map(boxes, scale, aligned=aligned)
        here = ops.cast(levels == level, "float32")[..., None, None]
        y = bin_weights(corners[..., 0], extents[..., 0], size[0], sampling, height) * here
        x = bin_weights(corners[..., 1], extents[..., 1], size[1], sampling, width)
        y, x = ops.cast(y, one.dtype), ops.cast(x, one.dtype)
        batch, count = ops.shape(boxes)[0], ops.shape(boxes)[1]
        strips = ops.matmul(
            ops.reshape(y, (batch, count * size[0], height)), ops.reshape(one, (-1, height, width * channels))
        )
        strips = ops.reshape(strips, (batch, count, size[0], width, channels))
        total = total + ops.matmul(x[:, :, None], strips)
    return total


def bin_weights(start, extent, bins: int, sampling: int, side: int):
    """float32 (N, R, bins, side): the weight of each of `side` pixels of an axis in each bin; rows sum to 1.

    A sample is interpolated between two pixels; beyond the last pixel's center it equals the last pixel.

    >>> ops.convert_to_numpy(bin_weights(ops.zeros((1, 1)), 2.0 * ops.ones((1, 1)), 1, 2, 3)).tolist()
    [[[[0.25, 0.5, 0.25]]]]
    """
    position = ops.clip(_samples(start, extent, bins, sampling), 0.0, side - 1.0)
    weights = ops.maximum(1.0 - ops.abs(position[..., None] - ops.arange(side, dtype="float32")), 0.0)
    shape = (ops.shape(start)[0], ops.shape(start)[1], bins, sampling, side)
    return ops.mean(ops.reshape(weights, shape), axis=3)


def _sides(size):
    return (size, size) if isinstance(size, int) else tuple(size)


def _table(maps, scales, levels, boxes):
    """All pixels of all maps as rows (S, C), and for every box (N, R): height, width, first row and scale of its map.

    The table is ordered by level, then by image.
    """
    levels = _checked(maps, levels, boxes)
    channels = maps[0].shape[-1]
    table = ops.concatenate([ops.reshape(one, (-1, channels)) for one in maps], axis=0)
    batch = ops.shape(boxes)[0]
    heights, widths, firsts, first = [], [], [], 0
    for one in maps:
        height, width = ops.shape(one)[1], ops.shape(one)[2]
        heights.append(height)
        widths.append(width)
        firsts.append(first)
        first = first + batch * height * width
    heights, widths, firsts = (_whole_numbers(values) for values in (heights, widths, firsts))
    levels = ops.cast(levels, "int32")
    height, width = ops.take(heights, levels), ops.take(widths, levels)
    image = ops.arange(batch, dtype="int32")[:, None]
    start = ops.take(firsts, levels) + image * height * width
    return table, height, width, start, ops.take(ops.convert_to_tensor(scales, "float32"), levels)


def _whole_numbers(values):
    return ops.stack([ops.cast(ops.convert_to_tensor(value), "int32") for value in values])


def _samples(start, extent, bins, sampling):
    """(N, R, bins·sampling): the positions of all samples along an axis."""
    steps = (ops.arange(bins * sampling, dtype="float32") + 0.5) / (bins * sampling)
    return start[..., None] + extent[..., None] * steps


def _neighbors(position, sides):
    """For every position (N, R, S): the pixels before and after it, and the weight of the latter."""
    last = ops.cast(sides - 1, "float32")[..., None]
    clamped = ops.clip(position, 0.0, last)
    low = ops.floor(clamped)
    high = ops.minimum(low + 1.0, last)
    return ops.cast(low, "int32"), ops.cast(high, "int32"), clamped - low


def _whole_pixels(start, extent, bins, samples, sides):
    """The pixels (N, R, bins·samples) in bins of whole pixels, and whether they lie on the map."""
    number = ops.arange(bins, dtype="float32")
    width = extent[..., None] / bins
    # 1e-4 is a tolerance for rounding errors of whole borders
    first = ops.floor(number * width + 1e-4)
    behind = ops.ceil((number + 1.0) * width - 1e-4)
    step = (behind - first - 1.0)[..., None] * (ops.arange(samples, dtype="float32") / max(samples - 1, 1))
    pixel = start[..., None, None] + first[..., None] + ops.floor(step + 0.5)
    pixel = ops.reshape(pixel, (ops.shape(start)[0], ops.shape(start)[1], bins * samples))
    inside = (pixel >= 0.0) & (pixel < ops.cast(sides, "float32")[..., None])
    return ops.cast(ops.clip(pixel, 0.0, ops.cast(sides - 1, "float32")[..., None]), "int32"), inside


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class RoIAlign(keras.layers.Layer):
    """`[boxes, map, map, …]` → (N, R, size, size, C): `roi_align` of boxes on the levels of a pyramid.

    A box belongs to the level k = ⌊k₀ + log₂(√(w·h)/canonical)⌋, clamped to the given maps; the maps have the strides
    2^k, and k₀ = 4 is stride 16.

    Args:
      size: H' = W'.
      strides: of the maps, powers of two, the finest first.
      canonical: side of a box, in pixels of the image, that belongs to stride 16; 224 in the paper.
      sampling: samples per bin and axis.
      aligned: as in `roi_align`.
    Source: He et al. 2017, section 3; Lin et al. 2017 (FPN), eq. 1. Deviations: none.

    >>> boxes, fine, coarse = ops.zeros((1, 5, 4)), ops.ones((1, 16, 16, 2)), ops.ones((1, 8, 8, 2))
    >>> tuple(RoIAlign(7, (4, 8))([boxes, fine, coarse]).shape)
    (1, 5, 7, 7, 2)
    """

    def __init__(self, size, strides, canonical=224.0, sampling=2, aligned=True, **kwargs):
        super().__init__(**kwargs)
        self.size, self.strides, self.aligned = int(size), tuple(strides), bool(aligned)
        self.canonical, self.sampling = float(canonical), int(sampling)
        self.autocast = False  # boxes in half precision would be off by pixels

    def call(self, inputs):
        boxes, *maps = inputs
        maps = [ops.cast(one, self.compute_dtype) for one in maps]
        levels = pyramid_level(boxes, self.strides, canonical=self.canonical)
        return roi_align(
            maps, boxes, size=self.size, scales=[1.0 / s for s in self.strides], levels=levels,
            sampling=self.sampling, aligned=self.aligned,
        )  # fmt: skip

    def compute_output_spec(self, inputs):
        boxes, first, *_ = inputs
        shape = (*boxes.shape[:2], self.size, self.size, first.shape[-1])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        config = {"size": self.size, "strides": self.strides, "canonical": self.canonical, "sampling": self.sampling}
        config["aligned"] = self.aligned
        return {**super().get_config(), **config}


def pyramid_level(boxes, strides, *, canonical: float = 224.0):
    """int32 (N, R): the index in `strides` (2^k, the finest first) of the level of each box (N, R, 4).

        k = ⌊4 + log₂(√(w·h)/canonical)⌋

    A box without area belongs to the finest level. Source: Lin et al. 2017 (FPN), eq. 1. Deviations: none.

    >>> boxes = [[[0.0, 0.0, 112.0, 112.0], [0.0, 0.0, 224.0, 224.0]]]
    >>> ops.convert_to_numpy(pyramid_level(boxes, (4, 8, 16, 32))).tolist()
    [[1, 2]]
    """
    boxes = ops.cast(ops.convert_to_tensor(boxes), "float32")
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    root = ops.sqrt(sides[..., 0] * sides[..., 1])
    # 1e-6 as in torchvision, so that a box of exactly the canonical size is not rounded down
    level = ops.floor(4.0 + ops.log2(ops.maximum(root, 1e-3) / canonical) + 1e-6)
    finest = strides[0].bit_length() - 1
    return ops.cast(ops.clip(level - finest, 0, len(strides) - 1), "int32")
