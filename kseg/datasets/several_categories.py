"""Several categories against all others: the truth for networks that each know one category."""

from collections.abc import Sequence

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.base import Dataset, Record
from kseg.datasets.category import BACKGROUND, category_id


class SeveralCategories(Dataset):
    """A data set with some of the classes of another one, numbered anew from 1; every other class is background.

    Images, splits and sizes are those of `whole`; void stays void.
    """

    def __init__(self, whole: Dataset, categories: Sequence[str]):
        super().__init__(whole.options)
        self.whole = whole
        self.ids = [category_id(whole.classes, category, whole.name) for category in categories]
        self.name, self.title, self.facts = whole.name, whole.title, whole.facts  # type: ignore[misc]
        self._new_label = np.zeros(VOID + 1, dtype=np.uint8)
        self._new_label[self.ids] = np.arange(1, len(self.ids) + 1)
        self._new_label[VOID] = VOID

    @property
    def classes(self) -> tuple[str, ...]:
        return BACKGROUND, *(self.whole.classes[i] for i in self.ids)

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        return (0, 0, 0), *(self.whole.palette[i] for i in self.ids)

    @property
    def training_size(self) -> tuple[int, int]:
        return self.whole.training_size

    def all_records(self, split: str) -> Sequence[Record]:
        return self.whole.all_records(split)

    def every_record(self) -> Sequence[Record]:
        return self.whole.every_record()

    def image(self, record: Record) -> np.ndarray:
        return self.whole.image(record)

    def labels(self, record: Record) -> np.ndarray:
        return self._new_label[self.whole.labels(record)]

    def fingerprint(self, record: Record) -> str:
        return f"{self.whole.fingerprint(record)} categories {', '.join(self.classes[1:])}"
