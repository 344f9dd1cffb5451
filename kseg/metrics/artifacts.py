"""Upsampling artifacts: how far the change between neighboring pixels keeps to the grid that a map was enlarged from.

A network with one score per 32×32 pixels can draw outlines only as its upsampling lets it; "some up-sampling artifacts
remain", van Beers et al. 2019 say of theirs, and show no figure for them.
"""

from collections.abc import Iterable

import numpy as np

from kseg.errors import UsageError

PHASES = 32
"""Parts that a cell of the grid is divided into along each axis: the pixels of a cell at stride 32."""


def grid_artifacts(maps: Iterable[np.ndarray], *, cells: tuple[float, float], phases: int = PHASES) -> float:
    """Share of all change between neighboring pixels that would have to move for every place in a cell to have as much.

        A = ½ Σ_φ |e_φ − 1/n²|      e_φ = E_φ / Σ E_φ      E_φ = mean of |x(p + 1) − x(p)| over all p in phase φ

    where p + 1 is the next pixel along an axis, φ the place of the edge between the two within its cell, one of n × n,
    and n = `phases`. A is the mean over both axes. It is 0 where change is spread evenly (a ramp), 1 − 1/n
    for a map of flat squares, all of whose change lies on grid lines, and nearer to 1 where a pattern repeats in every
    cell. Outlines of real objects are not spread evenly either: set the value beside that of the true masks.

    Args:
      maps: label maps, probabilities or logits (H, W), each of its own size; all maps together give one value.
      cells: rows and columns of cells in every map; not whole where the map was padded: 224 pixels and a stride of 32
        give (7, 7), whatever size the map was resized to afterwards.
      phases: see above.
    Returns:
      float within 0..1; 0.0 where no pixel differs from its neighbor.
    >>> squares = np.kron([[0, 1], [1, 0]], np.ones((32, 32)))  # all change lies on the grid's lines: 1 − 1/32
    >>> round(grid_artifacts([squares], cells=(2, 2)), 4)
    0.9688

    Source: our own. Where change stands for the sign of a score too, averages over the cells would cancel; absolute
      differences do not.
    """
    if min(cells) <= 0 or phases < 2:
        raise UsageError(f"a grid of {cells} cells with {phases} phases is none; wanted cells above 0 and 2 phases")
    change, edges = np.zeros((2, phases * phases)), np.zeros((2, phases * phases))
    for one in maps:
        x = np.asarray(one, np.float64)
        if x.ndim != 2:
            raise UsageError(f"a map has shape {x.shape}; wanted (height, width)")
        for axis in (0, 1):
            # The edge behind pixel p lies at p + 1 along its own axis, and in the middle of a pixel along the other.
            across = [np.arange(side) + (1.0 if i == axis else 0.5) for i, side in enumerate(x.shape)]
            across[axis] = across[axis][:-1]
            rows, columns = (
                _phase(place * count / side, phases) for place, count, side in zip(across, cells, x.shape, strict=True)
            )
            phase = (rows[:, None] * phases + columns[None, :]).ravel()
            size = phases * phases
            change[axis] += np.bincount(phase, np.abs(np.diff(x, axis=axis)).ravel(), minlength=size)
            edges[axis] += np.bincount(phase, minlength=size)
    return float(np.mean([_unevenness(total, count) for total, count in zip(change, edges, strict=True)]))


def _phase(cell: np.ndarray, phases: int) -> np.ndarray:
    """Which part of its cell a place is in; places on a grid line, but for rounding, are at the cell's beginning."""
    return np.floor(np.round((cell % 1) * phases, 9)).astype(int) % phases


def _unevenness(change: np.ndarray, edges: np.ndarray) -> float:
    mean = change[edges > 0] / edges[edges > 0]
    total = mean.sum()
    return 0.0 if total == 0 else float(0.5 * np.abs(mean / total - 1 / len(mean)).sum())
