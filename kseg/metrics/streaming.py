"""Keras metrics over a confusion matrix that never loses a pixel.

float32 stops counting at 2²⁴ and JAX has no int64 unless asked, so every count is kept as two int32 limbs,
high · 2²⁰ + low, exact up to 2⁵¹ pixels. The state is a plain sum, so replicas merge by adding.
"""

import keras
import numpy as np
from keras import ops

from kseg.conventions import SERIALISATION_PACKAGE, VOID, output_channels
from kseg.errors import UsageError
from kseg.metrics.bins import count_ids
from kseg.registry import Registry

METRICS: Registry[type["CountingMetric"]] = Registry("metric", "kseg.metrics")
"""Name to Keras metric; a registered metric is walked by the contract tests."""

_LIMB = 1 << 20


def registered(name: str):
    """Class decorator: an entry of `METRICS`, loadable by Keras under kseg's name.

    The name says "metric", because a loss may have the same class name (Dice) and Keras keeps one list for both.
    """

    def add(cls):
        known_as = keras.saving.register_keras_serializable(SERIALISATION_PACKAGE, name=f"{cls.__name__}Metric")
        return METRICS.register(name)(known_as(cls))

    return add


class CountingMetric(keras.metrics.Metric):
    """Integer counts by cell, exact on every backend; subclasses say what is counted and what it means.

    `update_state` takes `y_true` (N, H, W) or (N, H, W, 1), class ids, and `y_pred` as one of
    logits (N, H, W, C) with `from_logits=True`, probabilities (N, H, W, C) with `from_logits=False`
    (C = 1: foreground where the probability is ≥ `threshold`; C > 1: the largest), or integer ids (N, H, W[, 1]).
    `sample_weight` (N,) or (N, H, W[, 1]): 0 leaves an image or pixel out; any other weight counts it once, because
    counts are whole numbers.
    """

    def __init__(self, cells: int, *, from_logits=True, threshold=0.5, void=VOID, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        if not 0 < threshold < 1:
            raise UsageError(f"the threshold is a probability between 0 and 1, received {threshold}")
        self.from_logits = from_logits
        self.threshold = threshold
        self.void = void
        self.low = self.add_variable((cells,), "zeros", dtype="int32", name="low")
        self.high = self.add_variable((cells,), "zeros", dtype="int32", name="high")

    def add_counts(self, counts):
        """Add int32 counts (cells,), each below 2³⁰, as one step's are."""
        low = self.low + ops.cast(counts, "int32")
        carry = ops.floor_divide(low, _LIMB)
        self.high.assign(self.high + carry)
        self.low.assign(low - carry * _LIMB)

    def counts(self):
        """The counts as float32 (cells,): each exact to float32's rounding, whatever its size."""
        carry = ops.floor_divide(self.low, _LIMB)  # the limbs of several replicas arrive as sums
        high, low = self.high + carry, self.low - carry * _LIMB
        return ops.cast(high, "float32") * float(_LIMB) + ops.cast(low, "float32")

    def exact_counts(self) -> np.ndarray:
        """The counts as int64 (cells,), outside of a graph."""
        high, low = (ops.convert_to_numpy(limb).astype(np.int64) for limb in (self.high, self.low))
        return high * _LIMB + low

    @staticmethod
    def channels(num_classes: int | None) -> tuple[int, ...] | None:
        """The last axes that a score of `num_classes` classes may have; None for any."""
        return None if num_classes is None else tuple(sorted({output_channels(num_classes), num_classes}))

    def predicted_ids(self, y_pred, channels: tuple[int, ...] | None):
        """`y_pred` as int32 ids (N, H, W); `channels` are the last axes that a score may have, None for any."""
        shape = tuple(y_pred.shape)
        is_ids = keras.backend.is_int_dtype(y_pred.dtype) or keras.backend.standardize_dtype(y_pred.dtype) == "bool"
        if is_ids and len(shape) == 4 and shape[-1] == 1:
            return ops.cast(ops.squeeze(y_pred, -1), "int32")
        if is_ids and len(shape) == 3:
            return ops.cast(y_pred, "int32")
        if is_ids or len(shape) != 4 or shape[-1] is None or (channels and shape[-1] not in channels):
            wanted = " or ".join(f"(N, H, W, {c})" for c in channels) if channels else "(N, H, W, C)"
            raise UsageError(
                f"{self.name}: y_pred is {keras.backend.standardize_dtype(y_pred.dtype)} {shape}; "
                f"pass logits or probabilities {wanted}, or integer ids (N, H, W)"
            )
        if shape[-1] > 1:
            return ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        cut = float(np.log(self.threshold) - np.log1p(-self.threshold)) if self.from_logits else self.threshold
        return ops.cast(ops.squeeze(y_pred, -1) >= cut, "int32")

    def true_ids(self, y_true, prediction):
        """`y_true` as int32 ids (N, H, W); a value that is no whole number becomes −1, which is no class."""
        shape = tuple(y_true.shape)
        if len(shape) == 4 and shape[-1] == 1:
            y_true = ops.squeeze(y_true, -1)
        known = zip(tuple(y_true.shape), tuple(prediction.shape), strict=False)
        if len(y_true.shape) != 3 or any(None not in pair and pair[0] != pair[1] for pair in known):
            raise UsageError(
                f"{self.name}: y_true {shape} is no label map for a prediction of {tuple(prediction.shape)} pixels; "
                "pass class ids (N, H, W) or (N, H, W, 1), not one-hot vectors"
            )
        ids = ops.cast(y_true, "int32")
        if keras.backend.is_float_dtype(y_true.dtype):
            ids = ops.where(ops.cast(ids, y_true.dtype) == y_true, ids, -1)
        return ids

    def counted(self, truth, sample_weight):
        """bool (N, H, W): neither void nor of weight 0."""
        valid = ops.not_equal(truth, -1 if self.void is None else self.void)
        valid = valid if self.void is not None else ops.ones_like(truth, dtype="bool")
        if sample_weight is None:
            return valid
        weight = ops.convert_to_tensor(sample_weight)
        if len(weight.shape) == 4 and weight.shape[-1] == 1:
            weight = ops.squeeze(weight, -1)
        if len(weight.shape) not in (1, 3):
            raise UsageError(
                f"{self.name}: sample_weight has the shape {tuple(weight.shape)}; pass (N,) or (N, H, W[, 1])"
            )
        if len(weight.shape) == 1:
            weight = ops.reshape(weight, (-1, 1, 1))
        return ops.logical_and(valid, ops.not_equal(weight, 0))

    def get_config(self):
        options = {"from_logits": self.from_logits, "threshold": self.threshold, "void": self.void}
        return {**super().get_config(), **options}


class MatrixMetric(CountingMetric):
    """A score of the streaming confusion matrix; `matrix()` gives the matrix itself, int64 (C, C).

    A label or predicted id outside 0..C−1 cannot raise inside a compiled step: it turns the result into nan.
    Without a valid pixel the result is nan too.
    """

    def __init__(self, num_classes: int, *, from_logits=True, threshold=0.5, void=VOID, name=None, dtype=None):
        if num_classes < 2:
            raise UsageError(f"num_classes counts the background too and is at least 2, received {num_classes}")
        cells = num_classes**2 + 1  # the last counts pixels with impossible ids
        super().__init__(cells, from_logits=from_logits, threshold=threshold, void=void, name=name, dtype=dtype)
        self.num_classes = num_classes

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count the pixels of one batch."""
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        prediction = self.predicted_ids(y_pred, self.channels(self.num_classes))
        truth = self.true_ids(y_true, prediction)
        self.add_counts(pair_counts(truth, prediction, self.counted(truth, sample_weight), self.num_classes))

    def matrix(self) -> np.ndarray:
        """The matrix so far, int64 (C, C), rows = truth; ids outside the classes raise here."""
        counts = self.exact_counts()
        if counts[-1]:
            raise UsageError(f"{self.name}: {counts[-1]} pixels had ids outside 0..{self.num_classes - 1}")
        return counts[:-1].reshape(self.num_classes, self.num_classes)

    def result(self):
        """The score so far, float32 ()."""
        counts = self.counts()
        matrix = ops.reshape(counts[:-1], (self.num_classes, self.num_classes))
        sound = ops.logical_and(counts[-1] == 0, ops.sum(matrix) > 0)
        return ops.where(sound, self.score(matrix), float("nan"))

    def score(self, matrix):
        """float32 () from a float32 (C, C) that holds at least one pixel."""
        raise NotImplementedError(f"{type(self).__name__} must define score(matrix)")

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


def pair_counts(truth, prediction, valid, num_classes: int):
    """int32 (C² + 1,): pixels of every (truth, prediction), row by row, then the valid pixels with impossible ids."""
    cells = num_classes**2
    index = ops.where(in_range(truth, prediction, num_classes), truth * num_classes + prediction, cells)
    index = ops.reshape(ops.where(valid, index, cells + 1), (-1,))
    return count_ids(index, cells + 2)[: cells + 1]


def in_range(truth, prediction, num_classes: int):
    """bool: both are class ids."""
    first, second = (ops.logical_and(ids >= 0, ids < num_classes) for ids in (truth, prediction))
    return ops.logical_and(first, second)


def number_of(mask):
    """int32 (): how many are true."""
    return ops.sum(ops.cast(mask, "int32"))


def _iou_class(matrix):
    """float32 (C,) and which classes count."""
    hits = ops.diagonal(matrix)
    union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - hits
    return hits / ops.maximum(union, 1.0), union > 0


def _mean_over(values, counted):
    counted = ops.cast(counted, "float32")
    return ops.sum(values * counted) / ops.maximum(ops.sum(counted), 1.0)


@registered("miou")
class MeanIoU(MatrixMetric):
    """`kseg.metrics.scores.miou` over all pixels so far: every class that counts, background included."""

    def __init__(self, num_classes: int, *, name="miou", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        return _mean_over(*_iou_class(matrix))


@registered("iou")
class IoU(MatrixMetric):
    """`kseg.metrics.scores.iou_dataset` over all pixels so far: the foreground's IoU, or the mean for C > 2."""

    def __init__(self, num_classes: int, *, name="iou", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        iou, counted = _iou_class(matrix)
        if self.num_classes > 2:
            return _mean_over(iou, counted)
        return ops.where(counted[1], iou[1], 1.0)


@registered("dice")
class Dice(IoU):
    """`kseg.metrics.scores.dice_dataset` over all pixels so far: the foreground's Dice, or the mean for C > 2."""

    def __init__(self, num_classes: int, *, name="dice", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        iou, counted = _iou_class(matrix)
        dice = 2.0 * iou / (1.0 + iou)  # per class, Dice is a function of IoU
        if self.num_classes > 2:
            return _mean_over(dice, counted)
        return ops.where(counted[1], dice[1], 1.0)


@registered("accuracy")
class PixelAccuracy(CountingMetric):
    """`kseg.metrics.scores.pixel_accuracy` over all pixels so far; nan without a valid pixel.

    `num_classes` is optional: where given, other numbers of channels are refused.
    """

    def __init__(
        self, num_classes: int | None = None, *, from_logits=True, threshold=0.5, void=VOID, name="accuracy", dtype=None
    ):
        super().__init__(2, from_logits=from_logits, threshold=threshold, void=void, name=name, dtype=dtype)
        self.num_classes = num_classes

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count the valid pixels of one batch, and the right ones among them."""
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        prediction = self.predicted_ids(y_pred, self.channels(self.num_classes))
        truth = self.true_ids(y_true, prediction)
        valid = self.counted(truth, sample_weight)
        right = ops.logical_and(truth == prediction, valid)
        self.add_counts(ops.stack([number_of(right), number_of(valid)]))

    def result(self):
        """The accuracy so far, float32 ()."""
        right, valid = ops.unstack(self.counts(), 2)
        return ops.where(valid > 0, right / ops.maximum(valid, 1.0), float("nan"))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
