"""The result of measuring a network that finds objects: COCO's figures of masks, boxes and outlines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from kseg.atomic import write_csv
from kseg.errors import UsageError
from kseg.tasks.figures import Figure, cell, in_a_line, number, plain, what_is_wrong
from kseg.tasks.instance.words import remarks
from kseg.tasks.measured import Measured, StoredMeasurement, circumstances_of, stored_as

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
"""COCO's figures, of masks, boxes and outlines."""

OF_CLASSES = ("AP", "AP50", "box_AP", "boundary_AP")

COUNTS = ("objects", "detections", "missed", "misnamed", "false")
"""Counts of every image."""


class StoredEvaluation(StoredMeasurement):
    """`InstanceEvaluation.to_json`."""

    task: Literal["instance"]
    scores: dict[str, Any]
    ap_image: list[Figure]
    objects: list[int]
    detections: list[int]
    missed: list[int]
    misnamed: list[int]
    false: list[int]


@dataclass(frozen=True, kw_only=True)
class InstanceEvaluation(Measured):
    """Average precision and recall of a split, and the counts of each image."""

    task: ClassVar[str] = "instance"
    background: ClassVar[bool] = True

    masks: dict[str, float]
    """COCO's twelve figures of masks (`InstanceScores.summary`)"""
    boxes: dict[str, float]
    """the same figures of boxes"""
    outlines: dict[str, float]
    """the same figures of masks that also agree along their outlines: boundary AP of Cheng et al. 2021; nan in
    evaluations older than this figure"""
    class_scores: dict[str, dict[str, float]]
    """"AP" and "AP50" of masks, "box_AP", "boundary_AP" → class → value; nan for a class without objects"""
    interval: tuple[float, float]
    """95 % interval of the AP of masks over other images of the same kind; nan for fewer than two images"""
    per_image: np.ndarray
    """float64 (N,), AP of masks of each image alone; nan for an image without objects"""
    objects: np.ndarray
    """int64 (N,), true objects of each image that count"""
    detections: np.ndarray
    """int64 (N,), detections of each image, of any score"""
    missed: np.ndarray
    """int64 (N,), true objects without a detection with a score and an IoU of ½ at least (`mistakes.compare`)"""
    misnamed: np.ndarray
    """int64 (N,), detections of such a score that match an object of another class"""
    false: np.ndarray
    """int64 (N,), detections of such a score that match no object"""

    @property
    def headline(self) -> tuple[str, float]:
        """AP of masks, the mean over IoUs of 0.50, 0.55 … 0.95."""
        return "mask AP", self.masks["AP"]

    image_score: ClassVar[str] = "AP"

    def order(self) -> np.ndarray:
        """Indices of the images from worst to best AP; images without objects last."""
        return np.argsort(self.per_image, kind="stable")

    def scores(self) -> dict[str, Any]:
        """The figures of masks, of boxes as "box_…", of outlines as "boundary_…", AP by class, and counts."""
        return {
            **self.masks,
            **{f"box_{name}": value for name, value in self.boxes.items()},
            **{f"boundary_{name}": value for name, value in self.outlines.items()},
            "AP_interval": dict(zip(("low", "high"), self.interval, strict=True)),
            **{f"{name}_class": values for name, values in self.class_scores.items()},
            "images": len(self.ids),
            **{name: int(getattr(self, name).sum()) for name in COUNTS},
        }

    def beside(self) -> dict[str, float]:
        """AP at single overlaps, of outlines, of boxes, and recall."""
        return {
            "mask AP50": self.masks["AP50"],
            "mask AP75": self.masks["AP75"],
            "boundary AP": self.outlines["AP"],
            "box AP": self.boxes["AP"],
            "recall of 100": self.masks["AR100"],
        }

    def by_class(self) -> dict[str, dict[str, float]]:
        """AP of masks, at an IoU of 0.5, of outlines, and of boxes."""
        titles = {"mask AP": "AP", "mask AP50": "AP50", "boundary AP": "boundary_AP", "box AP": "box_AP"}
        return {title: self.class_scores[name] for title, name in titles.items()}

    def in_a_line(self) -> str:
        """AP of masks and boxes; undefined without objects."""
        named = {"mask AP": self.masks["AP"], "mask AP50": self.masks["AP50"], "box AP": self.boxes["AP"]}
        return in_a_line(named)

    def remarks(self) -> list[str]:
        """Findings on the interval, missed and false objects, small objects, masks and boxes, and the weakest class."""
        return remarks(self.scores())

    def mistakes(self, index: int) -> str:
        """The objects, and those missed, false and misnamed."""
        missed, false, misnamed = (int(counts[index]) for counts in (self.missed, self.false, self.misnamed))
        return what_is_wrong("object", int(self.objects[index]), missed=missed, false=false, misnamed=misnamed)

    def nothing(self) -> str:
        """The sentence where no image shows an object."""
        if self.objects.any():
            return ""
        return f"The {len(self.ids)} {self.split} images show no object: there is nothing to measure."

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types (nan becomes None)."""
        counts = {name: getattr(self, name).tolist() for name in COUNTS}
        return self.framed(ap_image=plain(self.per_image.tolist()), **counts)

    @classmethod
    def from_json(cls, content: Any) -> "InstanceEvaluation":
        """The evaluation that `to_json` wrote.

        Raises: UsageError for anything else.
        """
        # 1. read and check
        try:
            stored = stored_as(content, StoredEvaluation)
            scores, count = stored["scores"], len(stored["ids"])
            columns = {name: np.array(stored[name], np.float64) for name in ("ap_image", *COUNTS)}  # type: ignore[literal-required]
            if any(column.shape != (count,) for column in columns.values()):
                raise ValueError(f"not every column has a number for each of its {count} images")
            boxes = {name: number(scores[f"box_{name}"]) for name in FIGURES}
            masks = {name: number(scores[name]) for name in FIGURES}
            outlines = {name: number(scores.get(f"boundary_{name}")) for name in FIGURES}
            # older evaluations lack boundary AP
            of_classes = {"boundary_AP_class": dict.fromkeys(scores["AP_class"]), **scores}
            class_scores = {
                name: {label: number(value) for label, value in of_classes[f"{name}_class"].items()}
                for name in OF_CLASSES
            }
            low, high = (number(scores["AP_interval"][name]) for name in ("low", "high"))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise UsageError(
                f"this is no evaluation of objects as kseg writes it ({error}); evaluate the model again"
            ) from error
        # 2. the evaluation
        return cls(
            classes=tuple(stored["classes"]),
            masks=masks,
            boxes=boxes,
            outlines=outlines,
            class_scores=class_scores,
            interval=(low, high),
            per_image=columns["ap_image"],
            **{name: columns[name].astype(np.int64) for name in COUNTS},
            **circumstances_of(stored),
        )

    def write_csv(self, path: Path | str) -> None:
        """One row per image, the worst first: id, AP (empty for an image without objects), objects, detections, and the
        numbers missed, of another class, too many."""
        rows: Sequence[Sequence[str]] = [
            (
                self.ids[index],
                cell(self.per_image[index]),
                *(str(getattr(self, name)[index]) for name in COUNTS),
            )
            for index in self.order()
        ]
        write_csv(Path(path), ("id", "ap", *COUNTS), rows)

    def write_tables(self, folder: Path) -> list[str]:
        """per_image.csv, and per_class.csv with the AP of each class."""
        self.write_csv(folder / "per_image.csv")
        names = next(iter(self.class_scores.values()))
        rows = [[label, *(cell(values[label]) for values in self.class_scores.values())] for label in names]
        write_csv(folder / "per_class.csv", ("class", *self.class_scores), rows)
        return ["per_image.csv", "per_class.csv"]
