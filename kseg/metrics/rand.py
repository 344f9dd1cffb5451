"""The Rand score of ISBI's challenges: whether pairs of pixels of one object stay in one object."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class RandScore:
    """The agreement of two divisions of the same pixels into segments; 1 for equal divisions."""

    split: float
    """Σ p_ij² / Σ t_j²: lower if more true segments are split"""
    merge: float
    """Σ p_ij² / Σ s_i²: lower if more true segments are merged"""

    @property
    def v_rand(self) -> float:
        """The harmonic mean of `split` and `merge`."""
        return 2 * self.split * self.merge / (self.split + self.merge)


def rand_score(true, predicted) -> RandScore:
    """The Rand score of segments, restricted to the foreground of the truth.

        split = Σ_ij p_ij² / Σ_j t_j²      merge = Σ_ij p_ij² / Σ_i s_i²      V = Σ p_ij² / (½ Σ s_i² + ½ Σ t_j²)

    where p_ij is the share of the foreground's pixels that lie in the predicted segment i and the true segment j,
    s_i = Σ_j p_ij and t_j = Σ_i p_ij.

    Args:
      true: whole numbers, (H, W) or of any shape; pixels of 0 belong to no segment and are ignored.
      predicted: of the same shape; each pixel of 0 is a segment of its own.
    No foreground: nan.
    Raises: ValueError for different shapes.
    Source: Arganda-Carreras et al. 2015, "Crowdsourcing the creation of image segmentation algorithms for
    connectomics", eqs. 3 and 4, α = ½. Deviations: none; pixels in no predicted segment are as in SNEMI3D's evaluation.

    >>> rand_score([1, 1, 1, 1], [1, 1, 2, 2])  # one segment of four pixels is two of two: Σ p² = ¼ + ¼
    RandScore(split=0.5, merge=1.0)
    """
    true, predicted = np.asarray(true), np.asarray(predicted)
    if true.shape != predicted.shape:
        raise ValueError(f"segments have the shapes {true.shape} and {predicted.shape}; give segments of one image")
    foreground = true != 0
    t, s = true[foreground], predicted[foreground]
    if not t.size:
        return RandScore(float("nan"), float("nan"))
    alone = int((s == 0).sum())
    # Each pixel's pair of segments as one number, since sorting pairs is ten times as slow.
    together = s != 0
    of_truth, of_prediction = (np.unique(one, return_inverse=True)[1].astype(np.int64).ravel() for one in (t, s))
    pair = of_prediction * (of_truth.max() + 1) + of_truth
    pairs = _squares(pair[together]) + alone
    return RandScore(split=pairs / _squares(of_truth), merge=pairs / (_squares(of_prediction[together]) + alone))


def _squares(keys: np.ndarray) -> int:
    """Σ n² over the keys, n being the count of a key; exact, in integers."""
    _, counts = np.unique(keys, return_counts=True)
    return int(np.square(counts.astype(np.int64)).sum())


def cells_between_membranes(foreground, *, thin: bool = False) -> np.ndarray:
    """The segments of a binary map: connected pixels (by edges, not corners), 1, 2, …; 0 for the membranes.

    Args:
      foreground: bool (H, W).
      thin: whether every pixel of a membrane joins the nearest segment, so that the thickness of membranes does not
        matter ("border thinning"); a map without any segment stays 0.
    Returns:
      int32 (H, W).

    >>> cells_between_membranes([[1, 0, 1, 1]]).tolist(), cells_between_membranes([[1, 0, 0, 1]], thin=True).tolist()
    ([[1, 0, 2, 2]], [[1, 1, 2, 2]])
    """
    segments, count = ndimage.label(np.asarray(foreground, bool))
    if thin and count:
        nearest = ndimage.distance_transform_edt(segments == 0, return_distances=False, return_indices=True)
        segments = segments[tuple(nearest)]
    return segments.astype(np.int32)


def membrane_rand(true, predicted) -> RandScore:
    """`rand_score` of the cells between true and predicted membranes, ISBI's ranking of 2012 to 2015.

    Args:
      true: bool (H, W), cells; False is membrane.
      predicted: bool (H, W); its membranes are thinned.
    Source: as of `rand_score`, "foreground-restricted Rand scoring after border thinning". Deviations: the authors'
    script thins by a watershed on the probabilities, here each pixel of a membrane joins the nearest cell; the score is
    of one slice instead of a volume.

    >>> true = np.array([[1, 1, 0, 1, 1]] * 3, bool)
    >>> leak = true.copy()
    >>> leak[1, 2] = True  # a hole in the membrane merges two cells of 6: Σ p² = 2·¼, Σ s² = 1
    >>> membrane_rand(true, leak)
    RandScore(split=1.0, merge=0.5)
    """
    return rand_score(cells_between_membranes(true), cells_between_membranes(predicted, thin=True))
