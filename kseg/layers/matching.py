"""Matches boxes to objects, and samples the boxes to train on."""

from typing import Any, NamedTuple

from keras import ops

from kseg.layers.boxes import box_area, box_iou

IN_A_CROWD = 0.5
"""A box with at least this share in a crowd is no negative, since it is unknown whether it is correct."""

Tensor = Any


class Matches(NamedTuple):
    """For every box (N, B): the object with the largest IoU, and whether the box is positive, negative or neither."""

    objects: Tensor
    """int32, index of the object"""
    positive: Tensor
    """bool"""
    negative: Tensor
    """bool"""


class Sample(NamedTuple):
    """S boxes of each image to train on, the positive ones first."""

    places: Tensor
    """int32 (N, S), index among all boxes"""
    positive: Tensor
    """float32 (N, S), 1 for a positive box"""
    there: Tensor
    """float32 (N, S), 0 for padding where there were too few boxes"""


def matched(boxes, objects, *, there, crowd, positive: float, negative: float, best_of_each: bool = False) -> Matches:
    """Matches boxes to objects by overlap.

        positive_b: max_m IoU(b, m) ≥ `positive`, or some m has no better box      negative_b: max_m IoU < `negative`

    Args:
      boxes: (B, 4), or (N, B, 4).
      objects: (N, M, 4); there: (N, M), 0 for padding; crowd: (N, M), 1 for a region of many objects, to which no box
        is matched.
      positive, negative: bounds of the IoU; a box between them is neither positive nor negative.
      best_of_each: the best boxes of an object are positive at any overlap above 0.
    In an image without an object, every box is negative. A box with half of its area in a crowd is not negative.
    Source: Ren et al. 2015, section 3.1.2 (0.7, 0.3, the best of each); Girshick 2015 (0.5, 0.5). Deviations: crowds,
      which the papers do not mention.

    >>> boxes = [[0.0, 0.0, 4.0, 4.0], [8.0, 8.0, 9.0, 9.0]]
    >>> found = matched(boxes, [[[0.0, 0.0, 4.0, 3.0]]], there=[[1.0]], crowd=[[0.0]], positive=0.7, negative=0.3)
    >>> ops.convert_to_numpy(found.positive).tolist(), ops.convert_to_numpy(found.negative).tolist()
    ([[True, False]], [[False, True]])
    """
    boxes, objects = ops.convert_to_tensor(boxes), ops.convert_to_tensor(objects)
    boxes = boxes[None] if len(boxes.shape) == 2 else boxes
    there, crowd = (ops.cast(ops.convert_to_tensor(flags), "float32") > 0.0 for flags in (there, crowd))
    wanted = (there & ~crowd)[:, None, :]
    iou = ops.where(wanted, box_iou(boxes, objects), -1.0)
    best = ops.max(iou, axis=-1)
    is_positive = best >= positive
    if best_of_each:
        best_of_object = ops.max(iou, axis=1, keepdims=True)
        is_positive = is_positive | ops.any((iou == best_of_object) & (iou > 0.0), axis=-1)
    within = ops.any((there & crowd)[:, None, :] & (share_inside(boxes, objects) >= IN_A_CROWD), axis=-1)
    is_negative = (best < negative) & ~is_positive & ~within
    return Matches(ops.cast(ops.argmax(iou, axis=-1), "int32"), is_positive, is_negative)


def share_inside(boxes, regions):
    """(…, A, 4) and (…, B, 4) → (…, A, B): the share of each box that lies in each region; 0 for a box without area.

    >>> float(share_inside([[0.0, 0.0, 2.0, 2.0]], [[0.0, 1.0, 9.0, 9.0]])[0, 0])
    0.5
    """
    boxes, regions = ops.convert_to_tensor(boxes), ops.convert_to_tensor(regions)
    area = box_area(boxes)[..., :, None]
    start = ops.maximum(boxes[..., :, None, :2], regions[..., None, :, :2])
    end = ops.minimum(boxes[..., :, None, 2:], regions[..., None, :, 2:])
    sides = ops.maximum(end - start, 0.0)
    return ops.where(area > 0.0, sides[..., 0] * sides[..., 1] / ops.where(area > 0.0, area, 1.0), 0.0)


def sampled(matches: Matches, chance, *, count: int, positives: int) -> Sample:
    """Samples `count` boxes of each image at random: at most `positives` positive ones, the rest negative.

    Args:
      chance: float32 (N, B) in [0, 1): the boxes with the largest numbers are drawn.
    With few positive boxes there are more negative ones; with few negative boxes there are fewer than `count` boxes.
    Source: Ren et al. 2015, section 3.1.3; Girshick 2015, section 2.3. Deviations: none.

    >>> ones, zeros = ops.ones((1, 4), "bool"), ops.zeros((1, 4), "bool")
    >>> found = Matches(ops.zeros((1, 4), "int32"), zeros, ones)
    >>> ops.convert_to_numpy(sampled(found, [[0.1, 0.9, 0.5, 0.3]], count=2, positives=1).places).tolist()
    [[1, 2]]
    """
    chance = ops.stop_gradient(ops.cast(ops.convert_to_tensor(chance), "float32"))
    boxes = ops.shape(chance)[1]
    # 1. the positives with the largest numbers, down to the last one drawn
    of_positives = ops.where(matches.positive, chance, -1.0)
    last = ops.top_k(of_positives, at_most(positives, boxes))[0][:, -1:]
    chosen = matches.positive & (of_positives >= last)
    # 2. in order: these, then negatives, then boxes that are neither
    order = ops.where(chosen, 2.0 + chance, ops.where(matches.negative, 1.0 + chance, 0.0))
    numbers, places = ops.top_k(order, at_most(count, boxes))
    return Sample(ops.cast(places, "int32"), ops.cast(numbers >= 2.0, "float32"), ops.cast(numbers >= 1.0, "float32"))


def at_most(count: int, available):
    """The smaller of `count` and `available`, as a number or a tensor."""
    return min(count, available) if isinstance(available, int) else ops.minimum(count, available)


def gathered(values, places):
    """(N, B, …) and int (N, S) → (N, S, …): the values at `places`.

    >>> ops.convert_to_numpy(gathered([[[1.0], [2.0]]], [[1, 1, 0]])).tolist()
    [[[2.0], [2.0], [1.0]]]
    """
    values, places = ops.convert_to_tensor(values), ops.convert_to_tensor(places)
    # One table of all images' rows: a gather per image is a different operation on every backend.
    shape = ops.shape(values)
    rows = ops.reshape(values, (-1, *values.shape[2:]))
    first = ops.cast(ops.arange(shape[0]) * shape[1], places.dtype)
    return ops.take(rows, places + first[:, None], axis=0)
