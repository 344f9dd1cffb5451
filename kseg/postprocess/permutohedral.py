"""Gaussian filtering in many dimensions on a permutohedral lattice, in NumPy and SciPy.

`permutohedral_compiled.py` is the same in machine code. This file is what runs where Numba is not installed.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, eye_array

from kseg.errors import UsageError

NEIGHBOR_WEIGHT = 0.5
"""Weight of each neighbor in the blur along an axis, the point itself having 1."""


@dataclass(frozen=True)
class Coding:
    """How the coordinates of a lattice point, whole numbers, become one int64: mixed radix."""

    low: np.ndarray
    """int64 (d,), the smallest coordinate there is room for"""
    factors: np.ndarray
    """int64 (d,), what a step of each coordinate adds"""

    @property
    def steps(self) -> np.ndarray:
        """int64 (d + 1,): the difference of the codes of two neighbors along each axis.

        A step along an axis adds d to the coordinate of that axis and −1 to all others. The last coordinate has no
        digit of its own, because all coordinates sum to 0.
        """
        d = len(self.factors)
        return np.append((d + 1) * self.factors, 0) - self.factors.sum()


def scales(d: int) -> np.ndarray:
    """float32 (d,): by how much features are stretched for the lattice's blur to have a standard deviation of 1."""
    i = np.arange(d, dtype=np.float64)
    return (np.sqrt(2 / 3) * (d + 1) / np.sqrt((i + 1) * (i + 2))).astype(np.float32)


def coding(features: np.ndarray) -> Coding:
    """A coding with room for every lattice point around the features (N, d) and for their neighbors.

    Raises:
      UsageError: the features lie so far apart that no int64 numbers them.
    """
    d = features.shape[1]
    reach = np.abs(features - features.mean(axis=0)).max(axis=0) * scales(d)
    middle = elevated(features.mean(axis=0, keepdims=True))[0, :d]
    # A coordinate is a sum of stretched features, one of them times up to d; corners and their neighbors lie at most
    # four steps further.
    apart = np.array([reach[j:].sum() + j * reach[j - 1] * (j > 0) for j in range(d)]) + 4 * (d + 1)
    low = np.floor(middle - apart).astype(np.int64)
    spans = np.ceil(2 * apart).astype(np.int64) + 1
    if float(np.prod(spans.astype(np.float64))) >= 2**62:
        raise UsageError(
            "the kernel is so narrow for so large a range of positions and colors that its lattice has more than 2⁶² "
            "points; take larger standard deviations"
        )
    return Coding(low, np.append(np.cumprod(spans[:0:-1])[::-1], 1))


def elevated(features: np.ndarray) -> np.ndarray:
    """float32 (N, d + 1): the features on the plane on which all coordinates sum to 0, stretched by `scales`."""
    count, d = features.shape
    stretched = features * scales(d)
    raised = np.empty((count, d + 1), np.float32)
    total = np.zeros(count, np.float32)
    for j in range(d, 0, -1):
        raised[:, j] = total - j * stretched[:, j - 1]
        total = total + stretched[:, j - 1]
    raised[:, 0] = total
    return raised


class Permutohedral:
    """A Gaussian filter over N points in d dimensions: splat onto the lattice, blur along its axes, slice.

        (K v)_i ≈ g · Σ_j exp(−|f_i − f_j|² / 2) v_j

    where f are the features, divided by their standard deviations, and g is a number that depends on d alone; dividing
    by K 1 cancels it.

    Args:
      features: float32 (N, d).
    Errors: features too far apart to number the lattice (`coding`).
    Source: Adams, Baek & Davis 2010, "Fast high-dimensional filtering using the permutohedral lattice", sections 3 and
    4. Deviations: none; as in their code, a point of the lattice that no feature touches is not blurred into.

    >>> lattice = Permutohedral(np.zeros((2, 5), np.float32))  # two points at one place share all they have
    >>> lattice.filtered(np.array([[1.0], [3.0]], np.float32)).ravel().tolist()[0] > 0
    True
    """

    def __init__(self, features: np.ndarray):
        count, d = features.shape
        code = coding(features)
        keys, weights = _simplices(features, code)
        points, offsets = np.unique(keys, return_inverse=True)
        rows = np.repeat(np.arange(count), d + 1)
        self._slice = csr_matrix((weights.ravel(), (rows, offsets.ravel())), shape=(count, len(points)))
        self._splat = csr_matrix(self._slice.T)
        self._blurs = [_blur(points, step) for step in code.steps]
        self.points = len(points)

    def filtered(self, values: np.ndarray) -> np.ndarray:
        """K v, float32 (N, C), of v, float32 (N, C)."""
        on_lattice = self._splat @ values
        for blur in self._blurs:
            on_lattice = blur @ on_lattice
        return self._slice @ on_lattice

    def add_filtered(self, values: np.ndarray, before: np.ndarray, after: np.ndarray, out: np.ndarray) -> None:
        """out += after · K (before · v); `before` and `after` are float32 (N,)."""
        out += after[:, None] * self.filtered(before[:, None] * values)


def softmax_inplace(logits: np.ndarray) -> None:
    """float32 (N, C) to its softmax over the last axis."""
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1, keepdims=True)


def _simplices(features: np.ndarray, code: Coding) -> tuple[np.ndarray, np.ndarray]:
    """The keys, int64 (N, d + 1), and the barycentric weights of the corners of each feature's simplex."""
    count, d = features.shape
    corners = d + 1
    raised = elevated(features)

    # 1. the nearest point whose coordinates are multiples of d + 1; it may lie off the plane
    nearest = np.rint(raised / np.float32(corners))
    off_plane = nearest.sum(axis=1).astype(np.int64)
    nearest *= corners

    # 2. the rank of each coordinate's remainder, largest first; coordinates at either end step back onto the plane
    order = np.argsort(nearest - raised, axis=1, kind="stable")
    rank = np.empty((count, corners), np.int64)
    np.put_along_axis(rank, order, np.arange(corners)[None], axis=1)
    rank += off_plane[:, None]
    step = corners * ((rank < 0).astype(np.int64) - (rank > d))
    rank += step
    nearest += step

    # 3. barycentric weights: differences of consecutive remainders
    remainder = (raised - nearest) / np.float32(corners)
    in_order = np.empty_like(remainder)
    np.put_along_axis(in_order, rank, remainder, axis=1)
    weights = np.empty((count, corners), np.float32)
    weights[:, 0] = 1 + in_order[:, d] - in_order[:, 0]
    weights[:, 1:] = (in_order[:, :-1] - in_order[:, 1:])[:, ::-1]

    # 4. corner k adds k to every coordinate, and takes d + 1 from the k of highest rank
    base = nearest[:, :d].astype(np.int64) - code.low
    keys = np.empty((count, corners), np.int64)
    for k in range(corners):
        keys[:, k] = (base + k - corners * (rank[:, :d] > d - k)) @ code.factors
    return keys, weights


def _blur(points: np.ndarray, step: int) -> csr_matrix:
    """(M, M): each point keeps its value and takes half of those of its neighbors at ± `step`, where they exist."""
    mixed = eye_array(len(points), format="csr", dtype=np.float32)
    for wanted in (points + step, points - step):
        column = np.minimum(np.searchsorted(points, wanted), len(points) - 1)
        rows = np.flatnonzero(points[column] == wanted)
        half = np.full(len(rows), NEIGHBOR_WEIGHT, np.float32)
        mixed = mixed + csr_matrix((half, (rows, column[rows])), shape=mixed.shape)
    return csr_matrix(mixed)
