"""The result of measuring panoptic answers: sums of every image, from which PQ, SQ and RQ are computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from kseg.atomic import write_csv
from kseg.errors import UsageError
from kseg.metrics.intervals import Interval
from kseg.metrics.panoptic import SUMS
from kseg.metrics.panoptic_table import PanopticTable
from kseg.tasks.figures import cell, in_a_line, plain, what_is_wrong
from kseg.tasks.measured import Measured, StoredMeasurement, circumstances_of, stored_as
from kseg.tasks.panoptic.words import remarks

COUNTS = ("segments", "predicted", "missed", "misnamed", "false")
"""Counts of every image."""

GROUPS = {"All": "", "Things": "_things", "Stuff": "_stuff"}
"""Group of `PanopticTable.groups` → suffix of the names of its scores."""

Row = tuple[int, float, int, int, int]
"""Class id, Σ IoU, TP, FP and FN of a class that counts in an image."""


class StoredEvaluation(StoredMeasurement):
    """`PanopticEvaluation.to_json`."""

    task: Literal["panoptic"]
    things: list[str]
    sums: list[list[Row]]
    boundary_sums: list[list[Row]]
    confusion: list[list[int]]
    segments: list[int]
    predicted: list[int]
    missed: list[int]
    misnamed: list[int]
    false: list[int]


@dataclass(frozen=True, eq=False, kw_only=True)
class PanopticEvaluation(Measured):
    """Panoptic quality of a split, the sums of each image, and the confusions between classes."""

    task: ClassVar[str] = "panoptic"
    background: ClassVar[bool] = False
    image_score: ClassVar[str] = "PQ"

    regions: PanopticTable
    """of PQ"""
    outlines: PanopticTable
    """of boundary PQ"""
    confusion: np.ndarray
    """int64 (C + 1, C + 1), segments by true and predicted class; last row: false, last column: missed"""
    segments: np.ndarray
    """int64 (N,), true segments of each image, without crowds"""
    predicted: np.ndarray
    """int64 (N,), predicted segments of each image"""
    missed: np.ndarray
    """int64 (N,), true segments without a predicted segment of any class"""
    misnamed: np.ndarray
    """int64 (N,), predicted segments that match a true segment of another class"""
    false: np.ndarray
    """int64 (N,), predicted segments that match no true segment of any class and do not lie on void and crowds"""

    @property
    def headline(self) -> tuple[str, float]:
        """PQ, the mean over the classes that count."""
        return "PQ", self.regions.groups["All"].pq

    @property
    def per_image(self) -> np.ndarray:
        """float64 (N,): PQ of each image alone; nan for an image with nothing to find and nothing found."""
        return self.regions.per_image

    @property
    def things(self) -> tuple[str, ...]:
        """The classes of which there are objects."""
        return tuple(name for name, thing in zip(self.classes, self.regions.is_thing, strict=True) if thing)

    @cached_property
    def interval(self) -> Interval:
        """95 % interval of PQ over other images of the same kind; nan for fewer than two images."""
        return self.regions.interval()

    def order(self) -> np.ndarray:
        """Indices of the images from worst to best PQ; images without a score last."""
        return np.argsort(self.per_image, kind="stable")

    def scores(self) -> dict[str, Any]:
        """PQ, SQ and RQ of all classes, things, stuff and each class; those of outlines as "boundary_…"; the largest
        difference of PQ and SQ · RQ of a class; and the counts of segments."""
        scores: dict[str, Any] = {}
        for before, table in {"": self.regions, "boundary_": self.outlines}.items():
            for group, after in GROUPS.items():
                score = table.groups[group]
                values = {"PQ": score.pq, "SQ": score.sq, "RQ": score.rq}
                scores |= {f"{before}{name}{after}": value for name, value in values.items()}
        scores["PQ_interval"] = {"low": self.interval.low, "high": self.interval.high}
        scores |= {f"{name}_class": values for name, values in self._of_classes().items()}
        return scores | {
            "identity_gap": self.regions.identity_gap,
            "images": len(self.ids),
            **{name: int(getattr(self, name).sum()) for name in COUNTS},
        }

    def _of_classes(self) -> dict[str, dict[str, float]]:
        columns = self.regions.of_classes() | {"boundary_PQ": self.outlines.of_classes()["PQ"]}
        return {name: dict(zip(self.classes, values.tolist(), strict=True)) for name, values in columns.items()}

    def beside(self) -> dict[str, float]:
        """SQ and RQ, PQ of things and stuff, and of outlines."""
        groups = self.regions.groups
        return {
            "SQ": groups["All"].sq,
            "RQ": groups["All"].rq,
            "PQ of things": groups["Things"].pq,
            "PQ of stuff": groups["Stuff"].pq,
            "boundary PQ": self.outlines.groups["All"].pq,
        }

    def by_class(self) -> dict[str, dict[str, float]]:
        """PQ, SQ, RQ and boundary PQ."""
        return {name.replace("_", " "): values for name, values in self._of_classes().items()}

    def in_a_line(self) -> str:
        """PQ and its parts, of things and stuff; undefined where no class counts."""
        groups = self.regions.groups
        named = {"PQ": groups["All"].pq, "SQ": groups["All"].sq, "RQ": groups["All"].rq}
        named |= {"PQ of things": groups["Things"].pq, "PQ of stuff": groups["Stuff"].pq}
        return in_a_line(named)

    def remarks(self) -> list[str]:
        """Findings on the interval, PQ = SQ · RQ, missed and false segments, things and stuff, the weakest class."""
        return remarks(self.scores(), self.regions.identity(), self.mix_ups())

    def mix_ups(self) -> list[tuple[str, str, int]]:
        """True class, the class it was taken for, and in how many segments; the commonest first."""
        among = self.confusion[:-1, :-1].copy()
        np.fill_diagonal(among, 0)
        pairs = np.argwhere(among)
        named = [(self.classes[true], self.classes[taken], int(among[true, taken])) for true, taken in pairs.tolist()]
        return sorted(named, key=lambda one: -one[2])

    def mistakes(self, index: int) -> str:
        """The segments, and those missed, false and misnamed."""
        score = "" if np.isnan(self.per_image[index]) else f", PQ {self.per_image[index]:.3f}"
        missed, false, misnamed = (int(counts[index]) for counts in (self.missed, self.false, self.misnamed))
        return (
            what_is_wrong("segment", int(self.segments[index]), missed=missed, false=false, misnamed=misnamed) + score
        )

    def nothing(self) -> str:
        """The sentence where no image has a segment."""
        if self.segments.any():
            return ""
        return f"The {len(self.ids)} {self.split} images have no segment: there is nothing to measure."

    def to_json(self) -> dict[str, Any]:
        """Everything, raw counts and scores, as JSON types (nan becomes None)."""
        return self.framed(
            things=list(self.things),
            pq_image=plain(self.per_image.tolist()),
            **{name: getattr(self, name).tolist() for name in COUNTS},
            confusion=self.confusion.tolist(),
            sums=_rows(self.regions.sums_per_image),
            boundary_sums=_rows(self.outlines.sums_per_image),
        )

    @classmethod
    def from_json(cls, content: Any) -> "PanopticEvaluation":
        """The evaluation that `to_json` wrote; scores are computed again from the sums.

        Raises: UsageError for anything else.
        """
        # 1. read and check
        try:
            stored = stored_as(content, StoredEvaluation)
            classes, count = stored["classes"], len(stored["ids"])
            columns = {name: np.array(stored[name], np.int64) for name in COUNTS}  # type: ignore[literal-required]
            if any(column.shape != (count,) for column in columns.values()):
                raise ValueError(f"not every column has a number for each of its {count} images")
            if len(set(classes)) < len(classes) or not set(stored["things"]) <= set(classes):
                raise ValueError(f"its classes are {', '.join(classes)} and its things {', '.join(stored['things'])}")
            is_thing = np.array([name in stored["things"] for name in classes], bool)
            regions, outlines = (
                PanopticTable(_sums(rows, count, len(classes)), is_thing)
                for rows in (stored["sums"], stored["boundary_sums"])
            )
            confusion = np.array(stored["confusion"], np.int64)
            if confusion.shape != (len(classes) + 1, len(classes) + 1):
                raise ValueError(f"its table of confusions is {confusion.shape} for {len(classes)} classes")
            if min(numbers.min(initial=0) for numbers in (confusion, *columns.values())) < 0:
                raise ValueError("a number of segments is negative")
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise UsageError(
                f"this is no evaluation of segments as kseg writes it ({error}); evaluate the model again"
            ) from error
        # 2. the evaluation
        return cls(
            classes=tuple(classes),
            regions=regions,
            outlines=outlines,
            confusion=confusion,
            **columns,
            **circumstances_of(stored),
        )

    def write_csv(self, path: Path | str) -> None:
        """One row per image, the worst first: id, PQ (empty for an image without a score), segments, predicted ones,
        and the numbers missed, of another class, too many."""
        rows: Sequence[Sequence[str]] = [
            (self.ids[index], cell(self.per_image[index]), *(str(getattr(self, name)[index]) for name in COUNTS))
            for index in self.order()
        ]
        write_csv(Path(path), ("id", "pq", *COUNTS), rows)

    def write_tables(self, folder: Path) -> list[str]:
        """per_image.csv, per_class.csv with PQ = SQ · RQ of each class, confusion.csv with the classes mixed up."""
        self.write_csv(folder / "per_image.csv")
        columns, sums = self._of_classes(), self.regions.sums
        rows = [
            [name, "thing" if thing else "stuff", *(cell(values[name]) for values in columns.values()),
             *(f"{number:.0f}" for number in sums[index, 1:])]
            for index, (name, thing) in enumerate(zip(self.classes, self.regions.is_thing, strict=True))
        ]  # fmt: skip
        write_csv(folder / "per_class.csv", ("class", "kind", *columns, *SUMS[1:]), rows)
        taken = [[name, *map(str, row)] for name, row in zip((*self.classes, "made up"), self.confusion, strict=True)]
        write_csv(folder / "confusion.csv", ("truth", *self.classes, "missed"), taken)
        return ["per_image.csv", "per_class.csv", "confusion.csv"]


def _rows(sums_per_image: np.ndarray) -> list[list[list[float | int]]]:
    """A list of `Row`s per image, for the classes that count in it, as in JSON."""
    return [
        [
            [int(index), float(sums[index, 0]), *(int(number) for number in sums[index, 1:])]
            for index in np.flatnonzero(sums[:, 1:].any(axis=1))
        ]
        for sums in sums_per_image
    ]


def _sums(rows: list[list[Row]], count: int, num_classes: int) -> np.ndarray:
    """float64 (N, C, 4) from `_rows`. Raises: ValueError for impossible sums."""
    if len(rows) != count:
        raise ValueError(f"it has sums of {len(rows)} images and {count} images")
    sums = np.zeros((count, num_classes, len(SUMS)))
    for image, of_classes in zip(sums, rows, strict=True):
        for index, iou, tp, fp, fn in of_classes:
            if not (0 <= index < num_classes and min(tp, fp, fn) >= 0 and tp / 2 <= iou <= tp):
                raise ValueError(f"class {index} has an IoU of {iou} in {tp} matches, {fp} false and {fn} missed")
            image[index] = iou, tp, fp, fn
    return sums
