"""Reads the inputs of every loss: float32 predictions, truth and validity, with neutral values under void."""

from typing import NamedTuple

import keras
from keras import ops

from kseg.conventions import VOID
from kseg.door import Tensor, as_tensor, sound_probabilities, sound_weights
from kseg.errors import UsageError

PROBABILITY_MARGIN = 1e-7
"""Probabilities (`from_logits=False`) are clipped to [1e-7, 1 − 1e-7] before a logarithm (van Beers et al.)."""

HALF_MARGIN = 2.0**-12
"""Closer to 0 and 1, a float16 probability's logarithm keeps the slope at this margin: 1/1e-7 is infinite there."""


class Pixels(NamedTuple):
    """A batch as formulas use it. K is 1 (foreground) for a binary prediction and the number of classes otherwise.

    scores    (N, H, W, K) float32, logits or probabilities by `from_logits`; neutral under void. NaN where the score is
              not finite, where a probability lies outside [0, 1], or where the label is no class. A mean over the
              pixels is then NaN, so these errors are not averaged away.
    truth     (N, H, W, K) float32, one-hot or soft; 0 under void.
    valid     (N, H, W) float32, 1 where the pixel counts, 0 under void.
    weight    (N, H, W) float32, `valid` times the caller's pixel weights: the measure of every sum.
    one_hot   the truth of several classes was a label map, so a valid pixel has exactly one class.
    half      the prediction was float16, whose largest gradient is 65504.
    """

    scores: Tensor
    truth: Tensor
    valid: Tensor
    weight: Tensor
    from_logits: bool
    one_hot: bool
    half: bool = False

    @property
    def binary(self) -> bool:
        return self.scores.shape[-1] == 1

    @property
    def num_classes(self) -> int:
        return max(2, self.scores.shape[-1])

    def probabilities(self) -> Tensor:
        """(N, H, W, K): sigmoid or softmax of the logits, or the given probabilities."""
        if not self.from_logits:
            return self.scores
        return ops.sigmoid(self.scores) if self.binary else ops.softmax(self.scores, axis=-1)

    def logits(self) -> Tensor:
        """(N, H, W, K): the logits, computed from clipped probabilities if those were given."""
        if self.from_logits:
            return self.scores
        p = ops.clip(self.scores, PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN)
        logits = ops.log(p) - ops.log1p(-p) if self.binary else ops.log(p)
        if not self.half:
            return logits
        milder = ops.stop_gradient(ops.clip(p, HALF_MARGIN, 1.0 - HALF_MARGIN))
        slope = 1.0 / (milder * (1.0 - milder)) if self.binary else 1.0 / milder
        return ops.stop_gradient(logits) + slope * (p - ops.stop_gradient(p))

    def entropies(self) -> tuple[Tensor, Tensor]:
        """−log p and −log(1 − p) of a binary prediction, (N, H, W) each."""
        z = ops.squeeze(self.logits(), axis=-1)
        positive = z >= 0.0  # log(1 + e^−z) and log(1 + e^z) share the costly part; `where` keeps the slopes at z = 0
        shared = ops.log1p(ops.exp(ops.where(positive, -z, z)))
        return ops.where(positive, 0.0, -z) + shared, ops.where(positive, z, 0.0) + shared

    def log_probabilities(self) -> Tensor:
        """(N, H, W, classes): log-probability of every class; background and foreground for a binary prediction."""
        z = self.logits()
        if self.binary:
            return -ops.softplus(ops.concatenate([z, -z], axis=-1))
        return ops.log_softmax(z, axis=-1)

    def likelihoods(self) -> tuple[Tensor, Tensor]:
        """(log p, y) of several classes, (N, H, W, J): of all K, or only of the true class of one-hot truth."""
        log_p = self.log_probabilities()
        if not self.one_hot:
            return log_p, self.truth
        return ops.sum(self.truth * log_p, axis=-1, keepdims=True), ops.expand_dims(self.valid, axis=-1)

    def class_probabilities(self) -> Tensor:
        """(N, H, W, classes): probability of every class; background and foreground for a binary prediction."""
        if not self.binary:
            return self.probabilities()
        if self.from_logits:
            return ops.sigmoid(ops.concatenate([-self.scores, self.scores], axis=-1))
        return ops.concatenate([1.0 - self.scores, self.scores], axis=-1)

    def class_truth(self) -> Tensor:
        """(N, H, W, classes): truth of every class; background and foreground for a binary prediction. 0 under void."""
        if not self.binary:
            return self.truth
        return ops.concatenate([self.valid[..., None] - self.truth, self.truth], axis=-1)


