"""The base of Keras metrics of pixels: truth and prediction as ids, and exact counts."""

import keras
import numpy as np
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE, VOID, output_channels
from kseg.door import (
    NO_CLASS,
    MaskWatch,
    as_tensor,
    class_ids,
    impossible_probabilities,
    label_of,
    readable,
    sound_weights,
)
from kseg.errors import UsageError
from kseg.metrics.bins import count_ids
from kseg.metrics.exact_counts import ExactCounts
from kseg.metrics.whole import class_count
from kseg.registry import Registry

METRICS: Registry[type["CountingMetric"]] = Registry("metric", "kseg.metrics")
"""Name to Keras metric; the contract tests cover every registered metric."""


def registered(name: str):
    """Class decorator: registers in `METRICS`, and with Keras under kseg's package.

    Keras' name ends with "Metric", since a loss may have the same class name (Dice) and Keras has one list for both.
    """

    def add(cls):
        known_as = keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE, name=f"{cls.__name__}Metric")
        return METRICS.register(name)(known_as(cls))

    return add


class CountingMetric(ExactCounts):
    """Integer counts by cell, exact on every backend; subclasses define what is counted and the score.

    `update_state` takes `y_true` (N, H, W) or (N, H, W, 1), class ids, or a dict of targets that holds them as "label".
    It takes `y_pred` as probabilities (N, H, W, C), as logits (N, H, W, C) with `from_logits=True`, or as integer ids
    (N, H, W[, 1]). With C = 1 a pixel is foreground where the probability is ≥ `threshold`; with C > 1 the class of the
    largest score is predicted.
    `sample_weight` is (N,), (N, 1), (N, H, W[, 1]) or one number: 0 leaves an image or pixel out, and any other weight
    counts it once, since counts are whole numbers.

    A compiled step cannot raise an error. The result is nan instead if a counted pixel has a label or predicted id
    outside the classes, a nan among its scores, a probability outside [0, 1], or a weight that is negative or not
    finite. Outside a compiled step, probabilities outside [0, 1] raise UsageError. A batch without images or without
    pixels counts nothing. Two-class labels that only hold 0 and 255 raise a warning.
    """

    def __init__(self, cells: int, *, from_logits=False, threshold=0.5, void=VOID, name=None, dtype=None):
        super().__init__(cells, name=name, dtype=dtype)
        if not 0 < threshold < 1:
            raise UsageError(f"the threshold is a probability between 0 and 1, received {threshold}")
        self.from_logits = from_logits
        self.threshold = threshold
        self.void = void
        self._watch = MaskWatch(void)

    @staticmethod
    def channels(num_classes: int | None) -> tuple[int, ...] | None:
        """The last axes that a score of `num_classes` classes may have; None for any."""
        return None if num_classes is None else tuple(sorted({output_channels(num_classes), num_classes}))

    def pixels(self, y_true, y_pred, sample_weight, num_classes: int | None):
        """Truth and prediction as int32 ids (N, H, W), and which pixels count, bool (N, H, W)."""
        y_true, y_pred = as_tensor(label_of(y_true)), as_tensor(y_pred)
        prediction = self.predicted_ids(y_pred, self.channels(num_classes))
        truth = self.true_ids(y_true, prediction)
        is_ids = holds_ids(y_pred)
        self._watch.look(y_true, two_classes=num_classes == 2 or (not is_ids and y_pred.shape[-1] in (1, 2)))
        valid = ops.ones_like(truth, dtype="bool") if self.void is None else ops.not_equal(truth, self.void)
        if sample_weight is not None:
            weight = self.weights(sample_weight, truth)
            truth, valid = ops.where(weight >= 0, truth, NO_CLASS), ops.logical_and(valid, ops.not_equal(weight, 0))
        if not (is_ids or self.from_logits):
            outside = ops.any(impossible_probabilities(y_pred, valid), axis=-1)
            prediction = ops.where(outside, NO_CLASS, prediction)
        return truth, prediction, valid

    def predicted_ids(self, y_pred, channels: tuple[int, ...] | None):
        """`y_pred` as int32 ids (N, H, W); `channels` are the last axes that a score may have, None for any."""
        shape = tuple(y_pred.shape)
        is_ids = holds_ids(y_pred)
        if is_ids and len(shape) == 4 and shape[-1] == 1:
            return class_ids(ops.squeeze(y_pred, -1))
        if is_ids and len(shape) == 3:
            return class_ids(y_pred)
        if is_ids or len(shape) != 4 or shape[-1] is None or (channels and shape[-1] not in channels):
            wanted = " or ".join(f"(N, H, W, {c})" for c in channels) if channels else "(N, H, W, C)"
            raise UsageError(
                f"{self.name}: y_pred is {keras.backend.standardize_dtype(y_pred.dtype)} {shape}; "
                f"pass logits or probabilities {wanted}, or integer ids (N, H, W)"
            )
        if shape[-1] > 1:
            ids = ops.argmax(y_pred, axis=-1)
        else:
            cut = float(np.log(self.threshold) - np.log1p(-self.threshold)) if self.from_logits else self.threshold
            ids = ops.squeeze(y_pred, -1) >= cut
        # inf is a valid score, but argmax and comparison would turn nan into some class
        return ops.where(ops.any(ops.isnan(y_pred), axis=-1), NO_CLASS, ops.cast(ids, "int32"))

    def true_ids(self, y_true, prediction):
        """`y_true` as int32 ids (N, H, W); values that are no whole numbers become `NO_CLASS`."""
        shape = tuple(y_true.shape)
        if len(shape) == 4 and shape[-1] == 1:
            y_true = ops.squeeze(y_true, -1)
        known = zip(tuple(y_true.shape), tuple(prediction.shape), strict=False)
        if len(y_true.shape) != 3 or any(None not in pair and pair[0] != pair[1] for pair in known):
            raise UsageError(
                f"{self.name}: y_true {shape} is no label map for a prediction of {tuple(prediction.shape)} pixels; "
                "pass class ids (N, H, W) or (N, H, W, 1), not one-hot vectors"
            )
        return class_ids(y_true)

    def weights(self, sample_weight, truth):
        """`sample_weight` as float32 (N, H, W), (N, 1, 1) or (1, 1, 1) for ids `truth` (N, H, W)."""
        weight = sound_weights(ops.convert_to_tensor(sample_weight))
        shape, size = tuple(weight.shape), tuple(truth.shape)
        wanted = {0: (), 1: size[:1], 2: (size[0], 1), 3: size, 4: (*size, 1)}.get(len(shape))
        if wanted is None or any(None not in pair and pair[0] != pair[1] for pair in zip(shape, wanted, strict=True)):
            raise UsageError(
                f"{self.name}: sample_weight {shape} does not fit label maps {size}; "
                "pass one weight per image, (N,) or (N, 1), or one per pixel, (N, H, W) or (N, H, W, 1)"
            )
        if not shape:
            return ops.reshape(weight, (1, 1, 1))
        # Reshaping checks sizes that are only known in the step; broadcasting would accept (N, H, 1).
        n, height, width = ops.shape(truth)
        return ops.reshape(weight, (n, height, width) if len(shape) > 2 else (n, 1, 1))

    def get_config(self):
        options = {"from_logits": self.from_logits, "threshold": self.threshold, "void": self.void}
        return {**super().get_config(), **options}


