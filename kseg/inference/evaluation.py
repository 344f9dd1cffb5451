"""The result of measuring a model on a split: raw counts, from which every score can be made again later."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kseg.atomic import write_csv
from kseg.errors import UsageError
from kseg.metrics.calibration import expected_calibration_error
from kseg.metrics.scores import (
    cohens_kappa,
    dice_class,
    dice_dataset,
    frequency_weighted_iou,
    iou_class,
    iou_dataset,
    iou_image,
    mean_accuracy,
    miou,
    miou_class,
    miou_image,
    pixel_accuracy,
    precision,
    recall,
)
from kseg.metrics.thresholds import average_precision, best_threshold, threshold_sweep

FOREGROUND = 1


@dataclass(frozen=True)
class Evaluation:
    """Counts per image and per probability; scores, tables and curves follow from them."""

    dataset: str
    split: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    """of the images, in the split's order"""
    matrices: np.ndarray
    """int64 (N, C, C), one confusion matrix per image, rows = truth"""
    histogram: np.ndarray | None
    """binary only: int64 (2, 256), pixels by truth and probability (`kseg.metrics.thresholds`)"""
    original_size: bool
    """whether the pixels counted are the label maps' own or the network's"""
    seconds: float
    """wall time, reading of images included"""
    input_size: tuple[int, int] | Literal["original"] | None = None
    """(height, width) that the network was fed; "original": each image's own; None: near its own, or not known"""
    background: bool = True
    """whether class 0 is background, and not a class like the others"""

    @property
    def matrix(self) -> np.ndarray:
        """int64 (C, C), all images together."""
        return self.matrices.sum(axis=0)

    @property
    def iou_per_image(self) -> np.ndarray:
        """float64 (N,); nan for an image without valid pixels."""
        return iou_image(self.matrices)

    @property
    def images_per_second(self) -> float:
        return len(self.ids) / self.seconds if self.seconds else float("nan")

    def order(self) -> np.ndarray:
        """Indices of the images from worst to best IoU; images without valid pixels last."""
        return np.argsort(self.iou_per_image, kind="stable")

    def scores(self) -> dict:
        """Every score by name: floats, and dicts of floats by class; nan where a score has no meaning."""
        matrix, per_image = self.matrix, self.iou_per_image
        by_class = {
            f"{name}_class": dict(zip(self.classes, map(float, function(matrix)), strict=True))
            for name, function in (
                ("iou", iou_class),
                ("dice", dice_class),
                ("precision", precision),
                ("recall", recall),
            )
        }
        scores = {
            "iou_dataset": float(iou_dataset(matrix)),
            "iou_image": float(np.nanmean(per_image)) if np.any(~np.isnan(per_image)) else float("nan"),
            "miou": float(miou(matrix)),
            "miou_image": float(miou_image(self.matrices)),
            "miou_class": float(miou_class(self.matrices)),
            "accuracy": float(pixel_accuracy(matrix)),
            "mean_accuracy": float(mean_accuracy(matrix)),
            "dice": float(dice_dataset(matrix)),
            "frequency_weighted_iou": float(frequency_weighted_iou(matrix)),
            "kappa": float(cohens_kappa(matrix)),
            **by_class,
            "images": len(self.ids),
        }
        if self.histogram is not None:
            threshold, iou = best_threshold(self.histogram)
            scores |= {
                "precision": by_class["precision_class"][self.classes[FOREGROUND]],
                "recall": by_class["recall_class"][self.classes[FOREGROUND]],
                "best_threshold": threshold,
                "iou_at_best_threshold": iou,
                "average_precision": average_precision(self.histogram),
                "calibration_error": expected_calibration_error(self.histogram),
            }
        return scores

    def to_json(self) -> dict:
        """Everything, raw counts and scores, as JSON types (nan becomes None)."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "classes": list(self.classes),
            "background": self.background,
            "original_size": self.original_size,
            "input_size": list(self.input_size) if isinstance(self.input_size, tuple) else self.input_size,
            "seconds": self.seconds,
            "images_per_second": _plain(self.images_per_second),
            "scores": _plain(self.scores()),
            "confusion_matrix": self.matrix.tolist(),
            "histogram": None if self.histogram is None else self.histogram.tolist(),
            "ids": list(self.ids),
            "iou_image": _plain(self.iou_per_image.tolist()),
            "confusion_matrices": self.matrices.tolist(),
        }

    @classmethod
    def from_json(cls, content: dict | str) -> "Evaluation":
        """The evaluation that `to_json` wrote; scores are computed again from the counts."""
        try:
            content = json.loads(content) if isinstance(content, str) else content
            histogram, fed = content["histogram"], content.get("input_size")  # files from before they were kept
            classes, ids = tuple(content["classes"]), tuple(content["ids"])
            return cls(
                dataset=content["dataset"],
                split=content["split"],
                classes=classes,
                ids=ids,
                matrices=np.array(content["confusion_matrices"], np.int64).reshape(
                    len(ids), len(classes), len(classes)
                ),
                histogram=None if histogram is None else np.array(histogram, np.int64),
                original_size=content["original_size"],
                seconds=content["seconds"],
                background=content.get("background", True),
                input_size=tuple(fed) if isinstance(fed, list) else fed,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"this is no evaluation as kseg writes it ({error!r}); evaluate the model again"
            ) from error

    def write_csv(self, path: Path | str) -> None:
        """One row per image: id, IoU, accuracy; and, if class 0 is background, the share of valid pixels that is not
        background in truth and prediction. Empty where an image has no valid pixel."""
        columns = {"iou": self.iou_per_image, "accuracy": pixel_accuracy(self.matrices)}
        if self.background:
            pixels = self.matrices.sum(axis=(1, 2)).astype(np.float64)
            pixels[pixels == 0] = np.nan
            columns["truth_fraction"] = self.matrices[:, FOREGROUND:].sum(axis=(1, 2)) / pixels
            columns["predicted_fraction"] = self.matrices[:, :, FOREGROUND:].sum(axis=(1, 2)) / pixels
        _write_table(Path(path), ("id", *columns), zip(self.ids, *columns.values(), strict=True))

    def write_thresholds(self, path: Path | str) -> None:
        """One row per threshold of the foreground's probability: IoU, precision, recall, accuracy, over all pixels.

        Errors: UsageError for more than two classes, whose prediction is the largest probability and has no threshold.
        """
        if self.histogram is None:
            raise UsageError(f"{len(self.classes)} classes have no threshold to sweep; it is for binary models")
        thresholds, matrices = threshold_sweep(self.histogram)
        foreground = (score(matrices)[:, FOREGROUND] for score in (iou_class, precision, recall))
        header = ("threshold", "iou", "precision", "recall", "accuracy")
        _write_table(Path(path), header, zip(thresholds, *foreground, pixel_accuracy(matrices), strict=True))


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Iterable]) -> None:
    """A CSV file; numbers with six decimals, nan as an empty cell."""
    write_csv(
        path,
        header,
        ([cell if isinstance(cell, str) else "" if np.isnan(cell) else f"{cell:.6f}" for cell in row] for row in rows),
    )


def _plain(value):
    """JSON has no nan."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
