"""Average pooling to a fixed number of bins, for maps of any size: the pyramid of PSPNet."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class AdaptiveAveragePooling2D(keras.layers.Layer):
    """(N, H, W, C) → (N, b, b, C): bin i is the mean of rows ⌊i·H/b⌋ … ⌈(i + 1)·H/b⌉ − 1; the same for columns.

    Where b divides H and W, the bins are the windows of ordinary average pooling. Otherwise neighbors share a row, and
    where b > H a row belongs to several bins. The layer computes two matrix products, so H and W may be known only at
    run time.

    Args:
      bins: b.
    Source: He et al. 2014 (spatial pyramid pooling), Zhao et al. 2017 (PSPNet), section 3.2; the rule for sides that b
      does not divide is PyTorch's. Deviations: none.

    >>> x = keras.ops.reshape(keras.ops.arange(3, dtype="float32"), (1, 1, 3, 1))
    >>> keras.ops.convert_to_numpy(AdaptiveAveragePooling2D(2)(x))[0, 0, :, 0].tolist()
    [0.5, 1.5]
    """

    def __init__(self, bins, **kwargs):
        super().__init__(**kwargs)
        if int(bins) < 1:
            raise ValueError(f"bins is {bins}; wanted 1 or more")
        self.bins = int(bins)

    def call(self, x):
        batch, height, _, channels = ops.shape(x)
        x = ops.matmul(means(x[0, 0, :, 0], self.bins), x)  # (N, H, b, C)
        x = ops.matmul(means(x[0, :, 0, 0], self.bins), ops.reshape(x, (batch, height, self.bins * channels)))
        return ops.reshape(x, (batch, self.bins, self.bins, channels))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.bins, self.bins, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}


def means(line, bins):
    """The matrix (bins, length) that averages a line (length,) over bins, in the line's type."""
    # `cumsum` instead of `arange`, since the length is a tensor in a graph of variable size.
    places = ops.cumsum(ops.ones_like(line, dtype="int32"))  # 1 … length
    length, bin_ = places[-1], ops.arange(bins, dtype="int32")
    first, last = bin_ * length // bins + 1, ((bin_ + 1) * length + bins - 1) // bins
    inside = ops.logical_and(places[None, :] >= first[:, None], places[None, :] <= last[:, None])
    size = ops.cast(last - first + 1, "float32")
    return ops.cast(ops.cast(inside, "float32") / size[:, None], line.dtype)