def read_pixels(y_true, y_pred, *, from_logits: bool, void: int = VOID, pixel_weight=None, soft: bool = True) -> Pixels:
    """Checks shapes, casts to float32, splits truth into classes and neutralizes void.

    Args:
      y_true: label map (N, H, W) or (N, H, W, 1), any dtype; with `soft`, a binary map may hold fractions of
        foreground and a multi-class one may be (N, H, W, C) class probabilities, void where the first channel is.
      y_pred: (N, H, W, C).
      pixel_weight: None or broadcastable to (N, H, W); NaN where a weight is negative or not finite.
    Raises:
      UsageError: on shapes that do not fit each other, or, outside compiled functions, on probabilities outside [0, 1].
    """
    # 1. float32, and shapes that fit each other
    y_pred = ops.convert_to_tensor(y_pred)
    half = keras.backend.standardize_dtype(y_pred.dtype) == "float16"
    scores = ops.cast(y_pred, "float32")
    labels = ops.cast(as_tensor(y_true), "float32")
    check_shapes(labels.shape, scores.shape, soft=soft)
    channels = scores.shape[-1]
    if len(labels.shape) == 4 and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, axis=-1)

    # 2. valid pixels, the truth of every class, and where the label is a class
    if len(labels.shape) == 4:
        counts = labels[..., 0] != void
        truth = ops.where(counts[..., None], labels, 0.0)
        known = ops.all((truth >= 0.0) & (truth <= 1.0), axis=-1)
    else:
        counts = labels != void
        labels = ops.where(counts, labels, 0.0)
        if channels == 1:
            truth = labels[..., None]
            known = (labels >= 0.0) & (labels <= 1.0)
        else:
            truth = ops.cast(labels[..., None] == ops.arange(channels, dtype="float32"), "float32")
            known = (labels >= 0.0) & (labels <= channels - 1.0)
            truth = ops.where(counts[..., None], truth, 0.0)
        if channels > 1 or not soft:
            known = known & (labels == ops.round(labels))

    # 3. scores: NaN where they are not finite or the label is no class, neutral under void
    valid = ops.cast(counts, "float32")
    if not from_logits:
        scores = sound_probabilities(scores, counts)
    sound = ops.isfinite(scores) & known[..., None]
    scores = ops.where(counts[..., None], ops.where(sound, scores, float("nan")), 0.0 if from_logits else 0.5)

    # 4. pixel weights
    weight = valid
    if pixel_weight is not None:
        weight = ops.where(counts, sound_weights(ops.convert_to_tensor(pixel_weight)), 0.0)
    return Pixels(scores, truth, valid, weight, from_logits, channels > 1 and len(labels.shape) == 3, half)


def check_weight_shape(weight_shape, pred_shape) -> None:
    """Raises UsageError for weights not of (), (N,), (N, 1), (N, H, W) or (N, H, W, 1), which Keras would broadcast."""
    given, pred_shape = tuple(weight_shape), tuple(pred_shape)
    weight = given[:-1] if len(given) in (2, 4) and given[-1] in (None, 1) else given
    sizes = zip(weight, pred_shape, strict=False)
    if len(weight) not in (0, 1, 3) or any(a is not None and b is not None and a != b for a, b in sizes):
        raise UsageError(
            f"sample_weight has shape {given} for y_pred {pred_shape}; give (N,) per image or (N, H, W) per pixel"
        )


def check_shapes(true_shape, pred_shape, *, soft: bool) -> None:
    """Raises UsageError for shapes that would broadcast to a wrong result."""
    true_shape, pred_shape = tuple(true_shape), tuple(pred_shape)
    if len(pred_shape) != 4 or pred_shape[-1] is None:
        raise UsageError(f"y_pred has shape {pred_shape}; wanted (N, H, W, C), with C = 1 for binary foreground")
    channels = (None, 1, pred_shape[-1]) if soft else (None, 1)
    if len(true_shape) not in (3, 4) or (len(true_shape) == 4 and true_shape[-1] not in channels):
        other = f", or soft labels (N, H, W, {pred_shape[-1]})" if soft else "; the loss takes no soft labels"
        raise UsageError(f"y_true is {true_shape} for y_pred {pred_shape}; wanted (N, H, W) or (N, H, W, 1){other}")
    for name, a, b in zip("NHW", true_shape, pred_shape, strict=False):
        if a is not None and b is not None and a != b:
            raise UsageError(
                f"y_true {true_shape} and y_pred {pred_shape} differ in {name} ({a} and {b}); resize one of them"
            )
