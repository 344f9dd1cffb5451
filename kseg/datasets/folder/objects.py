"""Tells numbers that count the objects of each image from numbers that name classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from kseg.conventions import VOID
from kseg.datasets.folder.mask_file import read_mask
from kseg.datasets.folder.survey import Survey

LOOKED_AT = 24
"""Files whose connected areas are counted; more would take long and say the same."""

IN_ONE_PIECE = 0.9
"""Share of numbers, over all images, that mark one connected area."""

FEW_IMAGES = 5
"""Where all images show equally many objects, fewer images say nothing."""

WITHOUT_GAPS = 0.7
"""An image of n objects numbers them 1..n; where some were removed, so many of the numbers are left at least."""


@dataclass(frozen=True)
class Objects:
    """Numbers that count objects, surely or perhaps."""

    sure: bool
    described: str
    """why, for a sentence"""


def number_objects(surveys: Sequence[Survey], void: Sequence[int]) -> Objects | None:
    """Whether numbers count the objects of each image; None where they name classes.

    Objects are numbered anew in every image, so how high the numbers go differs, and they have few gaps; or they are
    numbered through all images, so hardly any comes twice. Either way nearly each marks one connected area. Of classes
    an image shows some, with gaps, the same ones come again and again, and they lie in several pieces. Where most
    images hold one object, or all equally many that are numbered from top to bottom, it could be either.
    """
    numbers = [sorted(set(one.counts) - {0, VOID, *void}) for one in surveys]
    numbers = [found for found in numbers if found]
    counts, highest = [len(found) for found in numbers], [found[-1] for found in numbers]
    if len(numbers) < 3 or max(highest) < 3:
        return None
    several = sum(counts) >= 2 * len(numbers)
    differ = len(set(highest)) >= min(3, len(numbers))
    gapless = sum(counts) / sum(highest) >= WITHOUT_GAPS
    once = several and sum(counts) <= 1.5 * len(set().union(*numbers))
    same = len(numbers) >= FEW_IMAGES and len(set(highest)) == 1 and gapless and max(highest) > 3
    if not (differ and (gapless or once)) and not same:
        return None
    one_piece, in_order = _areas(surveys, void)
    if one_piece < IN_ONE_PIECE or (same and in_order < IN_ONE_PIECE):
        return None
    several_of = f"{min(counts)} to {max(counts)}" if len(set(counts)) > 1 else str(counts[0])
    return Objects(differ and several, f"{several_of} an image, each of one piece")


def _areas(surveys: Sequence[Survey], void: Sequence[int]) -> tuple[float, float]:
    """Of some files, evenly chosen: the share of numbers that mark one connected area, diagonals included, and the
    share of files whose numbers ascend from top to bottom, none of them as wide as the layers of a scene."""
    chosen = surveys[:: max(1, -(-len(surveys) // LOOKED_AT))]
    whole = every = ascending = 0
    for one in chosen:
        values = read_mask(one.path).values
        present, dense = np.unique(values, return_inverse=True)
        dense = dense.reshape(values.shape) + 1
        tops, widest = [], 0
        for number, window in zip(present.tolist(), ndimage.find_objects(dense), strict=True):
            if number in (0, VOID, *void):
                continue
            _, pieces = ndimage.label(values[window] == number, structure=np.ones((3, 3)))
            whole, every = whole + (pieces == 1), every + 1
            tops.append(window[0].start)
            widest = max(widest, window[1].stop - window[1].start)
        ascending += tops == sorted(tops) and widest < values.shape[1] / 2
    return whole / max(1, every), ascending / len(chosen)
