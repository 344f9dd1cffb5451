"""PQ, SQ and RQ of a split for tables: of all classes, things and stuff, of each class and of each image."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kseg.errors import UsageError
from kseg.metrics.intervals import Interval, bootstrap_score
from kseg.metrics.panoptic import (
    SUMS,
    PanopticMatch,
    PanopticScore,
    panoptic_groups,
    panoptic_quality,
    panoptic_sums,
    recognition_quality,
    segmentation_quality,
)

ROUNDING = 1e-12
"""Largest difference of PQ and SQ · RQ of a class in float64."""

SCORES = {"PQ": panoptic_quality, "SQ": segmentation_quality, "RQ": recognition_quality}
"""Scores of a class, by name."""


@dataclass(frozen=True, eq=False)
class PanopticTable:
    """The sums of every image, and the scores that follow from them.

    The constructor checks PQ = SQ · RQ for every class.

    >>> table = PanopticTable(np.array([[[0.8, 1, 0, 0], [0.0, 0, 1, 1]]]), np.array([True, False]))
    >>> table.groups["All"].pq, table.of_classes()["SQ"].tolist(), table.per_image.tolist()
    (0.4, [0.8, 0.0], [0.4])
    """

    sums_per_image: np.ndarray
    """float64 (N, C, 4), see `kseg.metrics.panoptic.SUMS`"""
    is_thing: np.ndarray
    """bool (C,)"""

    def __post_init__(self) -> None:
        if self.sums_per_image.ndim != 3 or self.sums_per_image.shape[1:] != (len(self.is_thing), len(SUMS)):
            raise UsageError(
                f"sums of images are (N, {len(self.is_thing)}, {len(SUMS)}): images, classes, {', '.join(SUMS)}; "
                f"received the shape {self.sums_per_image.shape}"
            )
        if not self.identity_gap <= ROUNDING:
            raise AssertionError(f"PQ and SQ · RQ of a class are {self.identity_gap:.3g} apart")

    @classmethod
    def of(cls, matches: Iterable[PanopticMatch], is_thing) -> "PanopticTable":
        """The table from one `panoptic_match` per image."""
        is_thing = np.asarray(is_thing, bool)
        sums = [panoptic_sums([match], len(is_thing)) for match in matches]
        return cls(np.array(sums, np.float64).reshape(-1, len(is_thing), len(SUMS)), is_thing)

    @cached_property
    def sums(self) -> np.ndarray:
        """float64 (C, 4): the sums over all images."""
        return self.sums_per_image.sum(axis=0)

    @cached_property
    def groups(self) -> dict[str, PanopticScore]:
        """Means over the classes: "All", "Things", "Stuff"."""
        return panoptic_groups(self.sums, self.is_thing)

    def of_classes(self) -> dict[str, np.ndarray]:
        """ "PQ", "SQ", "RQ" → float64 (C,); nan for a class with TP + FP + FN = 0."""
        return {name: score(self.sums) for name, score in SCORES.items()}

    @cached_property
    def counted(self) -> np.ndarray:
        """bool (C,): classes with TP + FP + FN > 0."""
        return np.asarray(self.sums[:, 1:].any(axis=1))

    @cached_property
    def per_image(self) -> np.ndarray:
        """float64 (N,): PQ of each single image; nan for an image without true and predicted segments."""
        return mean_panoptic_quality(self.sums_per_image)

    def interval(self, resamples: int = 1000) -> Interval:
        """PQ of all classes with its 95 % bootstrap interval over images."""
        if not len(self.sums_per_image):
            return Interval(np.nan, np.nan, np.nan, confidence=0.95)
        return bootstrap_score(self.sums_per_image, mean_panoptic_quality, resamples=resamples)

    @cached_property
    def identity_gap(self) -> float:
        """The largest difference of PQ and SQ · RQ among the classes: 0 up to float64 rounding."""
        pq, sq, rq = (score(self.sums) for score in SCORES.values())
        return float(np.nanmax(np.abs(pq - sq * rq), initial=0.0)) if self.counted.any() else 0.0

    def identity(self) -> str:
        """A sentence on the identity for classes, and on the means, where it does not hold."""
        if not self.counted.any():
            return "No class counts, so there is no PQ."
        every, gap = self.groups["All"], self.identity_gap
        return (
            f"PQ = SQ · RQ in each class that counts, {every.classes} of {len(self.is_thing)} "
            f"({f'to {gap:.0e}' if gap else 'exactly'}); of the means it need not hold: PQ {every.pq:.4f}, "
            f"SQ · RQ {every.sq * every.rq:.4f}."
        )

    def lines(self, kind: str, names, *, resamples: int = 1000) -> list[str]:
        """The table as text: groups, interval, classes.

        Args:
          kind: name of PQ in the head line.
          names: of the classes.
        """
        lines = [f"{kind:<24}{'PQ':>8}{'SQ':>8}{'RQ':>8}  classes"]
        for group, score in self.groups.items():
            lines.append(f"{group:<24}{score.pq:8.4f}{score.sq:8.4f}{score.rq:8.4f}{score.classes:9d}")
        lines.append(f"PQ of all, 95 % interval over images: {self.interval(resamples)}")
        columns = zip(names, *self.of_classes().values(), self.sums, self.counted, strict=True)
        for name, pq, sq, rq, (_, tp, fp, fn), counts in columns:
            if counts:
                figures = f"{pq:8.4f}{sq:8.4f}{rq:8.4f}  {tp:.0f} found, {fn:.0f} missed, {fp:.0f} false"
                lines.append(f"  {name:<22}{figures}")
        return [*lines, self.identity()]


def mean_panoptic_quality(sums) -> np.ndarray:
    """PQ as the mean over the classes that count, of each table: float64 (R, C, 4) to (R,); nan where no class counts.

    Source: Kirillov et al. 2019, section 4. Deviations: none.

    >>> mean_panoptic_quality([[[0.8, 1, 0, 0], [1.5, 2, 1, 1], [0, 0, 0, 0]]])
    array([0.65])
    """
    quality = panoptic_quality(sums)
    counted = ~np.isnan(quality)
    number = counted.sum(axis=-1)
    return np.where(number, np.where(counted, quality, 0.0).sum(axis=-1) / np.maximum(number, 1), np.nan)
