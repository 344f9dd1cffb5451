"""Scores of outlines: boundary IoU, and the F score of outlines at a tolerance."""

import numpy as np
from scipy.spatial import cKDTree

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.metrics.surface import masks, surface
from kseg.metrics.whole import whole


def boundary_counts(
    truth, prediction, *, label: int = 1, width: int | None = None, ratio: float = 0.02, void: int | None = VOID
) -> np.ndarray:
    """int64 (2,): intersection and union of the two inner boundary bands of `label`, in pixels.

    The counts add up over images: Σ intersections / Σ unions is the boundary IoU of a data set. Args as for
    `boundary_iou`.

    >>> truth = np.zeros((8, 8), np.uint8)
    >>> truth[2:6, 2:6] = 1
    >>> shifted = np.roll(truth, 1, axis=1)
    >>> boundary_counts(truth, shifted, width=1).tolist()  # of 12 + 12 pixels of outline
    [6, 18]
    """
    true_mask, predicted_mask, valid = masks(truth, prediction, label=label, void=void)
    if width is None:
        width = boundary_width(true_mask.shape, ratio)
    width = whole(width, "the width of a boundary in pixels")
    true_band, predicted_band = (inner_band(mask, valid, width) for mask in (true_mask, predicted_mask))
    return np.array([np.count_nonzero(true_band & predicted_band), np.count_nonzero(true_band | predicted_band)])


def boundary_iou(truth, prediction, **options) -> float:
    """IoU of the bands of pixels within `width` of the outline, inside each mask; one image.

        |(G_d ∩ G) ∩ (P_d ∩ P)| / |(G_d ∩ G) ∪ (P_d ∩ P)|

    Args:
      truth: integers (H, W); `void` pixels belong to no band and form no outline.
      prediction: integers (H, W).
      label: the class whose mask is compared.
      width: d in pixels; None: `ratio` of the image's diagonal, rounded, at least 1.
      ratio: 0.02 in the paper.
    Returns:
      within 0..1; 1 where both bands are empty, 0 where one is.
    A distance is the number of 3×3 erosions, as in the paper's code, and the edge of the image counts as outline.
    Source: Cheng et al. 2021, eq. 1. Deviations: void, which the paper does not have.

    >>> truth = np.zeros((8, 8), np.uint8)
    >>> truth[2:6, 2:6] = 1
    >>> shifted = np.roll(truth, 1, axis=1)
    >>> round(boundary_iou(truth, shifted, width=1), 4)
    0.3333
    """
    intersection, union = boundary_counts(truth, prediction, **options)
    return float(intersection / union) if union else 1.0


def boundary_width(size: tuple[int, int], ratio: float) -> int:
    """`ratio` of the diagonal of an image (H, W), rounded to whole pixels, at least 1."""
    return max(1, round(_share_of_diagonal(size, ratio)))


def boundary_f(
    truth,
    prediction,
    *,
    label: int = 1,
    tolerance: float | None = None,
    ratio: float = 0.0075,
    void: int | None = VOID,
    at_image_border: bool = False,
) -> float:
    """F score of two outlines that may lie `tolerance` apart; one image.

        P = |{p ∈ S_p : d(p, S_t) ≤ τ}| / |S_p|      R = |{t ∈ S_t : d(t, S_p) ≤ τ}| / |S_t|      F = 2PR / (P + R)

    Args:
      truth: integers (H, W); `void` as in `kseg.metrics.surface`.
      prediction: integers (H, W).
      label: the class whose mask is compared.
      tolerance: τ in pixels; None: `ratio` of the image's diagonal.
      ratio: 0.0075 in the paper.
      at_image_border: whether a mask cut off by the image's edge has an outline there.
    Returns:
      within 0..1; 1 where neither has an outline, 0 where only one has an outline or only one mask is empty (without
      `at_image_border`, a mask that fills the image has no outline).
    Source: Csurka et al. 2013, section 3 (after Martin et al. 2004).

    >>> truth = np.zeros((8, 8), np.uint8)
    >>> truth[2:6, 2:6] = 1
    >>> shifted = np.roll(truth, 1, axis=1)
    >>> float(boundary_f(truth, shifted, tolerance=1))
    1.0
    """
    true_mask, predicted_mask, valid = masks(truth, prediction, label=label, void=void)
    if tolerance is None:
        tolerance = _share_of_diagonal(true_mask.shape, ratio)
    if not tolerance >= 0:
        raise UsageError(f"the tolerance is a distance of 0 pixels or more, received {tolerance}")
    true_empty, predicted_empty = (
        not (mask if valid is None else mask & valid).any() for mask in (true_mask, predicted_mask)
    )
    if true_empty != predicted_empty:
        return 0.0
    true_points, predicted_points = (
        np.argwhere(surface(mask, valid, at_image_border=at_image_border)) for mask in (true_mask, predicted_mask)
    )
    if not len(true_points) or not len(predicted_points):
        return float(len(true_points) == len(predicted_points))
    precision = np.mean(cKDTree(true_points).query(predicted_points)[0] <= tolerance)
    recall = np.mean(cKDTree(predicted_points).query(true_points)[0] <= tolerance)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _share_of_diagonal(size: tuple[int, int], ratio: float) -> float:
    if not 0 <= ratio <= 1:
        raise UsageError(f"the ratio is a share of the image's diagonal from 0 to 1, received {ratio}")
    return ratio * float(np.hypot(*size))


def inner_band(mask: np.ndarray, valid: np.ndarray | None, width: int) -> np.ndarray:
    """bool (H, W): pixels of a mask within `width` of its outline; void pixels are in no band and form no outline."""
    if not mask.any():
        return mask
    solid = mask if valid is None else mask | ~valid
    band = mask & ~_eroded(solid, width)
    return band if valid is None else band & valid


def _eroded(mask: np.ndarray, width: int) -> np.ndarray:
    """`width` erosions with a 3×3 square, with an empty outside: all pixels within `width` have to be in the mask.

    Sums of windows take the same time for any width, while the time of SciPy's erosion grows with it.
    """
    length = 2 * width + 1
    for _ in range(2):  # along the rows, then, transposed, along the columns
        sums = np.cumsum(np.pad(mask, ((0, 0), (width + 1, width))), axis=1, dtype=np.int32)
        mask = (sums[:, length:] - sums[:, :-length] == length).T
    return mask
