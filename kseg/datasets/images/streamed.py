"""Probabilities of an image that are computed as they are read, for images whose probabilities do not fit in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

Pieces = Iterator[tuple[tuple[slice, slice], np.ndarray]]
"""((rows, columns), float32 (h, w, C)); together they cover an image, and no pixel twice"""


@dataclass(frozen=True)
class Streamed:
    """Probabilities (H, W, C) of which a piece is held at a time.

    Every reading computes them anew; `spooled` keeps them in a file for who reads several times. As a NumPy array they
    are held whole.

    Args:
      shape: (H, W, C).
      compute: begins anew.

    >>> pieces = [((slice(0, 1), slice(0, 2)), np.ones((1, 2, 1))), ((slice(1, 2), slice(0, 2)), np.zeros((1, 2, 1)))]
    >>> np.asarray(Streamed((2, 2, 1), lambda: iter(pieces)))[..., 0].tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """

    shape: tuple[int, int, int]
    compute: Callable[[], Pieces]

    def pieces(self) -> Pieces:
        """Those of a row of tiles from left to right, and the rows from top to bottom."""
        return self.compute()

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> "Streamed":
        """With every piece changed; `change` leaves the shape alone."""
        return Streamed(self.shape, lambda: ((where, change(piece)) for where, piece in self.compute()))

    def spooled(self, file: IO[bytes]) -> np.ndarray:
        """An array that lies in `file` and not in memory."""
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
    """What `join` makes of the pieces of several, which are cut alike: (h, w, C) each to (h, w, channels)."""

    def compute() -> Pieces:
        for pieces in zip(*(part.pieces() for part in parts), strict=True):
            places = [place for place, _ in pieces]
            assert all(place == places[0] for place in places), "pieces of one tiling"
            yield places[0], join([piece for _, piece in pieces])

    return Streamed((*parts[0].shape[:2], channels), compute)
