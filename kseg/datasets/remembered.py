"""A data set whose pixels are read once: for many trainings on the same images in one process."""

from collections.abc import Callable, Sequence

import numpy as np

from kseg.datasets.base import Dataset, Record


class Remembered(Dataset):
    """Another data set, with every image and label map that was asked for kept in memory at its own size.

    It stays within `budget` bytes: what comes later is read anew each time.
    """

    def __init__(self, dataset: Dataset, budget: int = 2 * 1024**3):
        super().__init__(dataset.options)
        self._dataset, self._left = dataset, budget
        self._images: dict[str, np.ndarray] = {}
        self._labels: dict[str, np.ndarray] = {}
        self.name = dataset.name  # type: ignore[misc]
        self.title = dataset.title  # type: ignore[misc]
        self.facts = dataset.facts  # type: ignore[misc]

    @property
    def test_is_validation(self) -> bool:
        return self._dataset.test_is_validation

    @property
    def training_size(self) -> tuple[int, int]:
        return self._dataset.training_size

    @property
    def classes(self) -> tuple[str, ...]:
        return self._dataset.classes

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        return self._dataset.palette

    def records(self, split: str) -> tuple[Record, ...]:
        return self._dataset.records(split)

    def all_records(self, split: str) -> Sequence[Record]:
        return self._dataset.all_records(split)

    def every_record(self) -> Sequence[Record]:
        return self._dataset.every_record()

    def fingerprint(self, record: Record) -> str:
        return self._dataset.fingerprint(record)

    def label_counts(self, records: Sequence[Record]) -> np.ndarray:
        return self._dataset.label_counts(records)

    def image(self, record: Record) -> np.ndarray:
        return self._kept(self._images, self._dataset.image, record).copy()

    def labels(self, record: Record) -> np.ndarray:
        return self._kept(self._labels, self._dataset.labels, record).copy()

    def _kept(self, memory: dict[str, np.ndarray], read: Callable[[Record], np.ndarray], record: Record) -> np.ndarray:
        found = memory.get(record.id)
        if found is None:
            found = read(record)
            if found.nbytes <= self._left:
                memory[record.id] = found
                self._left -= found.nbytes
        return found
