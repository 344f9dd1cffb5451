"""The geometry that all structures share: which source pixel each pixel of a moved picture takes.

Pixel (i, j) covers [i, i + 1) × [j, j + 1). A resized or warped map takes the value under each pixel's center, so no
new value arises.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kseg.errors import UsageError

Size = tuple[int, int]
"""(height, width) in pixels"""

BEYOND = -1
"""Stands for a row or column outside the picture."""


class Move(ABC):
    """A geometric change of a picture, which may change its size."""

    @property
    @abstractmethod
    def size(self) -> Size:
        """(h, w) of the result."""

    @abstractmethod
    def of_map(self, values: np.ndarray, beyond: int) -> np.ndarray:
        """The moved map (h, w) of `values` (H, W); pixels from outside are `beyond`."""

    @abstractmethod
    def of_window(self, inside: np.ndarray, top: int, left: int) -> tuple[np.ndarray, int, int]:
        """`of_map` for a mask that is False outside its window: (moved window, its top, its left)."""

    @abstractmethod
    def of_boxes(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The moved boxes (N, 4), cut at the border, and bool (N,): which of them are whole and therefore exact.

        A box that was cut contains its object's box; a box that was bent is four zeros.
        """


@dataclass(frozen=True)
class AxisMove(Move):
    """A move of rows and columns independently: mirror, window, scale, frame.

        result[i, j] = values[rows[i], columns[j]]      y ← scale·y + shift for continuous coordinates

    `rows` (h,) and `columns` (w,) are monotonic; `BEYOND`, at either end, is outside.
    """

    rows: np.ndarray
    columns: np.ndarray
    scale: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def size(self) -> Size:
        return len(self.rows), len(self.columns)

    def of_map(self, values: np.ndarray, beyond: int) -> np.ndarray:
        spans = []  # rows and columns of the result that come from inside
        for axis, places in enumerate((self.rows, self.columns)):
            inside = np.flatnonzero(places != BEYOND)
            spans.append(slice(int(inside[0]), int(inside[-1]) + 1))
            values = _taken(values, places[spans[-1]], axis)
        if values.shape == self.size:
            return values.copy() if values.base is not None else values
        moved = np.full(self.size, beyond, values.dtype)
        moved[tuple(spans)] = values
        return moved

    def of_window(self, inside: np.ndarray, top: int, left: int) -> tuple[np.ndarray, int, int]:
        height, width = inside.shape
        rows = np.flatnonzero((self.rows >= top) & (self.rows < top + height))
        columns = np.flatnonzero((self.columns >= left) & (self.columns < left + width))
        if not rows.size or not columns.size:
            return np.zeros((0, 0), bool), 0, 0
        moved = inside[self.rows[rows][:, None] - top, self.columns[columns][None, :] - left]
        return moved, int(rows[0]), int(columns[0])

    def of_boxes(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        corners = boxes.reshape(-1, 2, 2) * self.scale + self.shift
        corners = np.sort(corners, axis=1)  # a mirror swaps the ends
        inside = np.clip(corners, 0, self.size)
        return inside.reshape(-1, 4), (inside == corners).all(axis=(1, 2))


@dataclass(frozen=True)
class Bend(Move):
    """A move of each pixel on its own: result[i, j] = values.ravel()[places[i, j]]; the size stays."""

    places: np.ndarray
    """integers (H, W): row · W + column of the source pixel, or `BEYOND` for outside"""

    @property
    def size(self) -> Size:
        return self.places.shape[0], self.places.shape[1]

    @cached_property
    def _rows_and_columns(self) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.divmod(self.places, self.size[1])
        return rows, columns  # pixels from outside have row −1, which no window has

    def of_map(self, values: np.ndarray, beyond: int) -> np.ndarray:
        moved = values.ravel().take(self.places)
        moved[self.places == BEYOND] = beyond
        return moved

    def of_window(self, inside: np.ndarray, top: int, left: int) -> tuple[np.ndarray, int, int]:
        height, width = inside.shape
        rows, columns = self._rows_and_columns
        reached = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
        moved = np.zeros(self.size, bool)
        moved[reached] = inside[rows[reached] - top, columns[reached] - left]
        return moved, 0, 0

    def of_boxes(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros_like(boxes), np.zeros(len(boxes), bool)


class Turn(Move):
    """Rotates counter-clockwise about the center with Pillow, so that a truth and its image are rounded alike."""

    def __init__(self, size: Size, degrees: float):
        self._size, self._degrees = size, degrees

    @property
    def size(self) -> Size:
        return self._size

    @cached_property
    def _bend(self) -> Bend:
        return Bend(self._turned(np.arange(self.size[0] * self.size[1], dtype=np.int32).reshape(self.size), BEYOND))

    def of_map(self, values: np.ndarray, beyond: int) -> np.ndarray:
        # Pillow rotates bytes directly; other types, for which it has no mode, go through `places`.
        return self._turned(values, beyond) if values.dtype == np.uint8 else self._bend.of_map(values, beyond)

    def of_window(self, inside: np.ndarray, top: int, left: int) -> tuple[np.ndarray, int, int]:
        return self._bend.of_window(inside, top, left)

    def of_boxes(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._bend.of_boxes(boxes)

    def _turned(self, values: np.ndarray, beyond: int) -> np.ndarray:
        from PIL import Image

        image = Image.fromarray(values)
        return np.array(image.rotate(self._degrees, Image.Resampling.NEAREST, fillcolor=beyond))


def mirror(size: Size, *, vertical: bool) -> AxisMove:
    """Mirrors left to right, or with `vertical` upside down."""
    rows, columns = np.arange(size[0]), np.arange(size[1])
    if vertical:
        return AxisMove(rows[::-1], columns, (-1.0, 1.0), (float(size[0]), 0.0))
    return AxisMove(rows, columns[::-1], (1.0, -1.0), (0.0, float(size[1])))


def window(size: Size, box: Sequence[int]) -> AxisMove:
    """Cuts out the window (top, left, bottom, right), in whole pixels; the window has to lie within the picture."""
    top, left, bottom, right = (_whole(edge, "a window's edge") for edge in box)
    if not (0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]):
        raise UsageError(
            f"the window from ({top}, {left}) to ({bottom}, {right}) does not lie within {size[0]}×{size[1]} pixels; "
            "pad first, or choose a window inside the picture"
        )
    return AxisMove(np.arange(top, bottom), np.arange(left, right), shift=(-float(top), -float(left)))


def scaling(size: Size, new: Sequence[int]) -> AxisMove:
    """Resizes to a new size: every pixel takes the value under its center."""
    height, width = _checked(new)
    rows, columns = centers_under(size[0], height), centers_under(size[1], width)
    return AxisMove(rows, columns, scale=(height / size[0], width / size[1]))


def frame(size: Size, new: Sequence[int], at: Sequence[int]) -> AxisMove:
    """Places the picture in a larger one, with its upper left pixel at the larger one's pixel `at`."""
    new = _checked(new)
    top, left = (_whole(edge, "a frame's edge") for edge in at)
    if top < 0 or left < 0 or top + size[0] > new[0] or left + size[1] > new[1]:
        raise UsageError(
            f"a picture of {size[0]}×{size[1]} pixels does not fit into {new[0]}×{new[1]} at ({top}, {left}); "
            "crop it first, or pad to a larger size"
        )
    places = (np.arange(new_side) - start for new_side, start in zip(new, (top, left), strict=True))
    rows, columns = (
        np.where((place >= 0) & (place < side), place, BEYOND) for place, side in zip(places, size, strict=True)
    )
    return AxisMove(rows, columns, shift=(float(top), float(left)))


def warp(size: Size, field: np.ndarray) -> Bend:
    """Pixel (i, j) takes the value at (i + ½ + field[0, i, j], j + ½ + field[1, i, j]); `field` (2, H, W) in pixels."""
    field = np.asarray(field)
    if field.shape != (2, *size):
        raise UsageError(
            f"a displacement field of shape {field.shape} does not fit {size[0]}×{size[1]} pixels; "
            f"it has to be (2, {size[0]}, {size[1]}): rows and columns in pixels"
        )
    if field.dtype.kind not in "fiu" or not np.isfinite(field).all():
        raise UsageError("a displacement field has values that are no finite numbers; give pixels, as floats")
    sources = []
    for axis, side in enumerate(size):
        centers = (np.arange(side) + 0.5).reshape((-1, 1) if axis == 0 else (1, -1))
        sources.append(np.floor(centers + field[axis]))
    inside = (sources[0] >= 0) & (sources[0] < size[0]) & (sources[1] >= 0) & (sources[1] < size[1])
    return Bend(np.where(inside, sources[0] * size[1] + sources[1], BEYOND).astype(np.intp))


def rotation(size: Size, degrees: float) -> Move:
    """Rotates counter-clockwise about the center; the size stays."""
    return Turn(size, degrees)


def resize_labels(labels: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """(H, W) to (h, w): each pixel takes the label under its center, so no new label arises."""
    if labels.shape[:2] == tuple(size):
        return labels
    return scaling((labels.shape[0], labels.shape[1]), size).of_map(labels, BEYOND)


def centers_under(old: int, new: int) -> np.ndarray:
    """int (new,): the index of the old pixel under the center of each new one, for `old` and `new` pixels in a row."""
    # floor((i + ½)·old/new) in integers, so that rounding moves no label.
    return (2 * np.arange(new) + 1) * old // (2 * new)


def _taken(values: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    """`values.take(places, axis)`, as a view where places are consecutive, which is faster."""
    steps = np.diff(places)
    if not len(steps) or (steps == 1).all():
        run = slice(int(places[0]), int(places[-1]) + 1)
    elif (steps == -1).all():
        run = slice(int(places[0]), int(places[-1]) - 1 if places[-1] else None, -1)
    else:
        return values.take(places, axis=axis)
    return values[run] if axis == 0 else values[:, run]


def _checked(size: Sequence[int]) -> Size:
    height, width = (_whole(side, "a side of a picture") for side in size)
    if height < 1 or width < 1:
        raise UsageError(f"a picture of {height}×{width} pixels is empty; both sides have to be 1 or more")
    return height, width


def _whole(value: int, what: str) -> int:
    if not isinstance(value, (int, np.integer)):
        raise UsageError(f"{what} is {value!r}; give whole pixels")
    return int(value)
