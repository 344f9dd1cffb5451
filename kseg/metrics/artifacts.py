"""Upsampling artifacts: how strongly the change between neighboring pixels follows the grid of the upsampled map.

With one score per 32×32 pixels, the upsampling limits the outlines that a network can draw. Van Beers et al. 2019 write
that "some up-sampling artifacts remain", and give no figure.
"""

from collections.abc import Iterable

import numpy as np

from kseg.errors import UsageError

PHASES = 32
"""Parts of a grid cell along each axis: the pixels of a cell at stride 32."""


def grid_artifacts(maps: Iterable[np.ndarray], *, cells: tuple[float, float], phases: int = PHASES) -> float:
    """Share of the change between neighboring pixels that would have to move for it to be uniform within a grid cell.

        A = ½ Σ_φ |e_φ − 1/n²|      e_φ = E_φ / Σ E_φ      E_φ = mean of |x(p + 1) − x(p)| over all p in phase φ

    where p + 1 is the next pixel along an axis, φ the position of the edge between the two within its cell, one of
    n × n, and n = `phases`. A is the mean over both axes. It is 0 where change is uniform (a ramp), 1 − 1/n for a map
    of flat squares, whose change lies on grid lines, and closer to 1 where a pattern repeats in every cell. Outlines of
    real objects are not uniform either, so compare the value with that of the true masks.

    Args:
      maps: label maps, probabilities or logits (H, W), each of its own size; all maps together give one value.
      cells: rows and columns of cells in every map; fractions where the map was padded. 224 pixels and a stride of 32
        give (7, 7), even if the map was resized afterwards.
      phases: n, parts of a cell along each axis.
    Returns:
      float within 0..1; 0.0 where no pixel differs from its neighbor.
    >>> squares = np.kron([[0, 1], [1, 0]], np.ones((32, 32)))  # all change lies on the grid's lines: 1 − 1/32
    >>> round(grid_artifacts([squares], cells=(2, 2)), 4)
    0.9688

    Source: kseg's own. It uses absolute differences, since signed ones would cancel in averages over cells.
    """
    if min(cells) <= 0 or phases < 2:
        raise UsageError(f"cells are {cells} and phases {phases}; wanted cells above 0 and at least 2 phases")
    change, edges = np.zeros((2, phases * phases)), np.zeros((2, phases * phases))
    for one in maps:
        x = np.asarray(one, np.float64)
        if x.ndim != 2:
            raise UsageError(f"a map has shape {x.shape}; wanted (height, width)")
        for axis in (0, 1):
            # The edge after pixel p lies at p + 1 along its own axis, and at a pixel center along the other.
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
    """The part of its cell that a place is in; rounding puts places on a grid line at the cell's beginning."""
    return np.floor(np.round((cell % 1) * phases, 9)).astype(int) % phases


def _unevenness(change: np.ndarray, edges: np.ndarray) -> float:
    mean = change[edges > 0] / edges[edges > 0]
    total = mean.sum()
    return 0.0 if total == 0 else float(0.5 * np.abs(mean / total - 1 / len(mean)).sum())
