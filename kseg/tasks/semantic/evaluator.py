"""Counting right and wrong pixels, a strip of each image at a time."""

from collections.abc import Sequence

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.images import Streamed, probability_strips
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.thresholds import BINS, probability_histogram
from kseg.structures import LabelMap
from kseg.tasks.base import Circumstances
from kseg.tasks.semantic.decoding import foreground_probability, predicted_classes
from kseg.tasks.semantic.evaluation import SemanticEvaluation


class SemanticEvaluator:
    """A confusion matrix of each image and, for two classes, pixels by truth and probability."""

    def __init__(self, classes: Sequence[str], *, background: bool = True, void: int = VOID):
        self.classes, self.background, self.void = tuple(classes), background, void
        self._matrices: list[np.ndarray] = []
        self._histogram = np.zeros((2, BINS), np.int64) if len(classes) == 2 else None

    def add(self, truth: LabelMap, outputs: np.ndarray | Streamed) -> LabelMap:
        """Count an image; its probabilities (h, w, C) are resized to the size of the truth."""
        num_classes, void = len(self.classes), self.void
        matrix = np.zeros((num_classes, num_classes), np.int64)
        predicted = np.empty(truth.size, np.uint8)
        for where, strip in probability_strips(outputs, truth.size):
            labels = truth.ids[where]
            predicted[where] = predicted_classes(strip)
            matrix += confusion_matrix(labels, predicted[where], num_classes, void=void)
            if self._histogram is not None:
                self._histogram += probability_histogram(labels, foreground_probability(strip), void=void)
        self._matrices.append(matrix)
        return LabelMap(predicted)

    def result(self, circumstances: Circumstances) -> SemanticEvaluation:
        """The counts so far."""
        num_classes = len(self.classes)
        return SemanticEvaluation(
            classes=self.classes,
            matrices=np.array(self._matrices, np.int64).reshape(-1, num_classes, num_classes),
            histogram=self._histogram,
            background=self.background,
            **circumstances,
        )
