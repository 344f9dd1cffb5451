"""Counting found objects, image by image."""

from collections.abc import Sequence

import numpy as np

from kseg.metrics.instances import THRESHOLDS, InstanceScores
from kseg.structures import Instances
from kseg.tasks.base import Circumstances
from kseg.tasks.instance.decoding import Detections, decoded, resized
from kseg.tasks.instance.evaluation import COUNTS, InstanceEvaluation
from kseg.tasks.instance.mistakes import compare, sure


class MaskCount:
    """AP of masks, also at an IoU of 0.5 alone: what an epoch is kept by."""

    def __init__(self, num_classes: int):
        self._scores = InstanceScores(num_classes)

    def add(self, truth: Instances, outputs: Detections) -> None:
        """Count an image: the detections are moved to the size of the truth."""
        self._scores.add(truth, decoded(resized(outputs, truth.size), threshold=0.0))

    def figures(self) -> dict[str, float]:
        """The scores so far; nan without objects."""
        found = self._scores.summary()
        return {"ap": found["AP"], "ap50": found["AP50"]}


class InstanceEvaluator:
    """AP of masks, boxes and outlines; detections of any score count, because a curve needs them all."""

    def __init__(self, classes: Sequence[str], *, background: bool = True):
        self.classes, self.background = tuple(classes), background
        kinds = ("masks", "boxes", "boundary")
        self.masks, self.boxes, self.outlines = (InstanceScores(len(classes), kind) for kind in kinds)
        self._counts: list[tuple[int, ...]] = []

    def add(self, truth: Instances, outputs: Detections) -> Instances:
        """Count an image; the detections are scaled to the size of the truth."""
        prediction = decoded(resized(outputs, truth.size), threshold=0.0)
        for scores in (self.masks, self.boxes, self.outlines):
            scores.add(truth, prediction)
        comparison = compare(truth, sure(prediction))
        wrong = (comparison.missed, comparison.misnamed, comparison.false)
        self._counts.append((len(prediction), *(int(part.sum()) for part in wrong)))
        return prediction

    def result(self, circumstances: Circumstances) -> InstanceEvaluation:
        """The figures so far."""
        at_half = float(THRESHOLDS[0])
        of_classes = {
            "AP": self.masks.class_ap(), "AP50": self.masks.class_ap(at=at_half), "box_AP": self.boxes.class_ap(),
            "boundary_AP": self.outlines.class_ap(),
        }  # fmt: skip
        first = int(self.background)
        interval = self.masks.interval() if self._counts else None
        counts = np.array(self._counts, np.int64).reshape(-1, 4)
        return InstanceEvaluation(
            classes=self.classes,
            masks=self.masks.summary(),
            boxes=self.boxes.summary(),
            outlines=self.outlines.summary(),
            class_scores={
                name: dict(zip(self.classes[first:], map(float, values[first:]), strict=True))
                for name, values in of_classes.items()
            },
            interval=(float("nan"), float("nan")) if interval is None else (interval.low, interval.high),
            per_image=self.masks.image_ap(),
            objects=self.masks.positives()[..., 0].sum(axis=1),
            **dict(zip(COUNTS[1:], counts.T, strict=True)),
            **circumstances,
        )
