"""A probability histogram that grows batch by batch: `ConfusionMatrix` for the scores of every threshold."""

from collections.abc import Iterable

import numpy as np

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.metrics.calibration import expected_calibration_error
from kseg.metrics.thresholds import BINS, average_precision, probability_histogram


class ProbabilityHistogram:
    """`probability_histogram` of all batches so far; workers' histograms merge with `+=` or `merge`.

    The functions of `kseg.metrics.thresholds` and `calibration` take its `histogram`, int64 (2, B).

    >>> histogram = ProbabilityHistogram(bins=4)
    >>> _ = histogram.update([0, 0, 1], [0.1, 0.6, 0.9])
    >>> histogram.histogram.tolist()
    [[1, 0, 1, 0], [0, 0, 0, 1]]
    """

    def __init__(self, *, bins: int = BINS, void: int | None = VOID):
        self.void = void
        self.histogram = probability_histogram(np.zeros(0, int), np.zeros(0), bins=bins, void=void)

    @property
    def bins(self) -> int:
        return self.histogram.shape[1]

    def update(self, truth, probability) -> "ProbabilityHistogram":
        """Adds the counts of these pixels; returns itself."""
        self.histogram += probability_histogram(truth, probability, bins=self.bins, void=self.void)
        return self

    def __iadd__(self, other: "ProbabilityHistogram") -> "ProbabilityHistogram":
        if (_part(other).bins, other.void) != (self.bins, self.void):
            raise UsageError(
                f"histograms of bins={self.bins}, void={self.void} and of bins={other.bins}, void={other.void} do not "
                "add up; count all parts with the same bins and void"
            )
        self.histogram += other.histogram
        return self

    @classmethod
    def merge(cls, parts: Iterable["ProbabilityHistogram"]) -> "ProbabilityHistogram":
        """The histogram of the pixels of all parts; the parts are not changed."""
        parts = list(parts)
        if not parts:
            raise UsageError("received no histograms to merge, so the number of bins is unknown; pass at least one")
        merged = cls(bins=_part(parts[0]).bins, void=parts[0].void)
        for part in parts:
            merged += part
        return merged

    def average_precision(self) -> float:
        """`kseg.metrics.thresholds.average_precision` so far."""
        return average_precision(self.histogram)

    def calibration_error(self, *, bins: int = 16) -> float:
        """`kseg.metrics.calibration.expected_calibration_error` so far."""
        return expected_calibration_error(self.histogram, bins=bins)


def _part(other) -> ProbabilityHistogram:
    if not isinstance(other, ProbabilityHistogram):
        raise UsageError(
            f"a ProbabilityHistogram merges with another, received {type(other).__name__}; "
            "add an array (2, B) to its `histogram`"
        )
    return other
