"""Keras metrics of probabilities: formulas over a streaming probability histogram."""

from keras import ops

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.metrics.bins import count_ids
from kseg.metrics.counting import CountingMetric, holds_ids, in_range, registered
from kseg.metrics.thresholds import BINS
from kseg.metrics.whole import class_count, class_label


class HistogramMetric(CountingMetric):
    """A score of the probability histogram of one class, `label`, against all others; by default of the foreground.

    Predictions have to be scores; class ids raise UsageError. `threshold` has no effect, since the histogram covers all
    thresholds. Without a valid pixel the result is nan.
    """

    def __init__(
        self, num_classes: int, *, label=1, from_logits=False, threshold=0.5, void=VOID, name=None, dtype=None
    ):
        cells = 2 * BINS + 1  # the last counts what is impossible
        super().__init__(cells, from_logits=from_logits, threshold=threshold, void=void, name=name, dtype=dtype)
        self.num_classes = class_count(num_classes, least=2)
        self.label = class_label(label, self.num_classes, self.name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts the pixels of one batch."""
        y_pred = ops.convert_to_tensor(y_pred)
        if holds_ids(y_pred):
            raise UsageError(
                f"{self.name}: y_pred is class ids {tuple(y_pred.shape)}; pass logits or probabilities (N, H, W, C)"
            )
        truth, ids, valid = self.pixels(y_true, y_pred, sample_weight, self.num_classes)
        p = ops.clip(self.probability(y_pred), 0.0, 1.0)  # invalid probabilities already have no valid id
        possible = in_range(truth, ids, self.num_classes)
        index = ops.minimum(ops.cast(p * BINS, "int32"), BINS - 1) + BINS * ops.cast(truth == self.label, "int32")
        index = ops.where(valid, ops.where(possible, index, 2 * BINS), 2 * BINS + 1)
        self.add_counts(count_ids(ops.reshape(index, (-1,)), 2 * BINS + 2)[:-1])

    def probability(self, y_pred):
        """float32 (N, H, W): the probability of the class."""
        scores = ops.cast(y_pred, "float32")
        if scores.shape[-1] > 1:
            return (ops.softmax(scores) if self.from_logits else scores)[..., self.label]
        foreground = ops.squeeze(ops.sigmoid(scores) if self.from_logits else scores, -1)
        return foreground if self.label else 1.0 - foreground

    def result(self):
        """The score so far, float32 ()."""
        counts = self.counts()
        histogram = ops.reshape(counts[:-1], (2, BINS))
        sound = ops.logical_and(counts[-1] == 0, ops.sum(histogram) > 0)
        return ops.where(sound, self.score(histogram), float("nan"))

    def score(self, histogram):
        """float32 () from a float32 (2, BINS), rows = others, class, that holds at least one pixel."""
        raise NotImplementedError(f"{type(self).__name__} must define score(histogram)")

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes, "label": self.label}


@registered("average_precision")
class AveragePrecision(HistogramMetric):
    """`kseg.metrics.thresholds.average_precision` of the class; nan where it is not in the truth.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = AveragePrecision(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)
    1.0
    """

    def __init__(self, num_classes: int, *, name="average_precision", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, histogram):
        false, true = ops.unstack(ops.flip(ops.cumsum(ops.flip(histogram, axis=1), axis=1), axis=1), 2)
        present = true[0]
        area = ops.sum(histogram[1] * true / ops.maximum(false + true, 1.0))
        return ops.where(present > 0, area / ops.maximum(present, 1.0), float("nan"))


@registered("calibration_error")
class CalibrationError(HistogramMetric):
    """`kseg.metrics.calibration.expected_calibration_error` of the class, with its 16 bins.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = CalibrationError(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)
    0.3001
    """

    def __init__(self, num_classes: int, *, name="calibration_error", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, histogram):
        middle = (ops.arange(BINS, dtype="float32") + 0.5) / BINS
        # n_b · |frequency − confidence|, without the division by n_b
        gap = histogram[1] - middle * ops.sum(histogram, axis=0)
        return ops.sum(ops.abs(ops.sum(ops.reshape(gap, (16, -1)), axis=1))) / ops.sum(histogram)
