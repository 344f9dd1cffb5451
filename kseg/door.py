"""The door of losses and metrics: checks of a batch, the same for both.

A meaningless value becomes NaN or `NO_CLASS`, in every graph and on every backend. Outside of compiled functions,
where values can be read, an error says so at once.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kseg.conventions import VOID
from kseg.errors import UsageError

Tensor = Any

ROUNDING = 1e-3
"""Half precision and resizing may leave a probability this far outside of [0, 1]; it then counts as 0 or 1."""

NO_CLASS = -(1 << 16)
"""The id of a pixel with a meaningless label, score or weight; neither a class nor void has this id."""

_INT32 = 2**31 - 1


def as_tensor(values: Any) -> Tensor:
    """`values` as a tensor; large integers are clipped, because a backend without int64 would turn 2³² + 1 into 1."""
    if keras.backend.backend() == "jax" and not ops.is_tensor(values):
        array = np.asarray(values)
        if array.dtype.kind in "iu" and array.dtype.itemsize > 4:
            values = np.minimum(array, _INT32) if array.dtype.kind == "u" else np.clip(array, -_INT32, _INT32)
    return ops.convert_to_tensor(values)


def label_of(targets: Any) -> Any:
    """The label map in the pipeline's dict of targets; a bare label map is returned as it is.

    Raises:
      UsageError: the dict has no 'label'.
    """
    if not isinstance(targets, Mapping):
        return targets
    if "label" not in targets:
        given = ", ".join(map(str, targets)) or "none"
        raise UsageError(f"the targets are {given}; losses and metrics need 'label' among them")
    return targets["label"]


def class_ids(values: Tensor) -> Tensor:
    """`values` as int32; `NO_CLASS` where the cast changes the number: a fraction, or an integer of more bits."""
    ids = ops.cast(values, "int32")
    dtype = keras.backend.standardize_dtype(values.dtype)
    if dtype in ("bool", "uint8", "int8", "uint16", "int16", "int32"):
        return ids
    same = ops.cast(ids, dtype) == values
    if dtype.startswith("uint"):
        same = ops.logical_and(same, ids >= 0)
    return ops.where(same, ids, NO_CLASS)


def sound_weights(weights: Tensor) -> Tensor:
    """float32 weights; NaN where a weight is negative or not finite."""
    weights = ops.cast(weights, "float32")
    return ops.where(ops.logical_and(weights >= 0.0, weights < float("inf")), weights, float("nan"))


def impossible_probabilities(scores: Tensor, valid: Tensor) -> Tensor:
    """Where the scores (N, H, W, C) of `valid` pixels (N, H, W) lie outside of [0, 1]; NaN does not count as outside.

    Raises:
      UsageError: a score that can be read lies outside, as those of logits do.
    """
    outside = ops.logical_or(scores < -ROUNDING, scores > 1.0 + ROUNDING)
    outside = ops.logical_and(outside, valid[..., None])
    if readable(outside) and bool(ops.any(outside)):
        values = ops.convert_to_numpy(scores)[ops.convert_to_numpy(outside)]
        raise UsageError(
            f"y_pred has {values.size} values outside of [0, 1], from {values.min():.4g} to {values.max():.4g}, where "
            "probabilities are wanted; if they are logits, pass from_logits=True or end the network with an activation"
        )
    return outside


def sound_probabilities(scores: Tensor, valid: Tensor) -> Tensor:
    """float32 probabilities within [0, 1]; NaN where they are impossible."""
    outside = impossible_probabilities(scores, valid)
    # not `clip`, whose slope at 0 and 1 is not the same on every backend
    scores = ops.where(scores > 1.0, 1.0, ops.where(scores < 0.0, 0.0, scores))
    return ops.where(outside, float("nan"), scores)


def readable(tensor: Tensor) -> bool:
    """Whether the values of a tensor can be read: not in a graph, under a compiler or among replicas."""
    if isinstance(tensor, keras.KerasTensor):
        return False
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        alone = not isinstance(tensor, tf.distribute.DistributedValues) and not tf.distribute.has_strategy()
        return tf.executing_eagerly() and alone and hasattr(tensor, "numpy")
    if backend == "jax":
        import jax

        return not isinstance(tensor, jax.core.Tracer)
    import torch

    return not torch.compiler.is_compiling() and tensor.device.type != "meta"


class MaskWatch:
    """Warns once where truth of two classes looks like masks of 0 and 255, whose objects are all void.

    Against all-void objects every score is perfect and every loss falls to 0. The watch needs values that can be read,
    and ends with the first label that is neither background nor void.
    """

    def __init__(self, void: int | None):
        self._over = void != VOID

    def look(self, labels: Any, *, two_classes: bool) -> None:
        """Look at a batch of label maps (N, H, W[, 1])."""
        if self._over or not two_classes:
            return
        if not isinstance(labels, np.ndarray):
            if not (ops.is_tensor(labels) and readable(labels)):
                return
            labels = ops.convert_to_numpy(labels)
        void = labels == VOID
        if not np.all(void | (labels == 0)):
            self._over = True
        elif void.any():
            self.warn(f"the labels of a batch are 0 and {VOID} alone")

    def look_at_counts(self, background: int, foreground: int) -> None:
        """Look at the counts of a metric, whose labels could not be read while they were counted."""
        if foreground:
            self._over = True
        elif background and not self._over:
            self.warn(f"none of {background} pixels that were counted is foreground (label 1)")

    def warn(self, what: str) -> None:
        self._over = True
        warnings.warn(
            f"{what}, and {VOID} is void, which counts for nothing; if masks are 0 and {VOID}, divide them by {VOID}",
            UserWarning,
            stacklevel=4,
        )
