"""How frequent the classes of a split are, and the weights that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kseg.conventions import SPLITS, VOID
from kseg.datasets.base import Dataset
from kseg.datasets.record import Record
from kseg.errors import Failure

Weighting = Literal["none", "median", "inverse_log"]

ENET_C = 1.02
"""ENet's constant: weights lie between 1/ln(2.02) = 1.42 and 1/ln(1.02) = 50.5."""


@dataclass(frozen=True)
class ClassStatistics:
    """Counts over N images with C classes; void pixels count only in `void_pixels`."""

    classes: tuple[str, ...]
    pixels: np.ndarray
    """int64 (C,): pixels of each class"""
    images: np.ndarray
    """int64 (C,): images that show it"""
    pixels_where_shown: np.ndarray
    """int64 (C,): valid pixels of the images that show it"""
    total_images: int
    void_pixels: int

    @property
    def share(self) -> np.ndarray:
        """float64 (C,): pixels of the class over all valid pixels."""
        return self.pixels / max(1, self.pixels.sum())

    @property
    def background_to_object(self) -> np.ndarray:
        """float64 (C,): valid pixels of all other classes over those of the class; nan for a class without pixels.

        Source: Rahman & Wang 2016, table 2. The paper does not say what becomes of void; here void is left out.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.pixels > 0, (self.pixels.sum() - self.pixels) / self.pixels, np.nan)

    @property
    def median_frequency(self) -> np.ndarray:
        """float64 (C,): w_c = median(f)/f_c, f_c = pixels of c over the valid pixels of the images that show c.

        A class without pixels weighs 0 and is left out of the median: no pixel uses its weight.
        Source: Eigen & Fergus 2015, section 6.3.2, as SegNet uses it. Deviations: void pixels are in no sum.
        """
        shown = self.pixels > 0
        frequency = np.where(shown, self.pixels / np.maximum(1, self.pixels_where_shown), np.nan)
        return np.where(shown, np.nanmedian(frequency) / frequency, 0.0) if shown.any() else np.zeros(len(shown))

    @property
    def inverse_log(self) -> np.ndarray:
        """float64 (C,): w_c = 1/ln(1.02 + p_c), p_c = `share`. Source: Paszke et al. 2016 (ENet), section 5.2."""
        return 1.0 / np.log(ENET_C + self.share)

    def weights(self, kind: Weighting) -> tuple[float, ...] | None:
        """One weight per class by the name of the rule; None for "none"."""
        if kind == "none":
            return None
        values = self.median_frequency if kind == "median" else self.inverse_log
        return tuple(round(float(value), 6) for value in values)

    def rows(self) -> list[dict[str, Any]]:
        """One dict per class with every number, None where a ratio has no meaning."""
        ratios = self.background_to_object
        return [
            {
                "id": index,
                "class": name,
                "pixels": int(self.pixels[index]),
                "share": float(self.share[index]),
                "images": int(self.images[index]),
                "background_to_object": None if np.isnan(ratios[index]) else float(ratios[index]),
                "median_frequency_weight": float(self.median_frequency[index]),
                "inverse_log_weight": float(self.inverse_log[index]),
            }
            for index, name in enumerate(self.classes)
        ]


def class_statistics(dataset: Dataset, records: Sequence[Record]) -> ClassStatistics:
    """The statistics of these records' label maps, at their own size.

    Raises: `Failure` of the first mask that cannot be read or holds a label that is no class.
    """
    counts = dataset.label_counts(records)
    classes = len(dataset.classes)
    odd = np.flatnonzero(counts[:, classes:VOID].any(axis=1))
    if odd.size:
        raise Failure(
            f"{records[odd[0]].id} of {dataset.name} has labels outside 0..{classes - 1}; see kseg data check"
        )
    pixels, shown = counts[:, :classes], counts[:, :classes] > 0
    return ClassStatistics(
        classes=dataset.classes,
        pixels=pixels.sum(axis=0),
        images=shown.sum(axis=0),
        pixels_where_shown=(shown * pixels.sum(axis=1, keepdims=True)).sum(axis=0),
        total_images=len(records),
        void_pixels=int(counts[:, VOID].sum()),
    )


def labeled_records(dataset: Dataset) -> tuple[Record, ...]:
    """The records of all splits, each once."""
    chosen = {
        record.id: record
        for split in SPLITS
        if not (split == "test" and (dataset.test_is_validation or not dataset.split_records("test")))
        for record in dataset.records(split)
    }
    return tuple(chosen.values())
