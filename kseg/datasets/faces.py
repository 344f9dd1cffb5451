"""Face data sets share three parts (background, hair, face) and the choice of which of them is foreground."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from kseg.datasets.base import DataOptions, Dataset, Record
from kseg.errors import UsageError

BACKGROUND, HAIR, FACE = 0, 1, 2
"""Ids of the parts, and of the classes under `--parts`."""

PALETTE = ((0, 0, 0), (240, 128, 40), (50, 190, 160))

CLASSES = {
    "hair": ("background", "face+hair"),
    "no_hair": ("background", "face"),
    "parts": ("background", "hair", "face"),
}


def variant_of(options: DataOptions) -> str:
    """The key of `CLASSES` that these options ask for."""
    return "parts" if options.parts else "hair" if options.hair else "no_hair"


class FaceDataset(Dataset):
    """A data set whose masks name background, hair and face (neck included); the options choose the classes.

    `hair` (default): hair and face are foreground; `--no-hair`: hair is background; `--parts`: all three are classes.
    """

    own_options: ClassVar[tuple[str, ...]] = ("hair", "parts")

    def __init__(self, options: DataOptions):
        if options.parts and not options.hair:
            raise UsageError("--parts keeps hair as a class of its own and --no-hair removes it; give one of them")
        super().__init__(options)
        # part id → class id
        self._class_of_part = np.array([0, 1, 2] if options.parts else [0, int(options.hair), 1], dtype=np.uint8)

    @classmethod
    def variant_names(cls, options: DataOptions) -> tuple[str, ...]:
        return (variant_of(options), *([options.size] if options.size != "big" else []))

    @property
    def variant(self) -> str:
        """hair, no_hair or parts: which classes the labels have."""
        return variant_of(self.options)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.class_names(self.options)

    @staticmethod
    def class_names(options: DataOptions) -> tuple[str, ...]:
        """The classes that these options ask for; needs no files."""
        return CLASSES[variant_of(options)]

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        return PALETTE if self.options.parts else (PALETTE[BACKGROUND], PALETTE[FACE])

    @abstractmethod
    def part_labels(self, record: Record) -> np.ndarray:
        """uint8 (H, W) of `BACKGROUND`, `HAIR` and `FACE`."""

    def labels(self, record: Record) -> np.ndarray:
        return self._class_of_part[self.part_labels(record)]

    def fingerprint(self, record: Record) -> str:
        return f"{super().fingerprint(record)} {self.variant}"
