"""The result of measuring a network that finds objects: COCO's figures of masks and boxes, and AP image by image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NotRequired, TypedDict

import numpy as np

from kseg.atomic import write_csv
from kseg.errors import UsageError
from kseg.reading import held_to, parse_json
from kseg.tasks.figures import Figure, plain


class StoredEvaluation(TypedDict):
    """`InstanceEvaluation.to_json`."""

    task: Literal["instance"]
    dataset: str
    split: str
    classes: list[str]
    ids: list[str]
    scores: dict[str, Any]
    ap_image: list[Figure]
    objects: list[int]
    detections: list[int]
    original_size: bool
    seconds: float
    input_size: NotRequired[tuple[int, int] | Literal["original"] | None]


@dataclass(frozen=True)
class InstanceEvaluation:
    """Average precision and recall of a split, and what each of its images adds."""

    task: ClassVar[str] = "instance"

    dataset: str
    split: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    """of the images, in the split's order"""
    masks: dict[str, float]
    """COCO's twelve figures of masks (`InstanceScores.summary`)"""
    boxes: dict[str, float]
    """the same of boxes"""
    class_ap: dict[str, float]
    """AP of masks by class; nan for a class without objects"""
    per_image: np.ndarray
    """float64 (N,), AP of masks of each image alone; nan for an image without objects"""
    objects: np.ndarray
    """int64 (N,), true objects of each image that count"""
    detections: np.ndarray
    """int64 (N,), detections of each image, however sure"""
    original_size: bool
    """whether the objects compared are at the truth's own size, or at the network's"""
    seconds: float
    """wall time, reading of images included"""
    input_size: tuple[int, int] | Literal["original"] | None = None
    """(height, width) that the network was fed; "original": each image's own; None: near its own, or not known"""

    @property
    def headline(self) -> tuple[str, float]:
        """AP of masks, the mean over IoUs of 0.50, 0.55 … 0.95."""
        return "mask AP", self.masks["AP"]

    @property
    def images_per_second(self) -> float:
        return len(self.ids) / self.seconds if self.seconds else float("nan")

    def order(self) -> np.ndarray:
        """Indices of the images from worst to best AP; images without objects last."""
        return np.argsort(self.per_image, kind="stable")

    def scores(self) -> dict[str, Any]:
        """The figures of masks, those of boxes as "box_…", AP by class, and how many there are of what."""
        return {
            **self.masks,
            **{f"box_{name}": value for name, value in self.boxes.items()},
            "AP_class": self.class_ap,
            "images": len(self.ids),
            "objects": int(self.objects.sum()),
            "detections": int(self.detections.sum()),
        }

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types (nan becomes None)."""
        return {
            "task": self.task,
            "dataset": self.dataset,
            "split": self.split,
            "classes": list(self.classes),
            "original_size": self.original_size,
            "input_size": list(self.input_size) if isinstance(self.input_size, tuple) else self.input_size,
            "seconds": self.seconds,
            "images_per_second": plain(self.images_per_second),
            "scores": plain(self.scores()),
            "ids": list(self.ids),
            "ap_image": plain(self.per_image.tolist()),
            "objects": self.objects.tolist(),
            "detections": self.detections.tolist(),
        }

    @classmethod
    def from_json(cls, content: Any) -> "InstanceEvaluation":
        """The evaluation that `to_json` wrote.

        Raises: UsageError for anything else.
        """
        try:
            stored: StoredEvaluation = (parse_json if isinstance(content, str) else held_to)(content, StoredEvaluation)
            scores, count = stored["scores"], len(stored["ids"])
            columns = {name: np.array(stored[name], np.float64) for name in ("ap_image", "objects", "detections")}  # type: ignore[literal-required]
            if any(column.shape != (count,) for column in columns.values()):
                raise ValueError(f"not every column has a number for each of its {count} images")
            boxes = {name[4:]: _number(value) for name, value in scores.items() if name.startswith("box_")}
            masks = {name: _number(scores[name]) for name in boxes}
            class_ap = {name: _number(value) for name, value in scores["AP_class"].items()}
            if "AP" not in masks:
                raise ValueError("it has no AP")
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise UsageError(
                f"this is no evaluation of objects as kseg writes it ({error}); evaluate the model again"
            ) from error
        return cls(
            dataset=stored["dataset"],
            split=stored["split"],
            classes=tuple(stored["classes"]),
            ids=tuple(stored["ids"]),
            masks=masks,
            boxes=boxes,
            class_ap=class_ap,
            per_image=columns["ap_image"],
            objects=columns["objects"].astype(np.int64),
            detections=columns["detections"].astype(np.int64),
            original_size=stored["original_size"],
            seconds=stored["seconds"],
            input_size=stored.get("input_size"),
        )

    def write_csv(self, path: Path | str) -> None:
        """One row per image, the worst first: id, AP (empty for an image without objects), objects, detections."""
        rows: Sequence[Sequence[str]] = [
            (
                self.ids[index],
                "" if np.isnan(self.per_image[index]) else f"{self.per_image[index]:.6f}",
                str(self.objects[index]),
                str(self.detections[index]),
            )
            for index in self.order()
        ]
        write_csv(Path(path), ("id", "ap", "objects", "detections"), rows)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
