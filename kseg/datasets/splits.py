"""Divides a list of records into train, validation and test."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kseg.conventions import SPLITS
from kseg.errors import UsageError
from kseg.wording import counted

T = TypeVar("T")

DRAWN_FIRST_TO_LAST = ("test", "validation", "train")
REST = "rest"
"""The records of no split, where the sizes add up to less than all records."""


@dataclass(frozen=True)
class PaperSplit:
    """van Beers et al.'s splits of a sorted list: train first, then validation, and the last records for test.

    `big` and `small` are (train, validation); the test images are the same for both.
    """

    total: int
    big: tuple[int, int]
    small: tuple[int, int]
    test: int

    def cut(self, records: Sequence[T], split: str, size: str, *, where: str) -> Sequence[T]:
        """One split of `records`. Raises UsageError for an incomplete data set, which would move every border."""
        if len(records) != self.total:
            raise UsageError(
                f"found {len(records)} {where}, but the paper's splits are cut from {self.total}; "
                "complete the data, or use --split-scheme official"
            )
        train, validation = self.big if size == "big" else self.small
        borders = {
            "train": slice(0, train),
            "validation": slice(train, train + validation),
            "test": slice(len(records) - self.test, None),
        }
        return records[borders[split]]


def drawn_splits(
    records: Sequence[T], sizes: Sequence[float], seed: int, key: Callable[[T], str]
) -> dict[str, list[T]]:
    """Train, validation and test at random, where a record's split depends only on the record.

    A hash of `seed` and `key(record)` gives a number u in [0, 1). With shares, u below the test share is test, the next
    interval validation, the next train: adding or removing a record moves no other. With numbers of images, records are
    counted off in order of u, test first: adding or removing a record moves at most one at each border.

    A wanted split that stays empty, as with a dozen records, takes the nearest record of the largest split.
    Raises: UsageError for sizes that are no shares or numbers, and for fewer records than splits.
    """
    _check_sizes(len(records), sizes)
    place = [(_place(seed, key(record)), index) for index, record in enumerate(records)]
    wanted = dict(zip(SPLITS, sizes, strict=True))
    members: dict[str, list[int]] = {split: [] for split in (*SPLITS, REST)}
    if max(sizes) > 1:
        ordered, start = [index for _, index in sorted(place)], 0
        for split in DRAWN_FIRST_TO_LAST:
            members[split] = ordered[start : start + int(wanted[split])]
            start += int(wanted[split])
    else:
        for u, index in place:
            members[_split_at(u, wanted)].append(index)
        _fill_empty(members, wanted, place)
    return {split: [records[index] for index in sorted(members[split])] for split in SPLITS}


def _split_at(u: float, wanted: Mapping[str, float]) -> str:
    # Test comes first, so that a smaller training share leaves test and validation as they are.
    upper = 0.0
    for split in DRAWN_FIRST_TO_LAST:
        upper += wanted[split]
        if u < upper:
            return split
    return "train" if upper > 1 - 1e-6 else REST


def _fill_empty(members: dict[str, list[int]], wanted: Mapping[str, float], place: list[tuple[float, int]]) -> None:
    lower = 0.0
    for split in DRAWN_FIRST_TO_LAST:
        middle, lower = lower + wanted[split] / 2, lower + wanted[split]
        if wanted[split] and not members[split]:
            donor = max(members, key=lambda other: len(members[other]) - (other != REST))
            nearest = min(members[donor], key=lambda index: (abs(place[index][0] - middle), index))
            members[donor].remove(nearest)
            members[split].append(nearest)


def _place(seed: int, key: str) -> float:
    digest = hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _check_sizes(total: int, sizes: Sequence[float]) -> None:
    asked = " ".join(f"{size:g}" for size in sizes)
    # `not (size >= 0)` is true of NaN as well.
    if len(sizes) != len(SPLITS) or any(not (0 <= size < math.inf) for size in sizes) or not max(sizes):
        raise UsageError(f"--split-sizes {asked} must be three shares or numbers: train validation test")
    if max(sizes) > 1:
        if any(size != int(size) for size in sizes):
            raise UsageError(f"--split-sizes {asked} mixes shares and numbers of images; give one or the other")
        if sum(sizes) > total:
            raise UsageError(
                f"--split-sizes {asked} needs {sum(sizes):.0f} images and the folder has {total}; make them smaller"
            )
    elif sum(sizes) > 1 + 1e-6:
        raise UsageError(f"--split-sizes {asked} adds up to more than 1; give shares that add up to at most 1")
    if total < sum(size > 0 for size in sizes):
        raise UsageError(
            f"--split-sizes {asked} needs more than {counted(total, 'image')}; add images or change the sizes"
        )
