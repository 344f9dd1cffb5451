"""Resizing by a factor instead of to a size, so that positions keep their places in the image."""

import math

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE

ROUNDING = 1e-4
"""Tolerance for rounding errors, so that 0.7 · 10 is 7 and not 7.0000001."""


def rescaled_side(side, scale):
    """⌈scale·side⌉: 8k + 1 rows stay 8k + 1.

    >>> rescaled_side(321, 0.75), rescaled_side(321, 0.5)
    (241, 161)
    """
    return max(1, math.ceil(side * scale - ROUNDING))


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class Rescale(keras.layers.Layer):
    """x, (N, h, w, C), or `[x, like]` → x at `scale` times its resolution, bilinear, edges clamped; float32.

        y[j] = x at position (j + ½)/scale − ½, or j/scale where `aligned`      0 ≤ j < ⌈scale·h⌉, or like's rows

    Resizing to a size would stretch the map where sizes are not proportional. For example, an image of 480 rows has 15
    positions at stride 32, and at scale ¾, with 360 rows, it has 12. Stretching 12 over 15 would shift the last one by
    32 pixels; this layer keeps it in place. It computes a product with an interpolation matrix for each axis.

    Args:
      scale: factor of the resolution; None, with `like`: the ratio of the sizes, as in `ResizeLike`.
      aligned: whether position i of a map is pixel s·i (`AlignedUpsample`) instead of the center of s pixels.
    Source: the `Interp` of DeepLab's multi-scale inputs where aligned, on 8k + 1 rows. Deviations: none.

    >>> x = keras.ops.reshape(keras.ops.convert_to_tensor([0.0, 2.0, 4.0]), (1, 1, 3, 1))
    >>> keras.ops.convert_to_numpy(Rescale(0.5, aligned=True)(x))[0, 0, :, 0].tolist()
    [0.0, 4.0]
    """

    def __init__(self, scale=None, *, aligned=False, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if scale is not None and not 0 < scale < math.inf:
            raise ValueError(f"scale is {scale}; wanted a factor above 0")
        self.scale, self.aligned = scale, aligned

    def call(self, inputs):
        x, like = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        sides = ops.shape(x)[1:3]
        wanted = ops.shape(like)[1:3] if like is not None else [self._side(side) for side in sides]
        rows, columns = (self._weights(side, want) for side, want in zip(sides, wanted, strict=True))
        x = ops.einsum("ih,nhwc->niwc", rows, ops.cast(x, self.compute_dtype))
        return ops.einsum("jw,niwc->nijc", columns, x)

    def _side(self, side):
        if isinstance(side, int):
            return rescaled_side(side, self.scale)
        exact = ops.ceil(ops.cast(side, "float32") * self.scale - ROUNDING)
        return ops.cast(ops.maximum(exact, 1.0), "int32")

    def _weights(self, side, wanted):
        """(wanted, side): the share of every position of x in every position of the result."""
        at = ops.cast(ops.arange(wanted), "float32")
        step = 1.0 / self.scale if self.scale is not None else ops.cast(side, "float32") / ops.cast(wanted, "float32")
        at = at * step if self.aligned else (at + 0.5) * step - 0.5
        at = ops.clip(at, 0.0, ops.cast(side, "float32") - 1.0)
        away = ops.abs(at[:, None] - ops.cast(ops.arange(side), "float32")[None])
        return ops.cast(ops.maximum(1.0 - away, 0.0), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        several = isinstance(input_shape[0], list | tuple)
        batch, height, width, channels = input_shape[0] if several else input_shape
        if several:
            return (batch, *input_shape[1][1:3], channels)
        return (batch, *(side and rescaled_side(side, self.scale) for side in (height, width)), channels)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "aligned": self.aligned}
