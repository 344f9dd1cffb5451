"""How the mask files of a folder encode classes: values as ids, foreground by threshold, or colors by name.

A folder has one coding, which reads every file according to its own format. `recognition.py` chooses the coding.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kseg.conventions import MAX_CLASSES, VOID
from kseg.datasets.folder.mask_file import MaskFile, read_mask
from kseg.datasets.images import contrasting_palette
from kseg.errors import Failure, UsageError
from kseg.wording import listed

Color = tuple[int, int, int]

BINARY_NAMES = ("background", "foreground")

FORGOTTEN = 0.01
"""Share of a mask above which a color far from all named ones is an unnamed class and not blending at an edge."""

BLOCK = 1 << 18
"""Pixels compared with all named colors at once."""


@dataclass(frozen=True)
class Coding(ABC):
    """Names and palette in order of id, and how a mask file is decoded."""

    names: tuple[str, ...]
    palette: tuple[Color, ...]
    notes: tuple[str, ...] = field(default=(), compare=False, repr=False, kw_only=True)
    """what was recognized, a sentence each"""

    def decode(self, path: Path) -> np.ndarray:
        """uint8 (H, W) of class ids and VOID in one mask file."""
        return self.ids_of(read_mask(path), path)

    @abstractmethod
    def ids_of(self, mask: MaskFile, path: Path) -> np.ndarray:
        """`decode` for a file that has been read."""


@dataclass(frozen=True)
class ValueCoding(Coding):
    """Grays or palette indices that stand for ids; a value without an id is an error."""

    ids: tuple[tuple[int, int], ...] = ()
    """value and id"""
    stored_as: tuple[tuple[int, Color], ...] = field(default=(), compare=False, repr=False)
    """color by id, where each id has one color in all files"""

    def ids_of(self, mask: MaskFile, path: Path) -> np.ndarray:
        if mask.values.ndim == 3:
            raise Failure(f"mask {path} is in color, the others are not; save it like them, or name all --colors")
        values = mask.values if mask.values.dtype == np.uint8 else np.minimum(mask.values.astype(np.int64), 1 << 16)
        table = np.full((1 << 16) + 1, -1, dtype=np.int16)
        for value, class_id in self.ids:
            table[value] = class_id
        ids = table[values]
        if (ids < 0).any():
            odd = sorted({int(value) for value in np.unique(mask.values[ids < 0])})
            raise Failure(
                f"mask {path} has values {{{listed(odd)}}} outside 0..{len(self.names) - 1}; pass --classes with a "
                f"name for each, or --void {' '.join(map(str, odd[:8]))}"
            )
        return ids.astype(np.uint8)


@dataclass(frozen=True)
class BinaryCoding(Coding):
    """Foreground from a threshold on, whatever the depth of the file."""

    threshold: float = 128
    """in stored values; white counts as 255 in files of 1, 2 and 4 bits, and as `white` in files of 16 bits"""
    white: int = 255
    """65535 where 16-bit files use their whole range"""
    ones: bool = False
    """whether 1 is foreground in files that hold only 0 and 1"""
    alpha: bool = False
    """whether the alpha channel is the mask, in files that have one"""
    by_index: bool = False
    """whether palette files are compared by index instead of by color"""
    void: tuple[int, ...] = ()
    numbers: bool = field(default=False, compare=False, repr=False)
    """whether every value except 0 and void is an object of its own"""

    def ids_of(self, mask: MaskFile, path: Path) -> np.ndarray:
        if self.alpha and mask.alpha is not None:
            return (mask.alpha >= self.threshold).astype(np.uint8)
        levels = mask.values if self.by_index and mask.palette is not None else mask.levels
        if self.white == 65535 and mask.white == 65535:
            levels = levels / np.float32(257)
        if self.ones and not mask.lossy and levels.max(initial=0) == 1:
            foreground = levels == 1
        else:
            foreground = levels >= self.threshold
        if mask.alpha is not None and not self.alpha:
            foreground &= mask.alpha >= 128
        ids = foreground.astype(np.uint8)
        if self.void and mask.values.ndim == 2:
            ids[np.isin(mask.values, self.void)] = VOID
        return ids


@dataclass(frozen=True)
class ColorCoding(Coding):
    """Every pixel takes the class of the nearest named color, within the tolerance."""

    colors: tuple[tuple[Color, int], ...] = ()
    """color and id"""
    tolerance: float = 0.0
    """largest distance in RGB; farther pixels are void, unless one color covers more than `FORGOTTEN` of the mask"""

    def ids_of(self, mask: MaskFile, path: Path) -> np.ndarray:
        packed = _packed(mask.colors)
        ids = np.full(packed.shape, -1, dtype=np.int16)
        for color, class_id in self.colors:
            ids[packed == _packed(np.array(color, dtype=np.uint8))] = class_id
        rest = ids < 0
        if rest.any():  # `np.unique` over all pixels would cost more than the comparisons above
            ids[rest] = self._approximate(packed[rest], packed.size, path)
        return ids.astype(np.uint8)

    def _approximate(self, packed: np.ndarray, pixels: int, path: Path) -> np.ndarray:
        distinct, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
        ids, distance = self.nearest(_unpacked(distinct))
        far = np.flatnonzero(distance > self.tolerance)
        if far.size:
            if self.tolerance == 0 or counts[far].max() > FORGOTTEN * pixels:
                raise Failure(self._unnamed(path, distinct[far], counts[far], distance[far], pixels))
            ids[far] = VOID
        return ids[inverse]

    def nearest(self, colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids uint8 (N,) of the named colors nearest to uint8 (N, 3), and their distances float32 (N,)."""
        named = np.array([color for color, _ in self.colors], dtype=np.float32)
        named_ids = np.array([class_id for _, class_id in self.colors], dtype=np.uint8)
        ids, distance = np.zeros(len(colors), np.uint8), np.zeros(len(colors), np.float32)
        for start in range(0, len(colors), BLOCK):
            part = slice(start, start + BLOCK)
            squares = ((colors[part, None].astype(np.float32) - named) ** 2).sum(axis=-1)
            ids[part], distance[part] = named_ids[squares.argmin(axis=1)], np.sqrt(squares.min(axis=1))
        return ids, distance

    def _unnamed(self, path: Path, packed: np.ndarray, counts: np.ndarray, distance: np.ndarray, pixels: int) -> str:
        order = np.argsort(-counts, kind="stable")
        first, share = tuple(_unpacked(packed[order[:1]])[0].tolist()), counts.sum() / pixels
        more = f", the most frequent of {len(packed)} unnamed ones," if len(packed) > 1 else ""
        remedy = f"add NAME={text_of(first)}, or void={text_of(first)} to ignore its pixels"
        if len(packed) > 4 and distance.max() < 442:
            remedy += (
                f"; if they are blending at edges, --color-tolerance {int(np.ceil(distance.max()))} takes the nearest "
                "named color"
            )
        return (
            f"mask {path} has the color {first}{more} that --colors does not name ({share:.1%} of its pixels); {remedy}"
        )


