"""Counting found objects, image by image."""

from collections.abc import Sequence

import numpy as np

from kseg.metrics.instances import InstanceScores
from kseg.structures import Instances
from kseg.tasks.base import Circumstances
from kseg.tasks.instance.decoding import Detections, decoded, resized
from kseg.tasks.instance.evaluation import InstanceEvaluation


class InstanceEvaluator:
    """AP of masks and of boxes; every detection counts, however unsure, for a curve needs them all."""

    def __init__(self, classes: Sequence[str], *, background: bool = True):
        self.classes, self.background = tuple(classes), background
        self._masks, self._boxes = (InstanceScores(len(classes), kind) for kind in ("masks", "boxes"))
        self._detections: list[int] = []

    def add(self, truth: Instances, outputs: Detections) -> Instances:
        """Count an image: the detections are moved to the size of the truth."""
        prediction = decoded(resized(outputs, truth.size), threshold=0.0)
        for scores in (self._masks, self._boxes):
            scores.add(truth, prediction)
        self._detections.append(len(prediction))
        return prediction

    def result(self, circumstances: Circumstances) -> InstanceEvaluation:
        """The figures so far."""
        of_class = dict(zip(self.classes, map(float, self._masks.class_ap()), strict=True))
        if self.background:
            del of_class[self.classes[0]]
        return InstanceEvaluation(
            classes=self.classes,
            masks=self._masks.summary(),
            boxes=self._boxes.summary(),
            class_ap=of_class,
            per_image=self._masks.image_ap(),
            objects=self._masks.positives()[..., 0].sum(axis=1),
            detections=np.array(self._detections, np.int64),
            **circumstances,
        )
