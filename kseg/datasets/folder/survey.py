"""Counts of the values in every mask file of a folder, from which the folder's coding is recognized."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from kseg.datasets.folder.mask_file import MaskFile, read_mask
from kseg.errors import Failure

READERS = 4
SHOW_PROGRESS_FROM = 200

FAINT, STRONG = 32, 224
"""Where blurred black ends and blurred white begins, in 0..255."""

KEPT_COLORS = 4096
"""How many of one file's colors are counted, the most frequent first."""

COARSE = 16
"""Width of the bins in which many colors are counted; the most frequent color represents its bin."""

MANY_COLORS = 256

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Survey:
    """The values of one mask file."""

    path: Path
    pixels: int
    white: int
    """as in `MaskFile`"""
    is_color: bool = False
    is_palette: bool = False
    lossy: bool = False
    counts: dict[int, int] = field(default_factory=dict)
    """pixels of every gray or palette index; grays of a lossy file near black and white count as 0 and 255"""
    highest: int = 0
    """the largest gray as stored"""
    colors: dict[Color, int] = field(default_factory=dict)
    """pixels of every color in palette and color files; many colors are binned by `COARSE`"""
    flat_colors: dict[Color, int] = field(default_factory=dict)
    """pixels of every color within squares of 2×2 pixels of that color: painted areas without their blended edges"""
    index_colors: dict[int, Color] = field(default_factory=dict)
    """color of every palette index in use"""
    between: int = 0
    """pixels that are neither 0 nor white"""
    flat_between: int = 0
    """pixels of `between` within squares of 2×2 equal pixels"""
    alpha: tuple[int, int] | None = None
    """(transparent pixels, opaque pixels), where there is an alpha channel"""
    opaque_colors: frozenset[Color] = frozenset()
    """colors of the opaque pixels of a file with an alpha channel, up to 3 of them"""


def survey(paths: Sequence[Path]) -> list[Survey]:
    """The surveys of all files in order.

    A mask that cannot be read is left out: reading it later and `kseg data check` report it. Raises the first `Failure`
    where no mask can be read.
    """
    with ThreadPoolExecutor(READERS) as readers:
        results = readers.map(_survey_or_failure, paths)
        quiet = len(paths) < SHOW_PROGRESS_FROM or None  # None: a bar if there is a terminal
        surveyed = list(tqdm(results, total=len(paths), desc="classes in masks", disable=quiet, leave=False))
    read = [result for result in surveyed if isinstance(result, Survey)]
    if surveyed and not read:
        raise surveyed[0]  # type: ignore[misc]
    return read


def total(counts: Sequence[dict]) -> Counter:
    """The sum of counts by key."""
    added: Counter = Counter()
    for one in counts:
        added.update(one)
    return added


def _survey_or_failure(path: Path) -> Survey | Failure:
    try:
        return survey_of(path, read_mask(path))
    except Failure as failure:
        return failure


def survey_of(path: Path, mask: MaskFile) -> Survey:
    # 1. transparency
    values = mask.values
    facts: dict = {"path": path, "pixels": int(np.prod(values.shape[:2])), "white": mask.white, "lossy": mask.lossy}
    if mask.alpha is not None:
        opaque = mask.alpha >= 128
        facts["alpha"] = int((~opaque).sum()), int(opaque.sum())
        facts["opaque_colors"] = frozenset(list(_color_counts(_packed(_raw_colors(mask)[opaque])))[:3])
    # 2. colors
    if values.ndim == 3 or mask.palette is not None:
        packed = _packed(mask.colors)
        facts["colors"] = _color_counts(packed)
        if mask.lossy or len(facts["colors"]) > MANY_COLORS:  # compression turns one color into many
            packed = _binned(packed)
            facts["colors"] = _color_counts(packed)
        facts["flat_colors"] = _color_counts(packed[_in_squares(packed)])
    if values.ndim == 3:
        return Survey(is_color=True, **facts)
    # 3. grays or indices
    facts["counts"] = _counts(values)
    facts["highest"] = max(facts["counts"], default=0)
    if mask.palette is not None:
        facts["is_palette"] = True
        facts["index_colors"] = {index: tuple(mask.palette[index].tolist()) for index in facts["counts"]}
    if mask.lossy:
        facts["counts"] = _snapped(facts["counts"])
    low, high = (FAINT - 1, STRONG) if mask.lossy else (0, mask.white)
    between = (values > low) & (values < high)
    facts["between"] = int(between.sum())
    facts["flat_between"] = int((between & _in_squares(values)).sum())
    return Survey(**facts)


def _raw_colors(mask: MaskFile) -> np.ndarray:
    return MaskFile(mask.values, mask.white, mask.palette).colors


def _counts(values: np.ndarray) -> dict[int, int]:
    if values.max(initial=0) < 1 << 20:
        counts = np.bincount(values.ravel())
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    distinct, counts = np.unique(values, return_counts=True)
    return dict(zip(distinct.tolist(), counts.tolist(), strict=True))


def _snapped(counts: dict[int, int]) -> dict[int, int]:
    snapped: Counter = Counter()
    for value, count in counts.items():
        snapped[0 if value < FAINT else 255 if value >= STRONG else value] += count
    return dict(snapped)


def _packed(colors: np.ndarray) -> np.ndarray:
    return colors.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)


def _color_counts(packed: np.ndarray) -> dict[Color, int]:
    """Pixels of the most frequent colors, most frequent first."""
    colors, counts = np.unique(packed, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:KEPT_COLORS]
    return {
        (int(color) >> 16, int(color) >> 8 & 255, int(color) & 255): int(count)
        for color, count in zip(colors[order], counts[order], strict=True)
    }


def _binned(packed: np.ndarray) -> np.ndarray:
    """Every color replaced by the most frequent one of its bin."""
    colors, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    bins = np.zeros_like(colors)
    for shift in (16, 8, 0):
        bins = bins << 8 | ((colors >> shift & 255) + COARSE // 2) // COARSE
    order = np.lexsort((-counts.astype(np.int64), bins))
    first = np.flatnonzero(np.diff(bins[order], prepend=-1))
    member = np.zeros(len(colors), dtype=np.int64)
    member[order] = np.repeat(colors[order[first]], np.diff(first, append=len(colors)))
    return member[inverse].reshape(packed.shape).astype(np.uint32)


def _in_squares(values: np.ndarray) -> np.ndarray:
    """bool (H, W): whether a pixel belongs to a square of 2×2 equal pixels."""
    inside = np.zeros(values.shape, dtype=bool)
    if min(values.shape) < 2:
        return inside
    corner = values[:-1, :-1]
    square = (corner == values[1:, :-1]) & (corner == values[:-1, 1:]) & (corner == values[1:, 1:])
    for down in (slice(None, -1), slice(1, None)):
        for right in (slice(None, -1), slice(1, None)):
            inside[down, right] |= square
    return inside
