"""The result of measuring a semantic network: raw counts, from which every score is computed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NotRequired, TypedDict

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
from kseg.metrics.thresholds import BINS, average_precision, best_threshold, threshold_sweep
from kseg.tasks.figures import Figure, plain
from kseg.tasks.measured import Measured, StoredMeasurement, circumstances_of, stored_as
from kseg.tasks.semantic.mistakes import error_shares
from kseg.tasks.semantic.words import remarks

FOREGROUND = 1


class StoredScores(TypedDict):
    """The scores of `SemanticEvaluation.scores` that are shown without being computed again."""

    iou_dataset: Figure
    iou_image: Figure
    accuracy: Figure
    images: int
    miou: NotRequired[Figure]


class StoredEvaluation(StoredMeasurement):
    """`SemanticEvaluation.to_json`; older evaluations lack the fields that are not required."""

    task: NotRequired[Literal["semantic"]]
    scores: StoredScores
    confusion_matrix: list[list[int]]
    confusion_matrices: list[list[list[int]]]
    iou_image: list[Figure]
    histogram: list[list[int]] | None
    background: NotRequired[bool]


@dataclass(frozen=True, kw_only=True)
class SemanticEvaluation(Measured):
    """Counts per image and per probability; scores, tables and curves follow from them."""

    task: ClassVar[str] = "semantic"

    matrices: np.ndarray
    """int64 (N, C, C), one confusion matrix per image, rows = truth"""
    histogram: np.ndarray | None
    """binary only: int64 (2, 256), pixels by truth and probability (`kseg.metrics.thresholds`)"""
    background: bool = True
    """whether class 0 is background, and not a class like the others"""

    @property
    def matrix(self) -> np.ndarray:
        """int64 (C, C), all images together."""
        return self.matrices.sum(axis=0)

    @property
    def headline(self) -> tuple[str, float]:
        """IoU over all pixels: of the foreground, or the mean over classes where there are more than two."""
        kind = f"IoU of {self.classes[FOREGROUND]}" if len(self.classes) == 2 else "mean IoU"
        return kind, float(iou_dataset(self.matrix))

    @property
    def per_image(self) -> np.ndarray:
        """float64 (N,), IoU; nan for an image without valid pixels."""
        return iou_image(self.matrices)

    image_score: ClassVar[str] = "IoU"

    def order(self) -> np.ndarray:
        """Indices of the images from worst to best IoU; images without valid pixels last."""
        return np.argsort(self.per_image, kind="stable")

    def scores(self) -> dict:
        """Every score by name: floats, and dicts of floats by class; nan where a score has no meaning."""
        # 1. scores of every class
        matrix, per_image = self.matrix, self.per_image
        by_class = {
            f"{name}_class": dict(zip(self.classes, map(float, function(matrix)), strict=True))
            for name, function in (
                ("iou", iou_class),
                ("dice", dice_class),
                ("precision", precision),
                ("recall", recall),
            )
        }
        # 2. scores over all pixels, and means over images
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
        # 3. scores of thresholds and probabilities, for two classes
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

    def beside(self) -> dict[str, float]:
        """The mean over images, the mean over classes where the headline is of one class, and accuracy."""
        scores = self.scores()
        named = {"mean of image IoUs": "iou_image", "mean IoU of classes": "miou", "pixel accuracy": "accuracy"}
        if len(self.classes) > 2:
            del named["mean IoU of classes"]  # the headline
        return {title: scores[name] for title, name in named.items()}

    def by_class(self) -> dict[str, dict[str, float]]:
        """IoU, Dice, precision and recall."""
        scores = self.scores()
        titles = {"IoU": "iou", "Dice": "dice", "precision": "precision", "recall": "recall"}
        return {title: scores[f"{name}_class"] for title, name in titles.items()}

    def in_a_line(self) -> str:
        """IoU, the mean over images, accuracy; undefined where all images are void throughout."""
        scores = self.scores()
        iou, mean, accuracy = (
            "undefined" if np.isnan(scores[name]) else f"{scores[name]:.4f}"
            for name in ("iou_dataset", "iou_image", "accuracy")
        )
        return f"IoU {iou}   mean per image {mean}   pixel accuracy {accuracy}"

    def remarks(self) -> list[str]:
        """Findings on the spread over images, the weakest class, another threshold, and calibration."""
        return remarks(self.split, self.per_image, self.scores())

    def mistakes(self, index: int) -> str:
        """Mistakes as shares of the image's valid pixels."""
        shares = error_shares(self.matrices[index], self.background)
        return ", ".join(f"{100 * share:.1f} % {kind}" for kind, share in shares.items())

    def nothing(self) -> str:
        """The sentence where every pixel is void."""
        if self.matrix.any():
            return ""
        return f"Every pixel of the {len(self.ids)} {self.split} images is void: there is nothing to measure."

    def to_json(self) -> dict:
        """Everything, raw counts and scores, as JSON types (nan becomes None)."""
        return self.framed(
            background=self.background,
            confusion_matrix=self.matrix.tolist(),
            histogram=None if self.histogram is None else self.histogram.tolist(),
            iou_image=plain(self.per_image.tolist()),
            confusion_matrices=self.matrices.tolist(),
        )

    @classmethod
    def from_json(cls, content: Any) -> "SemanticEvaluation":
        """The evaluation that `to_json` wrote; scores are computed again from the counts."""
        try:
            stored = stored_as(content, StoredEvaluation)
            histogram, classes = stored["histogram"], stored["classes"]
            matrices = np.array(stored["confusion_matrices"], np.int64)
            matrices = matrices.reshape(len(stored["ids"]), len(classes), len(classes))
            counts = None if histogram is None else np.array(histogram, np.int64).reshape(2, BINS)
            if len(set(classes)) < max(2, len(classes)):
                raise ValueError(f"its classes are {', '.join(classes) or 'none'}")
            if matrices.min(initial=0) < 0 or (counts is not None and counts.min() < 0):
                raise ValueError("a count of pixels is negative")
        except (OverflowError, ValueError) as error:
            raise UsageError(f"this is no evaluation as kseg writes it ({error}); evaluate the model again") from error
        return cls(
            classes=tuple(classes),
            matrices=matrices,
            histogram=counts,
            background=stored.get("background", True),
            **circumstances_of(stored),
        )

    def write_csv(self, path: Path | str) -> None:
        """One row per image: id, IoU, accuracy; and, if class 0 is background, the share of valid pixels that is not
        background in truth and prediction. Empty where an image has no valid pixel."""
        columns = {"iou": self.per_image, "accuracy": pixel_accuracy(self.matrices)}
        if self.background:
            pixels = self.matrices.sum(axis=(1, 2)).astype(np.float64)
            pixels[pixels == 0] = np.nan
            columns["truth_fraction"] = self.matrices[:, FOREGROUND:].sum(axis=(1, 2)) / pixels
            columns["predicted_fraction"] = self.matrices[:, :, FOREGROUND:].sum(axis=(1, 2)) / pixels
        _write_table(Path(path), ("id", *columns), zip(self.ids, *columns.values(), strict=True))

    def write_tables(self, folder: Path) -> list[str]:
        """per_image.csv and, for two classes, thresholds.csv."""
        self.write_csv(folder / "per_image.csv")
        if self.histogram is None:
            return ["per_image.csv"]
        self.write_thresholds(folder / "thresholds.csv")
        return ["per_image.csv", "thresholds.csv"]

    def write_thresholds(self, path: Path | str) -> None:
        """One row per threshold of the foreground's probability: IoU, precision, recall, accuracy, over all pixels.

        Errors: UsageError for more than two classes, whose prediction is the largest probability and has no threshold.
        """
        if self.histogram is None:
            raise UsageError(f"{len(self.classes)} classes have no threshold to sweep; evaluate a binary model")
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
