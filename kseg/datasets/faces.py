"""Face data sets share three parts (background, hair, face) and the choice of which of them is foreground."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from kseg.datasets.base import Dataset, Record
from kseg.datasets.options import DataOptions
from kseg.errors import UsageError

BACKGROUND, HAIR, FACE = 0, 1, 2
"""Ids of the parts, and of the classes under `--parts`."""

PALETTE = ((0, 0, 0), (240, 128, 40), (50, 190, 160))

CLASSES = {
    "hair": ("background", "face+hair"),
    "no_hair": ("background", "face"),
    "parts": ("background", "hair", "face"),
}


@dataclass(frozen=True)
class FaceOptions(DataOptions):
    """Options of a data set of faces."""

    hair: bool = True
    """whether hair belongs to the foreground or to the background"""
    parts: bool = False
    """keep background, hair and face as three classes instead of two"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parts and not self.hair:
            raise UsageError("--parts keeps hair as a class of its own and --no-hair removes it; give one of them")

    @property
    def variant(self) -> str:
        """The key of `CLASSES` that these options ask for."""
        return "parts" if self.parts else "hair" if self.hair else "no_hair"

    @property
    def variant_names(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def class_names(self) -> tuple[str, ...]:
        return CLASSES[self.variant]


@dataclass(frozen=True)
class PaperFaceOptions(FaceOptions):
    """Options of a data set of faces that van Beers et al. measure on."""

    size: Literal["big", "small"] = "big"
    """the paper's big or small training and validation split"""
    split_scheme: Literal["paper", "official"] = "paper"
    """van Beers et al.'s splits by sorted name, or the data set's own lists"""

    @property
    def variant_names(self) -> tuple[str, ...]:
        return (self.variant, *([self.size] if self.size != "big" else []))


class FaceDataset(Dataset):
    """A data set whose masks name background, hair and face (neck included); the options choose the classes.

    `hair` (default): hair and face are foreground; `--no-hair`: hair is background; `--parts`: all three are classes.
    """

    Options: ClassVar[type[DataOptions]] = FaceOptions
    options: FaceOptions

    def __init__(self, options: FaceOptions):
        super().__init__(options)
        # part id → class id
        self._class_of_part = np.array([0, 1, 2] if options.parts else [0, int(options.hair), 1], dtype=np.uint8)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.options.class_names

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        return PALETTE if self.options.parts else (PALETTE[BACKGROUND], PALETTE[FACE])

    @abstractmethod
    def part_labels(self, record: Record) -> np.ndarray:
        """uint8 (H, W) of `BACKGROUND`, `HAIR` and `FACE`."""

    def read_labels(self, record: Record) -> np.ndarray:
        return self._class_of_part[self.part_labels(record)]

    def fingerprint(self, record: Record) -> str:
        return f"{super().fingerprint(record)} {self.options.variant}"