def color_coding(assignments: Sequence[str], tolerance: float = 0.0) -> ColorCoding:
    """The coding of `--colors background=0,0,0 cat=255,0,0 void=255,255,255`; the name void makes pixels void."""
    if not 0 <= tolerance <= 442:
        raise UsageError(f"--color-tolerance {tolerance:g} is no distance between colors; give one in 0..442")
    names: list[str] = []
    palette: list[Color] = []
    colors = []
    for text in assignments:
        name, color = _parse(text)
        if name == "void":
            colors.append((color, VOID))
            continue
        if name not in names:  # a class may have several colors; the first one draws it
            names.append(name)
            palette.append(color)
        colors.append((color, names.index(name)))
    if len({color for color, _ in colors}) < len(colors):
        raise UsageError(f"--colors {' '.join(assignments)} gives one color to two classes; give each its own color")
    if not 2 <= len(names) <= MAX_CLASSES:
        raise UsageError(f"--colors names {len(names)} classes; name at least two, background first")
    return ColorCoding(tuple(names), tuple(palette), colors=tuple(colors), tolerance=tolerance)


def value_coding(names: Sequence[str], ids: dict[int, int], notes: Sequence[str] = ()) -> ValueCoding:
    """The coding of masks whose `ids` are given by value."""
    return ValueCoding(
        tuple(names), contrasting_palette(len(names)), ids=tuple(sorted(ids.items())), notes=tuple(notes)
    )


def text_of(color: Color) -> str:
    """A color as `--colors` takes it."""
    return ",".join(map(str, color))


def _parse(text: str) -> tuple[str, Color]:
    name, _, color = text.partition("=")
    channels = [part.strip() for part in color.split(",")]
    # `isdecimal`, since `isdigit` accepts "²", which `int` does not read.
    if not name.strip() or len(channels) != 3 or not all(part.isdecimal() and int(part) <= 255 for part in channels):
        raise UsageError(f"--colors {text!r} is not NAME=R,G,B with 0..255 each, as in cat=255,0,0")
    red, green, blue = map(int, channels)
    return name.strip(), (red, green, blue)


def _packed(colors: np.ndarray) -> np.ndarray:
    return colors.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)


def _unpacked(packed: np.ndarray) -> np.ndarray:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)
