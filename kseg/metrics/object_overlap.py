"""Overlaps of the detected and true objects of an image: of boxes, masks, or bands inside the outlines.

All overlaps follow COCO's rule for crowds: the overlap of a detection with a crowd is the share of the detection on the
crowd, since the number of objects in a crowd is unknown.
"""

import numpy as np

from kseg.metrics.boundary import boundary_width, inner_band
from kseg.structures.masks import Cut, Masks


def box_overlap(detected, true, crowd) -> np.ndarray:
    """IoU of every pair of boxes, float64 (D, G).

        |d ∩ g| / |d ∪ g|      or, where g is a crowd,  |d ∩ g| / |d|

    Args:
      detected: float (D, 4) y1, x1, y2, x2.
      true: float (G, 4).
      crowd: bool (G,).
    Boxes without area have overlap 0. Source: pycocotools' `bbIou`. Deviations: none.

    >>> box_overlap([[0, 0, 2, 2]], [[1, 1, 3, 4]], [False]).round(4)  # 1 of 4 + 6 − 1
    array([[0.1111]])
    """
    detected, true = (np.asarray(boxes, np.float64).reshape(-1, 4) for boxes in (detected, true))
    top, bottom = (
        np.maximum(detected[:, None, :2], true[None, :, :2]),
        np.minimum(detected[:, None, 2:], true[None, :, 2:]),
    )
    shared = np.prod(np.maximum(bottom - top, 0.0), axis=-1)
    detected_area, true_area = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (detected, true))
    return _share(shared, detected_area, true_area, crowd)


def mask_overlap(detected: Masks, true: Masks, crowd) -> np.ndarray:
    """`box_overlap` of masks of one size, in pixels.

    >>> square = np.zeros((1, 4, 4), bool)
    >>> square[:, :2, :2] = True
    >>> mask_overlap(Masks.of(square), Masks.of(np.roll(square, 1, axis=2)), [False]).round(4)  # 2 of 4 + 4 − 2
    array([[0.3333]])
    """
    shared = np.zeros((len(detected), len(true)))
    for row, one in enumerate(detected.cuts):
        for column, other in enumerate(true.cuts):
            shared[row, column] = _shared_pixels(one, other)
    return _share(shared, detected.areas(), true.areas(), crowd)


def boundary_overlap(detected: Masks, true: Masks, crowd, *, ratio: float = 0.02) -> np.ndarray:
    """min(IoU of masks, IoU of the bands inside their outlines); for a crowd only the IoU of masks.

    Args:
      ratio: width of the bands as a share of the image's diagonal, as in `boundary_iou`.
    Source: Cheng et al. 2021, section 5.2, and their code. Deviations: none.

    >>> square = np.zeros((1, 8, 8), bool)
    >>> square[:, 1:7, 1:7] = True
    >>> boundary_overlap(Masks.of(square), Masks.of(np.roll(square, 1, axis=2)), [False]).round(4)  # of the outlines
    array([[0.3333]])
    """
    width = boundary_width(true.size, ratio)
    whole = mask_overlap(detected, true, crowd)
    outlines = mask_overlap(_bands(detected, width), _bands(true, width), crowd)
    return np.where(np.asarray(crowd, bool), whole, np.minimum(whole, outlines))


def _share(shared, detected_area, true_area, crowd) -> np.ndarray:
    union = detected_area[:, None] + true_area[None, :] - shared
    whole = np.where(np.asarray(crowd, bool), detected_area[:, None], union)
    return np.where(shared > 0, shared / np.where(whole > 0, whole, 1.0), 0.0)


def _shared_pixels(one: Cut, other: Cut) -> int:
    """The number of shared pixels, counted where both windows overlap."""
    (top, left, bottom, right), (other_top, other_left, other_bottom, other_right) = one.box, other.box
    rows = max(top, other_top), min(bottom, other_bottom)
    columns = max(left, other_left), min(right, other_right)
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return 0
    first = one.inside[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]
    second = other.inside[rows[0] - other_top : rows[1] - other_top, columns[0] - other_left : columns[1] - other_left]
    return int(np.count_nonzero(first & second))


def _bands(masks: Masks, width: int) -> Masks:
    # Erosion within the window equals erosion in the image, since the object has no pixel outside its window.
    return Masks(masks.size, tuple(Cut(inner_band(cut.inside, None, width), cut.top, cut.left) for cut in masks.cuts))
