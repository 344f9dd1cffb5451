"""Distances of two outlines: Hausdorff distance, average symmetric surface distance, normalized surface distance.

The surface of a mask is the set of its pixels with a 4-neighbor outside it; pixels beyond the image's edge are outside.
Void pixels belong to no surface, and a void neighbor does not make a pixel surface: where void surrounds the truth
(PASCAL VOC), no surface is left to compare. Distances are between pixel centers, in pixels or in the unit of `spacing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from kseg.conventions import VOID
from kseg.errors import UsageError


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances from every surface pixel of one mask to the nearest of the other; empty where a surface is missing."""

    to_truth: np.ndarray
    """float64 (pixels of the predicted surface,)"""
    to_prediction: np.ndarray
    """float64 (pixels of the true surface,)"""
    true_pixels: int
    predicted_pixels: int

    @property
    def both_missing(self) -> bool:
        return self.true_pixels == self.predicted_pixels == 0

    @property
    def one_missing(self) -> bool:
        return not self.both_missing and 0 in (self.true_pixels, self.predicted_pixels)


def surface(mask: np.ndarray, valid: np.ndarray | None = None, *, at_image_border: bool = True) -> np.ndarray:
    """bool (H, W): the pixels of a mask (H, W) with a 4-neighbor outside it; see the module's docstring.

    `at_image_border=False`: the mask continues beyond the image, so that the image's edge is no surface.
    """
    if valid is None:
        return mask & ~binary_erosion(mask, border_value=not at_image_border)
    return mask & valid & ~binary_erosion(mask | ~valid, border_value=not at_image_border)


def surface_distances(
    truth, prediction, *, label: int = 1, void: int | None = VOID, spacing: Sequence[float] = (1.0, 1.0)
) -> SurfaceDistances:
    """Distances between the surfaces of `label` in two label maps, exact (nearest neighbors in a k-d tree).

    Args:
      truth: integers (H, W), class ids; where it is `void`, the prediction is ignored.
      prediction: integers (H, W), class ids.
      label: the class whose mask is compared.
      spacing: (row, column) distance between pixel centers.
    Errors: UsageError for other shapes and dtypes, and for a spacing that is not two positive numbers.

    >>> truth = np.zeros((8, 8), np.uint8)
    >>> truth[2:6, 2:6] = 1
    >>> shifted = np.roll(truth, 1, axis=1)
    >>> distances = surface_distances(truth, shifted)
    >>> float(distances.to_truth.max()), distances.true_pixels  # the right column of the shifted square
    (1.0, 12)
    """
    true_mask, predicted_mask, valid = masks(truth, prediction, label=label, void=void)
    scale = np.asarray(spacing, np.float64)
    if scale.shape != (2,) or not np.all(scale > 0):
        raise UsageError(f"spacing is two positive numbers, for rows and columns, received {spacing}")
    true_points = np.argwhere(surface(true_mask, valid)) * scale
    predicted_points = np.argwhere(surface(predicted_mask, valid)) * scale
    to_truth = to_prediction = np.zeros(0)
    if len(true_points) and len(predicted_points):
        to_truth = cKDTree(true_points).query(predicted_points)[0]
        to_prediction = cKDTree(predicted_points).query(true_points)[0]
    return SurfaceDistances(to_truth, to_prediction, len(true_points), len(predicted_points))


def hausdorff_distance(truth, prediction, *, percentile: float = 95.0, missing: float = np.inf, **options) -> float:
    """HD95 of one image: the larger of both directions' 95th percentiles of surface distances.

        max(P95 {d(p, S_t) : p ∈ S_p}, P95 {d(t, S_p) : t ∈ S_t})

    Args:
      truth, prediction, options: as for `surface_distances`.
      percentile: 95; 100 gives the Hausdorff distance.
      missing: the value where only one of the two has a surface.
    Empty: neither has a surface: 0. Source: Huttenlocher et al. 1993; the two directions as in MONAI and Nikolov
    et al. 2018 (medpy pools them before taking the percentile).

    >>> truth = np.zeros((8, 8), np.uint8)
    >>> truth[2:6, 2:6] = 1
    >>> shifted = np.roll(truth, 1, axis=1)
    >>> float(hausdorff_distance(truth, shifted, percentile=100))  # one pixel to the right
    1.0
    """
    if not 0 < percentile <= 100:
        raise UsageError(f"the percentile is above 0 and at most 100, received {percentile}")
    distances = surface_distances(truth, prediction, **options)
    if distances.both_missing:
        return 0.0
    if distances.one_missing:
        return missing
    return float(max(np.percentile(d, percentile) for d in (distances.to_truth, distances.to_prediction)))


def average_surface_distance(truth, prediction, *, missing: float = np.inf, **options) -> float:
    """ASSD of one image: the mean of all surface distances of both directions.

        (Σ_{p ∈ S_p} d(p, S_t) + Σ_{t ∈ S_t} d(t, S_p)) / (|S_p| + |S_t|)

    Args: as for `hausdorff_distance`. Empty: neither has a surface: 0; only one has: `missing`.
    Source: Heimann et al. 2009, eq. 5.

    >>> truth = np.zeros((8, 8), np.uint8)
    >>> truth[2:6, 2:6] = 1
    >>> shifted = np.roll(truth, 1, axis=1)
    >>> round(float(average_surface_distance(truth, shifted)), 4)
    0.5
    """
    distances = surface_distances(truth, prediction, **options)
    if distances.both_missing:
        return 0.0
    if distances.one_missing:
        return missing
    return float(np.concatenate([distances.to_truth, distances.to_prediction]).mean())


def normalized_surface_distance(truth, prediction, *, tolerance: float, **options) -> float:
    """NSD (surface Dice) of one image: the share of both surfaces within `tolerance` of the other.

        (|{p ∈ S_p : d(p, S_t) ≤ τ}| + |{t ∈ S_t : d(t, S_p) ≤ τ}|) / (|S_p| + |S_t|)

    Args:
      truth, prediction, options: as for `surface_distances`.
      tolerance: τ ≥ 0, in the unit of `spacing`.
    Empty: neither has a surface: 1; only one has: 0. Source: Nikolov et al. 2018.
    Deviations: surface pixels are counted, not weighted by their length of outline.

    >>> truth = np.zeros((8, 8), np.uint8)
    >>> truth[2:6, 2:6] = 1
    >>> shifted = np.roll(truth, 1, axis=1)
    >>> float(normalized_surface_distance(truth, shifted, tolerance=1))  # all within one pixel
    1.0
    """
    if not tolerance >= 0:
        raise UsageError(f"the tolerance is a distance of 0 or more, received {tolerance}")
    distances = surface_distances(truth, prediction, **options)
    if distances.both_missing:
        return 1.0
    near = np.count_nonzero(distances.to_truth <= tolerance) + np.count_nonzero(distances.to_prediction <= tolerance)
    return near / (distances.true_pixels + distances.predicted_pixels)


def masks(truth, prediction, *, label: int, void: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The masks of `label` in two label maps (H, W), and which pixels are valid (None: all)."""
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    for name, array in (("truth", truth), ("prediction", prediction)):
        if array.ndim != 2 or array.dtype.kind not in "iub":
            raise UsageError(
                f"the {name} is a label map (H, W) of integers, received {array.dtype} {array.shape}; "
                "pass one image at a time, after argmax or threshold"
            )
    if truth.shape != prediction.shape:
        raise UsageError(f"truth {truth.shape} and prediction {prediction.shape} have different shapes")
    valid = None if void is None else truth != void
    if valid is not None and valid.all():
        valid = None
    return truth == label, prediction == label, valid
