"""A data set that draws itself: image i is a gradient that says i, its label map shows the left i % 3 columns."""

import os

import numpy as np
import pytest

from kseg.datasets import DataOptions, Dataset, Record, Relabel

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


class Drawn(Dataset):
    name = "drawn"
    title = "test images"
    legend = Relabel(("background", "foreground"), ((0, 0, 0), (255, 255, 255)))

    def __init__(self, count: int = 7, size: tuple[int, int] = (12, 16)):
        super().__init__(DataOptions("drawn"))
        self.count, self.size = count, size
        self.image_reads = self.label_reads = 0
        self.version = "1"

    def all_records(self, split):
        return [Record(f"image{i}") for i in range(self.count)]

    def size_of(self, record):
        return self.size

    def read_image(self, record):
        self.image_reads += 1
        h, w = self.size_of(record)
        rng = np.random.default_rng(int(record.id.removeprefix("image")))
        image = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        image[0, 0] = int(record.id.removeprefix("image"))
        return image

    def read_labels(self, record):
        self.label_reads += 1
        label = np.zeros(self.size_of(record), np.uint8)
        label[:, : int(record.id.removeprefix("image")) % 3 + 1] = 1
        return label

    def identity(self, record):
        return f"{record.id} {self.version}"


@pytest.fixture
def drawn():
    return Drawn()


@pytest.fixture
def make_drawn():
    return Drawn
