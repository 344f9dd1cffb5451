"""Counting segments, image by image."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kseg.errors import UsageError
from kseg.metrics.panoptic import panoptic_groups, panoptic_match, panoptic_sums
from kseg.metrics.panoptic_table import PanopticTable
from kseg.metrics.segments import segments_of
from kseg.structures import Panoptic
from kseg.tasks.base import Circumstances
from kseg.tasks.panoptic.evaluation import COUNTS, PanopticEvaluation
from kseg.tasks.panoptic.mistakes import compare

Decode = Callable[[Any, tuple[int, int]], Panoptic]
"""Outputs of an image and the size that the answer should have, to the answer."""


class SegmentCount:
    """PQ of all classes, of things and of stuff: what an epoch is kept by.

    A class is a thing if a true segment of it is one. Where the truth has no segment of a class, predictions decide.
    """

    def __init__(self, classes: Sequence[str], *, decode: Decode):
        self.classes, self.decode = tuple(classes), decode
        self._sums: list[np.ndarray] = []
        self._kinds = [dict[int, bool](), dict[int, bool]()]  # of truth, of prediction: class → is it a thing

    def add(self, truth: Panoptic, outputs: Any) -> Panoptic:
        """Count an image; outputs are decoded at the size of the truth, a `Panoptic` is taken as it is."""
        prediction = outputs if isinstance(outputs, Panoptic) else self.decode(outputs, truth.size)
        self.count(truth, prediction)
        return prediction

    def count(self, truth: Panoptic, prediction: Panoptic) -> None:
        """Count an answer from any source."""
        self._look_at_classes(truth, prediction)
        match = panoptic_match(truth.ids, prediction.ids, segments_of(truth), segments_of(prediction))
        self._sums.append(panoptic_sums([match], len(self.classes)))

    def figures(self) -> dict[str, float]:
        """The scores so far; nan where no class counts."""
        sums = np.sum(self._sums, axis=0) if self._sums else np.zeros((len(self.classes), 4))
        groups = panoptic_groups(sums, self._is_thing())
        return {"pq": groups["All"].pq, "pq_things": groups["Things"].pq, "pq_stuff": groups["Stuff"].pq}

    def _look_at_classes(self, truth: Panoptic, prediction: Panoptic) -> None:
        number = len(self.classes)
        for kinds, structure, of in zip(self._kinds, (truth, prediction), ("truth", "prediction"), strict=True):
            for segment in structure.segments:
                if segment.class_id >= number:
                    raise UsageError(
                        f"the {of} has a segment of class {segment.class_id}, but there are the classes "
                        f"0..{number - 1} ({', '.join(self.classes)}); give both the same classes"
                    )
                kinds[segment.class_id] = kinds.get(segment.class_id, False) or segment.thing

    def _is_thing(self) -> np.ndarray:
        true, predicted = self._kinds
        return np.array([true.get(one, predicted.get(one, False)) for one in range(len(self.classes))], bool)


class PanopticEvaluator(SegmentCount):
    """PQ, boundary PQ, and the confusions between classes."""

    def __init__(self, classes: Sequence[str], *, decode: Decode):
        super().__init__(classes, decode=decode)
        self._outline_sums: list[np.ndarray] = []
        self._confusion = np.zeros((len(classes) + 1, len(classes) + 1), np.int64)
        self._counts: list[tuple[int, ...]] = []

    def count(self, truth: Panoptic, prediction: Panoptic) -> None:
        """Count an answer from any source."""
        self._look_at_classes(truth, prediction)
        number, tables = len(self.classes), (segments_of(truth), segments_of(prediction))
        comparison = compare(truth, prediction)
        outlines = panoptic_match(truth.ids, prediction.ids, *tables, boundary=True)
        for sums, match in ((self._sums, comparison.match), (self._outline_sums, outlines)):
            sums.append(panoptic_sums([match], number))
        self._confusion += comparison.confusion(truth, prediction, number)
        wrong = (len(comparison.missed), len(comparison.misnamed), len(comparison.false))
        there = sum(not segment.crowd for segment in truth.segments)
        self._counts.append((there, len(prediction.segments), *wrong))

    def result(self, circumstances: Circumstances) -> PanopticEvaluation:
        """The counts so far."""
        counts = np.array(self._counts, np.int64).reshape(-1, len(COUNTS))
        regions, outlines = (
            PanopticTable(np.array(sums, np.float64).reshape(-1, len(self.classes), 4), self._is_thing())
            for sums in (self._sums, self._outline_sums)
        )
        return PanopticEvaluation(
            classes=self.classes,
            regions=regions,
            outlines=outlines,
            confusion=self._confusion.copy(),
            **dict(zip(COUNTS, counts.T, strict=True)),
            **circumstances,
        )
