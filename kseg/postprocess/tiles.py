"""An image larger than memory, tile by tile: where tiles lie, how they are blended, and pieces as they are finished."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kseg.conventions import STRIDE
from kseg.errors import UsageError

Blend = Literal["linear", "gaussian", "none"]


SIGMA = 1 / 8
"""Standard deviation of a Gaussian blend, in tiles, as in nnU-Net."""

LEAST = 1e-3
"""Least weight of a Gaussian blend, so that no pixel is divided by 0."""

FORWARD_BYTES = 2**25
"""Most bytes of outputs in a forward pass of several tiles; the network's inner maps take a multiple of it."""

Run = Callable[[np.ndarray], Any]
"""uint8 (N, h, w, 3) to N arrays, float32 (h, w, C)"""

Window = tuple[slice, slice]
"""(rows, columns)"""


@dataclass(frozen=True)
class Tiling:
    """Tiles of at most size × size pixels, of which neighbors share `overlap` rows or columns, or more.

        p(i, j) = Σ_t w_t(i, j)·p_t(i, j) / Σ_t w_t(i, j)      w_t(i, j) = v_t(i)·v_t(j)

    Args:
      size: S, in pixels.
      overlap: O, in pixels, less than S.
      blend: v, the weights of a tile along a side. linear: rise from 0 to 1 over the overlap. gaussian: have a standard
        deviation of S/8 around the tile's middle. none: 1 in the half of an overlap that is nearer to the tile's
        middle, 0 in the other half, so that O/2 pixels along its inner edges are left out (U-Net's overlap-tile
        strategy).
      alignment: tiles begin at multiples of so many pixels. A grid whose stride divides it has the same positions in a
        tile as in the whole image.
    Blended outputs equal those of the whole image with `none` if O/2 is at least the radius of the network's receptive
    field, and with `linear` further than O from a tile's edges if O is at least that radius.
    The last tile ends where the image ends. It may be smaller by less than `alignment`, and overlaps by more. An image
    that is smaller than a tile is one tile.
    Errors: UsageError for sizes that leave no step of `alignment` pixels between tiles.
    Source: none: Ronneberger et al. 2015, figure 2; gaussian: Isensee et al. 2021 (nnU-Net). Deviations: none.

    >>> [weights[-4:].tolist() for weights in Tiling(64, overlap=4, alignment=60).weights(124)[:1]]
    [[0.875, 0.625, 0.375, 0.125]]
    """

    size: int
    overlap: int = 64
    blend: Blend = "linear"
    alignment: int = STRIDE

    def __post_init__(self) -> None:
        if self.overlap < 0 or self.step < self.alignment:
            raise UsageError(
                f"tiles of {self.size} pixels that overlap by {self.overlap} leave no step of {self.alignment} pixels "
                f"from one to the next; take larger tiles (at least {max(0, self.overlap) + self.alignment}) or a "
                "smaller overlap"
            )

    @property
    def step(self) -> int:
        """Pixels from one tile to the next."""
        return (self.size - self.overlap) // self.alignment * self.alignment

    def spans(self, side: int) -> list[tuple[int, int]]:
        """Begin and end of the tiles along a side.

        >>> Tiling(128, overlap=32).spans(300)
        [(0, 128), (96, 224), (192, 300)]
        """
        last = max(0, -(-(side - self.size) // self.alignment) * self.alignment)
        return [(start, min(start + self.size, side)) for start in (*range(0, last, self.step), last)]

    def weights(self, side: int) -> list[np.ndarray]:
        """float32: how much each tile of `spans` counts at each of its rows; at every row they sum to 1."""
        spans = self.spans(side)
        raw = [self._raw(spans, number) for number in range(len(spans))]
        total = np.zeros(side)
        for (start, stop), values in zip(spans, raw, strict=True):
            total[start:stop] += values
        return [
            (values / total[start:stop]).astype(np.float32) for (start, stop), values in zip(spans, raw, strict=True)
        ]

    def _raw(self, spans: list[tuple[int, int]], number: int) -> np.ndarray:
        start, stop = spans[number]
        at = np.arange(start, stop) + 0.5
        if self.blend == "gaussian":
            middle, sigma = (start + stop) / 2, SIGMA * self.size
            return np.maximum(np.exp(-np.square((at - middle) / sigma) / 2), LEAST)
        before = spans[number - 1][1] - start if number else 0  # shared with the tile before, and behind
        behind = stop - spans[number + 1][0] if number + 1 < len(spans) else 0
        if self.blend == "none":
            # The middle of an odd overlap belongs to the tile before.
            return ((at - start > before / 2) & (stop - at >= behind / 2)).astype(np.float64)
        rising = np.minimum(1.0, (at - start) / before) if before else np.ones(len(at))
        falling = np.minimum(1.0, (stop - at) / behind) if behind else np.ones(len(at))
        return rising * falling

    def __str__(self) -> str:
        return f"tiles of {self.size} pixels, overlap {self.overlap}, blend {self.blend}"


def blended(
    tiling: Tiling, image: Any, run: Run, *, channels: int, batch_size: int = 16
) -> Iterator[tuple[Window, np.ndarray]]:
    """A network's outputs for an image, piece by piece, as ((rows, columns), float32 (h, w, C)): each pixel once.

    Memory holds a few tiles and the rows that two rows of tiles share.

    Args:
      image: uint8 (H, W, 3), an array or an object with `shape` and `image[rows]`.
      run: the network.
      channels: C.
      batch_size: tiles of a forward pass at most; fewer where their outputs are large.

    >>> image = np.arange(4800, dtype=np.uint32).astype(np.uint8).reshape(40, 40, 3)
    >>> pieces = list(blended(Tiling(36, overlap=4), image, lambda tiles: tiles / 255, channels=3))
    >>> [place for place, _ in pieces][:2]
    [(slice(0, 32, None), slice(0, 32, None)), (slice(0, 32, None), slice(32, 40, None))]
    """
    height, width = image.shape[:2]
    rows, columns = tiling.spans(height), tiling.spans(width)
    row_weights, column_weights = tiling.weights(height), tiling.weights(width)
    at_once = max(1, min(batch_size, FORWARD_BYTES // (min(tiling.size, height) * tiling.size * channels * 4)))
    above = np.zeros((0, width, channels), np.float32)  # sums of the tiles above, where this row of tiles covers them
    for number, (top, bottom) in enumerate(rows):
        next_top = rows[number + 1][0] if number + 1 < len(rows) else bottom
        below = np.zeros((bottom - next_top, width, channels), np.float32)
        left = np.zeros((bottom - top, 0, channels), np.float32)  # likewise of the tiles to the left
        for place, outputs in _tiles(image[top:bottom], columns, run, at_once):
            start, stop = columns[place]
            next_start = columns[place + 1][0] if place + 1 < len(columns) else stop
            # 1. weighted outputs, added to those of the tiles to the left
            weight = row_weights[number][:, None] * column_weights[place]
            sums = weight[..., None] * outputs
            sums[:, : left.shape[1]] += left
            left = sums[:, next_start - start :].copy()
            # 2. the columns that no tile to the right reaches, then the rows that no tile below reaches
            finished = sums[:, : next_start - start]
            finished[: len(above)] += above[:, start:next_start]
            below[:, start:next_start] = finished[next_top - top :]
            yield (slice(top, next_top), slice(start, next_start)), finished[: next_top - top]
        above = below


def _tiles(
    band: np.ndarray, columns: list[tuple[int, int]], run: Run, at_once: int
) -> Iterator[tuple[int, np.ndarray]]:
    """The outputs of each tile of a row of tiles, by its number."""
    for group in _alike(columns, at_once):
        tiles = np.stack([band[:, slice(*columns[place])] for place in group])
        yield from zip(group, run(tiles), strict=True)


def _alike(spans: list[tuple[int, int]], at_once: int) -> Iterator[list[int]]:
    """Batches: the numbers of consecutive tiles of equal length, `at_once` of them at most."""
    group: list[int] = []
    for number, (start, stop) in enumerate(spans):
        first = spans[group[0]] if group else (start, stop)
        if len(group) == at_once or first[1] - first[0] != stop - start:
            yield group
            group = []
        group.append(number)
    if group:
        yield group
