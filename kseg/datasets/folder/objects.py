"""Tells numbers that count the objects of each image from numbers that name classes."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from kseg.conventions import VOID
from kseg.datasets.folder.mask_file import read_mask
from kseg.datasets.folder.survey import Survey

LOOKED_AT = 24
"""Files whose connected areas are counted; more would take long and say the same."""

IN_ONE_PIECE = 0.9
"""Share of numbers, over all images, that mark one connected area."""

WITHOUT_GAPS = 0.7
"""An image of n objects numbers them 1..n; where some were removed, so many of the numbers are left at least."""


def number_objects(surveys: Sequence[Survey], void: Sequence[int]) -> str:
    """Why the numbers count objects, for a sentence; empty where they may be classes.

    Objects are numbered anew in every image, so how high the numbers go differs, and they have few gaps; or they are
    numbered through all images, so hardly any comes twice. Either way nearly each marks one connected area. Of classes
    an image shows some, with gaps, the same ones come again and again, and they lie in several pieces.
    """
    numbers = [sorted(set(one.counts) - {0, VOID, *void}) for one in surveys]
    numbers = [found for found in numbers if found]
    counts, highest = [len(found) for found in numbers], [found[-1] for found in numbers]
    if len(numbers) < 3 or max(highest) < 3 or sum(counts) < 2 * len(numbers):
        return ""
    differ = len(set(highest)) >= min(3, len(numbers))
    gapless = sum(counts) / sum(highest) >= WITHOUT_GAPS
    once = sum(counts) <= 1.5 * len(set().union(*numbers))
    if not differ or not (gapless or once):
        return ""
    if _in_one_piece(surveys, void) < IN_ONE_PIECE:
        return ""
    return f"{min(counts)} to {max(counts)} an image, each of one piece"


def _in_one_piece(surveys: Sequence[Survey], void: Sequence[int]) -> float:
    """Share of the numbers of some files, evenly chosen, that mark one connected area, diagonals included."""
    chosen = surveys[:: max(1, -(-len(surveys) // LOOKED_AT))]
    whole = every = 0
    for one in chosen:
        values = read_mask(one.path).values
        present, dense = np.unique(values, return_inverse=True)
        dense = dense.reshape(values.shape) + 1
        for number, window in zip(present.tolist(), ndimage.find_objects(dense), strict=True):
            if number in (0, VOID, *void):
                continue
            _, pieces = ndimage.label(values[window] == number, structure=np.ones((3, 3)))
            whole, every = whole + (pieces == 1), every + 1
    return whole / max(1, every)
