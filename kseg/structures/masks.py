"""The masks of many objects in little memory: each mask is stored within its own window.

An object covers a few percent of its picture, so its window is some 20 times smaller than a mask of the picture's size,
and a move only touches the window. Run-length codes would be even smaller, but every move would have to decode them,
and they need pycocotools, which kseg requires only for files of COCO.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.structures.moves import Move, Size


@dataclass(frozen=True)
class Cut:
    """A mask within its smallest window; `inside` is (0, 0) where the mask has no pixel."""

    inside: np.ndarray
    """bool (h, w)"""
    top: int = 0
    left: int = 0

    @classmethod
    def of(cls, inside: np.ndarray, top: int = 0, left: int = 0) -> "Cut":
        """From a mask, or from any window that contains it."""
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not rows.size:
            return cls(np.zeros((0, 0), bool))
        tight = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls(tight.copy(), top + int(rows[0]), left + int(columns[0]))

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that `inside` covers."""
        height, width = self.inside.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """y1, x1, y2, x2; four zeros where there is no pixel."""
        height, width = self.inside.shape
        return self.top, self.left, self.top + height, self.left + width

    def moved(self, move: Move) -> "Cut":
        return Cut.of(*move.of_window(self.inside, self.top, self.left)) if self.inside.size else self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cut) and self.box == other.box and np.array_equal(self.inside, other.inside)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Masks:
    """N masks of one size (H, W), which may overlap."""

    size: Size
    cuts: tuple[Cut, ...]

    @classmethod
    def of(cls, masks: np.ndarray) -> "Masks":
        """From bool (N, H, W); N may be 0, H and W may not."""
        if not isinstance(masks, np.ndarray) or masks.ndim != 3 or masks.dtype != bool or 0 in masks.shape[1:]:
            given = f"{masks.dtype} {masks.shape}" if isinstance(masks, np.ndarray) else type(masks).__name__
            raise UsageError(f"masks have to be bool (N, H, W) with at least one pixel each, not {given}")
        return cls((masks.shape[1], masks.shape[2]), tuple(map(Cut.of, masks)))

    def __len__(self) -> int:
        return len(self.cuts)

    def __getitem__(self, index: int) -> np.ndarray:
        """bool (H, W) of one object."""
        mask = np.zeros(self.size, bool)
        mask[self.cuts[index].window] = self.cuts[index].inside
        return mask

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))

    def array(self) -> np.ndarray:
        """bool (N, H, W)."""
        masks = np.zeros((len(self), *self.size), bool)
        for mask, cut in zip(masks, self.cuts, strict=True):
            mask[cut.window] = cut.inside
        return masks

    def chosen(self, indices: Sequence[int] | np.ndarray) -> "Masks":
        """The masks of the objects `indices`, in this order."""
        return Masks(self.size, tuple(self.cuts[index] for index in indices))

    def boxes(self) -> np.ndarray:
        """float64 (N, 4): the smallest box around each mask; four zeros where it has no pixel."""
        return np.array([cut.box for cut in self.cuts], np.float64).reshape(-1, 4)

    def areas(self) -> np.ndarray:
        """int64 (N,): pixels of each mask."""
        return np.array([np.count_nonzero(cut.inside) for cut in self.cuts], np.int64)

    @property
    def nbytes(self) -> int:
        return sum(cut.inside.nbytes for cut in self.cuts)

    def moved(self, move: Move) -> "Masks":
        return Masks(move.size, tuple(cut.moved(move) for cut in self.cuts))
