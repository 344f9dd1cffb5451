"""Distinguishes numbers that count the objects of each image from numbers that name classes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, stats

from kseg.conventions import VOID
from kseg.datasets.folder.mask_file import read_mask
from kseg.datasets.folder.survey import Survey

LOOKED_AT = 24
"""Files whose connected areas are counted; more files take longer and do not change the decision."""

IN_ONE_PIECE = 0.9
"""Smallest share of numbers, over all images, that mark one connected area each."""

FEW_IMAGES = 5
"""Where all images show equally many objects, fewer images do not decide."""

WITHOUT_GAPS = 0.7
"""An image of n objects numbers them 1..n. Where objects were removed, at least this share of the numbers is left."""

COMPLETE = 0.5
"""Where numbers surely count objects, at least this share of the images numbers them without a gap."""

BY_CHANCE = 1e-3
"""p-value of place or size by number below which the numbers are classes: class 2 lies below class 1, or is smaller."""
BY_CHANCE_OF_TWO = 0.05
"""The same for only two numbers, which are more often classes."""


@dataclass(frozen=True)
class Objects:
    """Numbers that count objects, surely or perhaps."""

    sure: bool
    described: str
    """why, for a message"""


def number_objects(surveys: Sequence[Survey], void: Sequence[int]) -> Objects | None:
    """Whether numbers count the objects of each image; None where they name classes.

    Objects are numbered anew in every image, so the highest number differs and there are few gaps; or they are numbered
    through all images, so hardly any number occurs twice. Either way nearly every number marks one connected area.
    Classes occur again and again, an image shows some of them with gaps, and they lie in several pieces. The answer is
    not sure where most images hold one object, or where all hold equally many that are numbered in reading order, by
    size, or independently of place and size.
    """
    # 1. the numbers alone: do they look like counts?
    numbers = [sorted(set(one.counts) - {0, VOID, *void}) for one in surveys]
    numbers = [ids for ids in numbers if ids]
    counts, highest = [len(ids) for ids in numbers], [ids[-1] for ids in numbers]
    if len(numbers) < 3 or max(highest) < 2:
        return None
    several = sum(counts) >= 2 * len(numbers)
    complete = sum(ids[-1] == len(ids) for ids in numbers) / len(numbers)
    gapless = sum(counts) / sum(highest) >= WITHOUT_GAPS
    once = several and sum(counts) <= 1.5 * len(set().union(*numbers))
    differ = max(highest) > 2 and len(set(highest)) >= min(3, len(numbers)) and (gapless or once)
    alike = len(numbers) >= FEW_IMAGES and complete >= IN_ONE_PIECE  # only place and size can decide
    if max(highest) == 2:
        alike &= min(highest.count(1), highest.count(2)) >= FEW_IMAGES
    same = len(numbers) >= FEW_IMAGES and len(set(highest)) == 1 and gapless and max(highest) > 3
    if not (differ or alike or same):
        return None
    # 2. the areas that they fill
    areas = _areas(surveys, void)
    if areas.one_piece < IN_ONE_PIECE:
        return None
    ordered = areas.in_order >= IN_ONE_PIECE
    named = areas.chance_of_place < BY_CHANCE and not ordered  # the same number at the same place in every image
    if differ and named and complete < COMPLETE and not once:
        return None
    limit = BY_CHANCE_OF_TWO if max(highest) == 2 else BY_CHANCE
    asked = (same and max(areas.in_order, areas.by_size) >= IN_ONE_PIECE) or (
        alike and min(areas.chance_of_place, areas.chance_of_size) >= limit
    )
    if not (differ or asked):
        return None
    # 3. how sure the answer is
    several_of = f"{min(counts)} to {max(counts)}" if len(set(counts)) > 1 else str(counts[0])
    sure = differ and several and (once or ordered or complete >= COMPLETE)
    return Objects(sure, f"{several_of} an image, each of one piece")


@dataclass(frozen=True)
class _Areas:
    """Statistics of the connected areas of some files."""

    one_piece: float
    """share of numbers that mark one connected area, diagonals included"""
    in_order: float
    """share of files whose numbers ascend from top to bottom or from left to right, with no area as wide as a layer of
    a scene"""
    by_size: float
    """share of files whose numbers go from the largest area to the smallest, or the other way round"""
    chance_of_place: float
    """p-value of the places by number, if numbers were independent of place"""
    chance_of_size: float


def _areas(surveys: Sequence[Survey], void: Sequence[int]) -> _Areas:
    """The statistics of evenly chosen files."""
    # 1. the areas of every number in some of the masks
    chosen = surveys[:: max(1, -(-len(surveys) // LOOKED_AT))]
    whole = every = down = across = sized = 0
    by_number: dict[int, list[tuple[float, float, float]]] = defaultdict(list)
    for one in chosen:
        values = read_mask(one.path).values
        height, width = values.shape[:2]
        few = values.max(initial=0) < 1 << 20
        present = np.flatnonzero(np.bincount(values.ravel())) if few else np.unique(values)
        dense = np.searchsorted(present, values) + 1
        tops, lefts, sizes, widest = [], [], [], 0
        for number, (rows, columns) in zip(present.tolist(), ndimage.find_objects(dense), strict=True):
            if number in (0, VOID, *void):
                continue
            area = values[rows, columns] == number
            _, pieces = ndimage.label(area, structure=np.ones((3, 3)))
            whole, every = whole + (pieces == 1), every + 1
            tops.append(rows.start)
            lefts.append(columns.start)
            widest = max(widest, columns.stop - columns.start)
            middle = (rows.start + rows.stop) / height, (columns.start + columns.stop) / width
            sizes.append(float(np.log(area.sum() / values.size)))
            by_number[number].append((*middle, sizes[-1]))
        down += tops == sorted(tops) and widest < width / 2
        sized += len(set(sizes)) > 1 and sizes in (sorted(sizes), sorted(sizes, reverse=True))
        across += lefts == sorted(lefts) and widest < width / 2
    # 2. statistics over these masks
    places = min(_chance([[area[axis] for area in areas] for areas in by_number.values()]) for axis in (0, 1))
    chance_of_size = _chance([[area[2] for area in areas] for areas in by_number.values()])
    count = len(chosen)
    return _Areas(whole / max(1, every), max(down, across) / count, sized / count, places, chance_of_size)


def _chance(groups: Sequence[Sequence[float]]) -> float:
    """p-value that the groups are of one distribution (Kruskal and Wallis); 1 where nothing can be compared."""
    compared = [group for group in groups if len(group) >= 3]
    if len(compared) < 2 or len({value for group in compared for value in group}) < 2:
        return 1.0
    return float(stats.kruskal(*compared).pvalue)
