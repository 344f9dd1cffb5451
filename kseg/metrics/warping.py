"""The warping error of ISBI's challenges: topological errors of a segmentation, whatever the place of its borders."""

from collections import deque
from functools import lru_cache

import numpy as np
from scipy import ndimage

AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""The eight neighbors, clockwise; those with odd numbers share an edge with the pixel."""

OUTSIDE, MEMBRANE, CELL = 0, 1, 2


def pixel_error(true, predicted) -> float:
    """The share of pixels with a wrong class.

    Args:
      true, predicted: bool (H, W).
    No pixels: nan. Source: ISBI 2012's "pixel error" of binary maps, 1 − accuracy. Deviations: none.

    >>> pixel_error([[1, 0, 0, 1]], [[1, 1, 0, 1]])
    0.25
    """
    true, predicted = _two_maps(true, predicted)
    return float(np.mean(true != predicted)) if true.size else float("nan")


def warping_error(true, predicted, *, radius: float | None = 20.0) -> float:
    """The share of pixels that differ after the truth is warped towards the prediction without changing its topology.

        error = min over warpings W of  |{x : W(x) ≠ prediction(x)}| / |{x}|

    A warping flips pixels one by one, and only simple points, whose flipping connects, divides, adds and removes no
    object; cells are connected by edges, membranes by edges and corners. A border in another place costs nothing; a
    hole in a membrane costs the pixels that close it.

    Args:
      true: bool (H, W), cells; False is membrane.
      predicted: bool (H, W).
      radius: pixels farther than this from the other class in the truth do not flip. None: all may flip.
    No pixels: nan. Raises: ValueError for maps of different sizes.
    Source: Jain et al. 2010, "Boundary learning by optimization with topological constraints", section 2. Deviations:
    the minimum is approached greedily, as in the authors' code: only differing pixels flip, as soon as they can, from
    the top left. The challenge's ranking only counted splits and merges.

    >>> true = np.ones((5, 6), bool)
    >>> true[:, 2] = False
    >>> warping_error(true, np.roll(true, 1, axis=1))  # the membrane lies one pixel further to the right
    0.0
    >>> leak = true.copy()
    >>> leak[2, 2] = True  # and with a hole in it: one of 30 pixels
    >>> round(30 * warping_error(true, leak), 6)
    1.0
    """
    true, predicted = _two_maps(true, predicted)
    if not true.size:
        return float("nan")
    return float(np.mean(warped_towards(true, predicted, radius=radius) != predicted))


def warped_towards(true: np.ndarray, predicted: np.ndarray, *, radius: float | None = 20.0) -> np.ndarray:
    """The truth, bool (H, W), warped as in `warping_error`.

    >>> warped_towards(np.array([[1, 1, 0, 0]], bool), np.array([[1, 0, 0, 0]], bool)).astype(int).tolist()
    [[1, 0, 0, 0]]
    """
    height, width = true.shape
    # One number per pixel, in a frame that is neither class, so that nothing is connected or divided at the border.
    framed = np.full((height + 2, width + 2), OUTSIDE, np.uint8)
    framed[1:-1, 1:-1] = np.where(true, CELL, MEMBRANE)
    differs = np.zeros(framed.shape, bool)
    differs[1:-1, 1:-1] = (true != predicted) & _near_a_border(true, radius)
    kinds, wrong = framed.ravel().tolist(), differs.ravel().tolist()
    steps = [down * (width + 2) + right for down, right in AROUND]
    waiting = deque(np.flatnonzero(differs).tolist())
    while waiting:
        place = waiting.popleft()
        if not wrong[place] or not is_simple(tuple(kinds[place + step] for step in steps)):
            continue
        kinds[place] = MEMBRANE if kinds[place] == CELL else CELL
        wrong[place] = False
        waiting.extend(place + step for step in steps if wrong[place + step])  # these may have become simple
    return np.array(kinds, np.uint8).reshape(framed.shape)[1:-1, 1:-1] == CELL


@lru_cache(3**8)
def is_simple(around: tuple[int, ...]) -> bool:
    """Whether a pixel with these eight neighbors, clockwise from the top left, can flip without a topological change.

    It can if it touches exactly one piece of cell by an edge, and one piece of membrane by an edge or corner.

    >>> is_simple((2, 2, 2, 2, 1, 1, 1, 2)), is_simple((2, 2, 2, 1, 2, 2, 2, 1))  # a border; a membrane's gap
    (True, False)
    """
    by_edges = [(k, (k + 1) % 8) for k in range(8)]  # a corner and the edge next to it
    by_corners = [(k, (k + 2) % 8) for k in range(1, 8, 2)]  # such as above and right
    cells = _pieces([k for k in range(8) if around[k] == CELL], by_edges)
    membranes = _pieces([k for k in range(8) if around[k] == MEMBRANE], by_edges + by_corners)
    return sum(any(k % 2 for k in piece) for piece in cells) == 1 and len(membranes) == 1


def _pieces(places: list[int], beside: list[tuple[int, int]]) -> list[set[int]]:
    pieces = [{place} for place in places]
    for one, other in beside:
        touched = [piece for piece in pieces if one in piece or other in piece]
        if len(touched) == 2:
            pieces = [piece for piece in pieces if piece not in touched] + [touched[0] | touched[1]]
    return pieces


def _near_a_border(true: np.ndarray, radius: float | None) -> np.ndarray:
    if radius is None or true.all() or not true.any():
        return np.ones(true.shape, bool)
    return np.where(true, ndimage.distance_transform_edt(true), ndimage.distance_transform_edt(~true)) <= radius


def _two_maps(true, predicted) -> tuple[np.ndarray, np.ndarray]:
    true, predicted = np.asarray(true, bool), np.asarray(predicted, bool)
    if true.shape != predicted.shape or true.ndim != 2:
        raise ValueError(f"maps have the shapes {true.shape} and {predicted.shape}; wanted two of one image (H, W)")
    return true, predicted