class MatrixMetric(CountingMetric):
    """A score of the streaming confusion matrix; `matrix()` gives the matrix itself, int64 (C, C).

    Without a valid pixel the result is nan.
    """

    def __init__(self, num_classes: int, *, from_logits=False, threshold=0.5, void=VOID, name=None, dtype=None):
        num_classes = class_count(num_classes, least=2)
        cells = num_classes**2 + 1  # the last counts pixels with impossible ids
        super().__init__(cells, from_logits=from_logits, threshold=threshold, void=void, name=name, dtype=dtype)
        self.num_classes = num_classes

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts the pixels of one batch."""
        truth, prediction, valid = self.pixels(y_true, y_pred, sample_weight, self.num_classes)
        self.add_counts(pair_counts(truth, prediction, valid, self.num_classes))

    def reset_state(self):
        """Resets the counts, after a check for masks of 0 and 255, which is not possible inside `fit`."""
        if self.num_classes == 2 and readable(self.low.value):
            counts = self.exact_counts()
            self._watch.look_at_counts(background=int(counts[:2].sum()), foreground=int(counts[2:4].sum()))
        super().reset_state()

    def matrix(self) -> np.ndarray:
        """The matrix so far, int64 (C, C), rows = truth; ids outside the classes raise here."""
        counts = self.exact_counts()
        if counts[-1]:
            raise UsageError(
                f"{self.name}: {counts[-1]} pixels had ids outside 0..{self.num_classes - 1}, nan among their scores, "
                "or a weight below 0; correct the labels, the model or the weights"
            )
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
    """bool: whether both are class ids."""
    first, second = (ops.logical_and(ids >= 0, ids < num_classes) for ids in (truth, prediction))
    return ops.logical_and(first, second)


def holds_ids(y_pred) -> bool:
    """Whether a prediction is class ids instead of scores."""
    return keras.backend.is_int_dtype(y_pred.dtype) or keras.backend.standardize_dtype(y_pred.dtype) == "bool"


def number_of(mask):
    """int32 (): the number of true entries."""
    return ops.sum(ops.cast(mask, "int32"))
