"""The base of every structure: geometric changes together with its image."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np

from kseg.errors import UsageError
from kseg.structures import moves


class Structure(ABC):
    """The truth of an image, or a prediction of it. Structures are immutable: every move returns a new one."""

    @property
    @abstractmethod
    def size(self) -> moves.Size:
        """(H, W) of the image in pixels."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Memory that the pixels take, for caches with a budget."""

    def flipped(self, *, vertical: bool = False) -> Self:
        """Mirrored left to right, or with `vertical` upside down."""
        return self._moved(moves.mirror(self.size, vertical=vertical))

    def cropped(self, window: Sequence[int]) -> Self:
        """The part in the window (top, left, bottom, right), in whole pixels within the image."""
        if tuple(window) == (0, 0, *self.size):
            return self
        return self._moved(moves.window(self.size, window))

    def resized(self, size: Sequence[int]) -> Self:
        """Resized to (h, w) by nearest neighbor: each pixel takes the value under its center."""
        return self if self.size == tuple(size) else self._moved(moves.scaling(self.size, size))

    def padded(self, size: Sequence[int], at: Sequence[int] = (0, 0)) -> Self:
        """Placed in a larger image of `size` (h, w) at row and column `at`, with void around it."""
        return self if self.size == tuple(size) else self._moved(moves.frame(self.size, size, at))

    def rotated(self, degrees: float) -> Self:
        """Rotated counter-clockwise about the center as Pillow does; the size stays, pixels from outside are void."""
        return self._moved(moves.rotation(self.size, degrees))

    def warped(self, field: np.ndarray) -> Self:
        """Warped: pixel (i, j) takes the value at (i + ½ + field[0, i, j], j + ½ + field[1, i, j]).

        `field` is (2, H, W), displacements in pixels; pixels from outside are void.
        """
        return self._moved(moves.warp(self.size, field))

    @abstractmethod
    def relabeled(self, table: np.ndarray, *, background: bool = True) -> Self:
        """With other class ids: uint8 (256,) `table` gives the new id of each, or `VOID`.

        With `background`, class 0 has no objects: an object that becomes background is dropped.
        """

    @abstractmethod
    def _moved(self, move: moves.Move) -> Self: ...


def check_map(values: np.ndarray, dtype: type, what: str) -> None:
    """Raises UsageError unless `values` is an array (H, W) of `dtype` with at least one pixel."""
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype != dtype or not values.size:
        given = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise UsageError(f"{what} has to be {np.dtype(dtype)} (H, W) with at least one pixel, not {given}")
