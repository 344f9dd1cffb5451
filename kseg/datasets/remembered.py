"""A data set whose pixels are read once: for many trainings on the same images in one process."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from kseg.datasets.base import Dataset, Record

Some = TypeVar("Some", bound=Dataset)


def remembered(dataset: Some, budget: int = 2 * 1024**3) -> Some:
    """The same data set, which from now on keeps every image and label map it was asked for, at its own size.

    It stays within `budget` bytes: what comes later is read anew each time.
    """
    left = [budget]
    dataset.image = _kept(dataset.image, left)  # type: ignore[method-assign, assignment]
    dataset.read_labels = _kept(dataset.read_labels, left)  # type: ignore[method-assign, assignment]
    return dataset


def _kept(read: Callable[[Record], np.ndarray], left: list[int]) -> Callable[[Record], np.ndarray]:
    memory: dict[str, np.ndarray] = {}

    def from_memory(record: Record) -> np.ndarray:
        found = memory.get(record.id)
        if found is None:
            found = read(record)
            if found.nbytes <= left[0]:
                memory[record.id] = found
                left[0] -= found.nbytes
        return found.copy()

    return from_memory
