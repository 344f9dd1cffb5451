"""Probabilities of an image that are computed as they are read, for images whose probabilities do not fit in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

Pieces = Iterator[tuple[tuple[slice, slice], np.ndarray]]
"""((rows, columns), float32 (h, w, C)); together they cover an image, and no pixel twice"""


@dataclass(frozen=True)
class Streamed:
    """Probabilities (H, W, C) of which one piece is in memory at a time.

    Every reading computes them anew; `spooled` keeps them in a file for several readings. An array holds them whole.

    Args:
      shape: (H, W, C).
      compute: gives the pieces from the first on.

    >>> pieces = [((slice(0, 1), slice(0, 2)), np.ones((1, 2, 1))), ((slice(1, 2), slice(0, 2)), np.zeros((1, 2, 1)))]
    >>> np.asarray(Streamed((2, 2, 1), lambda: iter(pieces)))[..., 0].tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """

    shape: tuple[int, int, int]
    compute: Callable[[], Pieces]

    def pieces(self) -> Pieces:
        """The pieces, row by row of tiles from top to bottom, each row from left to right."""
        return self.compute()

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> "Streamed":
        """`change` applied to every piece; it must keep the shape."""
        return Streamed(self.shape, lambda: ((where, change(piece)) for where, piece in self.compute()))

    def spooled(self, file: IO[bytes]) -> np.ndarray:
        """The probabilities as an array in `file` instead of in memory."""
        pixels = np.memmap(file, np.float32, "w+", shape=self.shape)
        for where, piece in self.pieces():
            pixels[where] = piece
        return pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.empty(self.shape, np.float32)
        for where, piece in self.pieces():
            whole[where] = piece
        return whole if dtype is None else whole.astype(dtype, copy=False)


def together(parts: Sequence[Streamed], join: Callable[[list[np.ndarray]], np.ndarray], *, channels: int) -> Streamed:
    """`join` applied to the pieces of several `parts` of one tiling: (h, w, C) each to (h, w, channels)."""

    def compute() -> Pieces:
        for pieces in zip(*(part.pieces() for part in parts), strict=True):
            places = [place for place, _ in pieces]
            assert all(place == places[0] for place in places), "the parts are tiled differently"
            yield places[0], join([piece for _, piece in pieces])

    return Streamed((*parts[0].shape[:2], channels), compute)
