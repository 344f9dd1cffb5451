"""The permutohedral lattice in machine code, by Numba (extra `crf`): what `permutohedral.py` says, in half the time.

Numba checks no bounds: every index below was computed here, from features that the caller has checked.
"""

import numba
import numpy as np

from kseg.postprocess.permutohedral import NEIGHBOR_WEIGHT, coding, scales

REORDERED = {"contract", "reassoc", "nsz", "arcp"}
"""Liberties with sums, which let them be vectorized; infinity and NaN keep their meaning."""


def _compiled(function):
    try:
        return numba.njit(cache=True, fastmath=REORDERED)(function)
    except RuntimeError:  # this disk has no place to cache machine code: each process compiles
        return numba.njit(fastmath=REORDERED)(function)


class CompiledPermutohedral:
    """`Permutohedral` in machine code: same arguments, same numbers up to rounding."""

    def __init__(self, features: np.ndarray):
        count, d = features.shape
        code = coding(features)
        keys = np.empty((count, d + 1), np.int64)
        self._weights = np.empty((count, d + 1), np.float32)
        _simplices(features, scales(d), code.low, code.factors, keys, self._weights)

        # Most features share corners with their neighbors in the image, but all might have their own.
        self._offsets = np.empty((count, d + 1), np.int32)
        slots, points = 2 * count, -1
        while points < 0:
            slots = 2 ** int(np.ceil(np.log2(2 * slots)))
            table = np.full(slots, -1, np.int32)
            unique = np.empty(slots // 2, np.int64)
            points = _numbered(keys, table, unique, self._offsets)
        self._neighbors = np.empty((d + 1, points, 2), np.int32)
        _find_neighbors(table, unique, code.steps, self._neighbors)
        self.points = points
        self._buffers = np.empty((2, 0, 0), np.float32)

    def filtered(self, values: np.ndarray) -> np.ndarray:
        """K v, float32 (N, C), of v, float32 (N, C)."""
        ones = np.ones(len(values), np.float32)
        out = np.zeros(values.shape, np.float32)
        self.add_filtered(values, ones, ones, out)
        return out

    def add_filtered(self, values: np.ndarray, before: np.ndarray, after: np.ndarray, out: np.ndarray) -> None:
        """out += after · K (before · v); `before` and `after` are float32 (N,)."""
        shape = (2, self.points + 1, values.shape[1])  # the last row stands for neighbors that do not exist
        if self._buffers.shape != shape:
            self._buffers = np.zeros(shape, np.float32)
        here, there = self._buffers
        _splat(values, before, self._offsets, self._weights, here)
        for neighbors in self._neighbors:
            _blur(here, neighbors, there)
            here, there = there, here
        _slice(here, after, self._offsets, self._weights, out)


def softmax_inplace(logits: np.ndarray) -> None:
    """float32 (N, C) to its softmax over the last axis."""
    _subtract_largest(logits)
    np.exp(logits, out=logits)  # NumPy's is vectorized, the compiler's is not
    _divide_by_sum(logits)


@_compiled
def _simplices(features, stretch, low, factors, keys, weights):
    """The keys and the barycentric weights of the corners of each feature's simplex."""
    count, d = features.shape
    corners = d + 1
    raised = np.empty(corners, np.float32)
    nearest, rank = np.empty(corners, np.int64), np.empty(corners, np.int64)
    in_order = np.empty(corners, np.float32)
    for n in range(count):
        # 1. onto the plane on which coordinates sum to 0
        total = np.float32(0)
        for j in range(d, 0, -1):
            stretched = features[n, j - 1] * stretch[j - 1]
            raised[j] = total - np.float32(j) * stretched
            total += stretched
        raised[0] = total

        # 2. the nearest point whose coordinates are multiples of d + 1, and how far off the plane it lies
        off_plane = np.int64(0)
        for i in range(corners):
            multiple = np.int64(np.rint(raised[i] / np.float32(corners)))
            nearest[i] = multiple * corners
            off_plane += multiple
            rank[i] = 0

        # 3. the rank of each remainder, largest first; coordinates at either end step back onto the plane
        for i in range(d):
            for j in range(i + 1, corners):
                if raised[i] - nearest[i] < raised[j] - nearest[j]:
                    rank[i] += 1
                else:
                    rank[j] += 1
        for i in range(corners):
            rank[i] += off_plane
            if rank[i] < 0:
                rank[i] += corners
                nearest[i] += corners
            elif rank[i] > d:
                rank[i] -= corners
                nearest[i] -= corners
            in_order[rank[i]] = (raised[i] - nearest[i]) / np.float32(corners)

        # 4. corners and weights
        weights[n, 0] = np.float32(1) + in_order[d] - in_order[0]
        for k in range(1, corners):
            weights[n, k] = in_order[d - k] - in_order[d - k + 1]
        for k in range(corners):
            key = np.int64(0)
            for i in range(d):
                coordinate = nearest[i] + k - (corners if rank[i] > d - k else 0)
                key += (coordinate - low[i]) * factors[i]
            keys[n, k] = key


@_compiled
def _slot(key, slots):
    """Where the search for a key begins: the bits of a product with the golden ratio, mixed once more."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(slots - 1))


@_compiled
def _numbered(keys, table, unique, offsets):
    """Numbers the different keys in the order they come in; returns how many, or −1 where `table` is too small."""
    slots, points = table.size, 0
    for n in range(keys.shape[0]):
        for k in range(keys.shape[1]):
            key = keys[n, k]
            slot = _slot(key, slots)
            while table[slot] >= 0 and unique[table[slot]] != key:
                slot = (slot + 1) & (slots - 1)
            if table[slot] < 0:
                if points == unique.size:
                    return -1
                unique[points] = key
                table[slot] = points
                points += 1
            offsets[n, k] = table[slot]
    return points


@_compiled
def _find_neighbors(table, unique, steps, neighbors):
    """The numbers of the points at ± each step; the number of points stands for one that does not exist."""
    slots, points = table.size, neighbors.shape[1]
    for j in range(steps.size):
        for m in range(points):
            for side in range(2):
                key = unique[m] + (steps[j] if side == 0 else -steps[j])
                slot = _slot(key, slots)
                while table[slot] >= 0 and unique[table[slot]] != key:
                    slot = (slot + 1) & (slots - 1)
                neighbors[j, m, side] = table[slot] if table[slot] >= 0 else points


@_compiled
def _splat(values, before, offsets, weights, lattice):
    lattice[:] = 0
    for n in range(values.shape[0]):
        for k in range(offsets.shape[1]):
            point, weight = offsets[n, k], weights[n, k] * before[n]
            for c in range(values.shape[1]):
                lattice[point, c] += weight * values[n, c]


@_compiled
def _blur(lattice, neighbors, blurred):
    half = np.float32(NEIGHBOR_WEIGHT)
    for m in range(neighbors.shape[0]):
        one, other = neighbors[m, 0], neighbors[m, 1]
        for c in range(lattice.shape[1]):
            blurred[m, c] = lattice[m, c] + half * (lattice[one, c] + lattice[other, c])


@_compiled
def _slice(lattice, after, offsets, weights, out):
    for n in range(out.shape[0]):
        for k in range(offsets.shape[1]):
            point, weight = offsets[n, k], weights[n, k] * after[n]
            for c in range(out.shape[1]):
                out[n, c] += weight * lattice[point, c]


@_compiled
def _subtract_largest(logits):
    for n in range(logits.shape[0]):
        largest = logits[n, 0]
        for c in range(1, logits.shape[1]):
            largest = max(largest, logits[n, c])
        for c in range(logits.shape[1]):
            logits[n, c] -= largest


@_compiled
def _divide_by_sum(values):
    for n in range(values.shape[0]):
        total = np.float32(0)
        for c in range(values.shape[1]):
            total += values[n, c]
        for c in range(values.shape[1]):
            values[n, c] /= total
