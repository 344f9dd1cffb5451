"""How a list of records becomes train, validation and test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from kseg.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class PaperSplit:
    """van Beers et al.'s splits of a sorted list: train first, validation next, test the last ones.

    `big` and `small` are (train, validation); the test images are the same for both.
    """

    total: int
    big: tuple[int, int]
    small: tuple[int, int]
    test: int

    def cut(self, records: Sequence[T], split: str, size: str, *, where: str) -> Sequence[T]:
        """One split of `records`; an incomplete data set is an error, since it would move every border."""
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
