"""Boxes y1, x1, y2, x2 in pixels, continuous: areas, overlap, clipping, and the deltas that networks regress."""

import math

from keras import ops

RPN_WEIGHTS = (1.0, 1.0, 1.0, 1.0)
HEAD_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
"""Weights of the deltas dy, dx, dh, dw in the second stage, where deltas are small."""

LARGEST_LOG_SCALE = math.log(1000.0 / 16.0)
"""Largest dh and dw that are decoded, since the exponential of an extreme delta would overflow."""


def box_area(boxes):
    """(…, 4) → (…): height times width; 0 where an end lies before the start.

    >>> ops.convert_to_numpy(box_area([[0.0, 0.0, 2.0, 3.0]])).tolist()
    [6.0]
    """
    boxes = ops.convert_to_tensor(boxes)
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def box_iou(boxes, others):
    """(…, A, 4) and (…, B, 4) → (…, A, B): intersection over union of every pair; 0 where the union is empty.

    For example, a 2×2 and a 2×3 box that share 1×1 give 1/(4 + 6 − 1) = 1/9.

    >>> round(float(box_iou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 1.0, 3.0, 4.0]])[0, 0]), 4)
    0.1111
    """
    boxes, others = ops.convert_to_tensor(boxes), ops.convert_to_tensor(others)
    first, second = boxes[..., :, None, :], others[..., None, :, :]
    start = ops.maximum(first[..., :2], second[..., :2])
    end = ops.minimum(first[..., 2:], second[..., 2:])
    sides = ops.maximum(end - start, 0.0)
    shared = sides[..., 0] * sides[..., 1]
    union = box_area(first) + box_area(second) - shared
    return ops.where(union > 0.0, shared / ops.where(union > 0.0, union, 1.0), 0.0)


def clip_boxes(boxes, height, width):
    """Boxes (…, 4) clipped to an image of `height` × `width` pixels.

    >>> ops.convert_to_numpy(clip_boxes([[-1.0, 2.0, 5.0, 9.0]], 4, 8)).tolist()
    [[0.0, 2.0, 4.0, 8.0]]
    """
    boxes = ops.convert_to_tensor(boxes)
    limits = ops.cast(ops.stack([height, width, height, width]), boxes.dtype)
    return ops.minimum(ops.maximum(boxes, 0.0), limits)


def encode_boxes(boxes, references, *, weights=RPN_WEIGHTS):
    """The deltas (…, 4) that turn `references` into `boxes`.

        dy = w_y (y − y_r)/h_r     dx = w_x (x − x_r)/w_r     dh = w_h log(h/h_r)     dw = w_w log(w/w_r)

    where (y, x) is a center, (h, w) a size, and r the reference. A side below 1e-6 counts as 1e-6, so that empty boxes
    give finite numbers.
    Source: Girshick et al. 2014, eqs. 6–9. Deviations: none.

    >>> deltas = encode_boxes([[0.0, 0.0, 4.0, 2.0]], [[0.0, 0.0, 4.0, 4.0]])
    >>> [round(float(delta), 4) for delta in deltas[0]]
    [0.0, -0.25, 0.0, -0.6931]
    """
    center, side = _centers(boxes)
    reference_center, reference_side = _centers(references)
    shift = (center - reference_center) / reference_side
    deltas = ops.concatenate([shift, ops.log(side / reference_side)], axis=-1)
    return deltas * ops.convert_to_tensor(weights, dtype=deltas.dtype)


def decode_boxes(deltas, references, *, weights=RPN_WEIGHTS):
    """The boxes (…, 4) from deltas (…, 4) and `references`: the inverse of `encode_boxes`.

    A box grows by a factor of at most 1000/16. Source: as of `encode_boxes`.

    >>> ops.convert_to_numpy(decode_boxes([[0.0, -0.25, 0.0, 0.0]], [[0.0, 0.0, 4.0, 4.0]])).tolist()
    [[0.0, -1.0, 4.0, 3.0]]
    """
    deltas = ops.convert_to_tensor(deltas)
    deltas = deltas / ops.convert_to_tensor(weights, dtype=deltas.dtype)
    reference_center, reference_side = _centers(references)
    center = deltas[..., :2] * reference_side + reference_center
    side = ops.exp(ops.minimum(deltas[..., 2:], LARGEST_LOG_SCALE)) * reference_side
    return ops.concatenate([center - 0.5 * side, center + 0.5 * side], axis=-1)


def _centers(boxes):
    boxes = ops.convert_to_tensor(boxes)
    side = ops.maximum(boxes[..., 2:] - boxes[..., :2], 1e-6)
    return 0.5 * (boxes[..., :2] + boxes[..., 2:]), side
