"""Dilated pooling that keeps the size of its map, which Keras' poolings cannot."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE

KINDS = ("max", "average")


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class AtrousPooling2D(keras.layers.Layer):
    """(N, H, W, C) → the same shape: the maximum or the mean of k × k positions at distance r.

        y[i, j] = pool_{a, b = 0 … k−1} x[i + r·a − p, j + r·b − p]      p = ⌊r·(k − 1)/2⌋

    Positions outside the map belong to no window: the mean divides by the positions inside. If this layer with the same
    k replaces a pooling of stride s, a network computes at every position what it computed at every s-th.

    Args:
      pool_size: k.
      rate: r, 1 for neighbors.
      kind: "max" or "average".
    Source: Chen et al. 2015 (DeepLab), the "hole" algorithm, applied to pooling.

    >>> x = keras.ops.reshape(keras.ops.arange(5.0), (1, 1, 5, 1))
    >>> keras.ops.convert_to_numpy(AtrousPooling2D(3, rate=2)(x))[0, 0, :, 0].tolist()
    [2.0, 3.0, 4.0, 3.0, 4.0]
    """

    def __init__(self, pool_size, rate=1, kind="max", **kwargs):
        super().__init__(**kwargs)
        if int(pool_size) < 1 or int(rate) < 1:
            raise ValueError(f"pool_size is {pool_size} and rate is {rate}; wanted 1 or more for both")
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; valid: {', '.join(KINDS)}")
        self.pool_size = int(pool_size)
        self.rate = int(rate)
        self.kind = kind

    def call(self, x):
        if self.kind == "max":
            return self._pooled(x, ops.maximum, -float("inf"))
        inside = ops.ones_like(x[:1, :, :, :1])
        return self._pooled(x, ops.add, 0.0) / self._pooled(inside, ops.add, 0.0)

    def _pooled(self, x, join, outside):
        """Pools along rows, then along columns: 2·k windows instead of k²."""
        reach = self.rate * (self.pool_size - 1)
        before = reach // 2
        for axis in (1, 2):
            length = ops.shape(x)[axis]
            margins = [(0, 0)] * 4
            margins[axis] = (before, reach - before)
            padded = ops.pad(x, margins, constant_values=outside)
            for step in range(self.pool_size):
                start = step * self.rate
                window = padded[:, start : start + length] if axis == 1 else padded[:, :, start : start + length]
                x = window if step == 0 else join(x, window)
        return x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size, "rate": self.rate, "kind": self.kind}
