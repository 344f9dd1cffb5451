"""Counts in a Keras metric that stay exact.

float32 is not exact above 2²⁴, and JAX has no int64 by default. Every count is therefore kept as two int32 limbs,
high · 2²⁰ + low, exact up to 2⁵¹. The state is a plain sum, so replicas merge by addition.
"""

import keras
import numpy as np
from keras import ops

UNIT = 1 << 20
"""A ratio within 0..1 is counted in units of 2⁻²⁰: accurate to 5e-7, without drift over any number of ratios."""

_LIMB = 1 << 20


class ExactCounts(keras.metrics.Metric):
    """Integer counts by cell, exact on every backend; subclasses define what is counted and the score."""

    def __init__(self, cells: int, *, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.low = self.add_variable((cells,), "zeros", dtype="int32", name="low")
        self.high = self.add_variable((cells,), "zeros", dtype="int32", name="high")

    def add_counts(self, counts, high=0):
        """Adds counts + 2²⁰ · high, int32 (cells,); each count of one step is below 2³⁰."""
        low = self.low + ops.cast(counts, "int32")
        carry = ops.floor_divide(low, _LIMB)
        self.high.assign(self.high + carry + high)
        self.low.assign(low - carry * _LIMB)

    def counts(self):
        """The counts as float32 (cells,), each exact to float32's rounding."""
        carry = ops.floor_divide(self.low, _LIMB)  # the limbs of several replicas arrive as sums
        high, low = self.high + carry, self.low - carry * _LIMB
        return ops.cast(high, "float32") * float(_LIMB) + ops.cast(low, "float32")

    def exact_counts(self) -> np.ndarray:
        """The counts as int64 (cells,), outside of a graph."""
        high, low = (ops.convert_to_numpy(limb).astype(np.int64) for limb in (self.high, self.low))
        return high * _LIMB + low


def in_units(ratios, axis=None):
    """Σ ratios in `UNIT`s as the two arguments of `add_counts`, for float32 ratios within 0..1.

    2048 ratios of 1 are 2³¹ units, too many for int32. Multiples of 1024 and the remainders are summed separately.
    """
    units = ops.cast(ops.round(ratios * UNIT), "int32")
    thousands = ops.sum(ops.floor_divide(units, 1024), axis=axis)
    low = thousands % 1024 * 1024 + ops.sum(units % 1024, axis=axis)
    return low, ops.floor_divide(thousands, 1024)
