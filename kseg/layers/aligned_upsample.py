"""Bilinear upsampling of a map whose positions lie on every s-th pixel, beginning with the first."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class AlignedUpsample(keras.layers.Layer):
    """(N, h, w, C) → (N, s·h, s·w, C), where position i of the map is pixel s·i ("aligned corners").

        y[s·i + r] = (1 − r/s)·x[i] + r/s·x[i + 1]      r = 0 … s − 1, in both directions

    Beyond the last position its value is repeated. Networks whose windows are centered (Caffe's: padding 1 around a 3×3
    pooling of stride 2) see pixel s·i at position i, so half-pixel centers would shift their maps by (s − 1)/2 pixels.
    On s·(h − 1) + 1 rows, such as 321 from 41 at s = 8, it equals Caffe's and DeepLab's `Interp`.

    Args:
      stride: s.
    Source: Chen et al. 2015, section 3.1, "bilinear interpolation". Deviations: none.

    >>> x = keras.ops.reshape(keras.ops.convert_to_tensor([0.0, 2.0]), (1, 1, 2, 1))
    >>> keras.ops.convert_to_numpy(AlignedUpsample(2)(x))[0, 0, :, 0].tolist()
    [0.0, 1.0, 2.0, 2.0]
    """

    enlarges = "aligned"
    """see `kseg.models.grid`"""

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        if int(stride) < 1:
            raise ValueError(f"stride is {stride}; wanted 1 or more")
        self.stride = int(stride)

    def call(self, x):
        for axis in (1, 2):
            x = self._along(x, axis)
        return x

    def _along(self, x, axis):
        batch, height, width, channels = ops.shape(x)
        following = (
            ops.concatenate([x[:, 1:], x[:, -1:]], axis=1)
            if axis == 1
            else ops.concatenate([x[:, :, 1:], x[:, :, -1:]], axis=2)
        )
        steps = [x + (following - x) * (r / self.stride) for r in range(self.stride)]
        grown = (height * self.stride, width) if axis == 1 else (height, width * self.stride)
        return ops.reshape(ops.stack(steps, axis=axis + 1), (batch, *grown, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and height * self.stride, width and width * self.stride, channels)

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}
