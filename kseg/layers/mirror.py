"""Mirrored context beyond the border of an image, for networks whose convolutions are not padded."""

import keras
import numpy as np
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE
from kseg.layers.sizes import surplus


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class MirrorBorder(keras.layers.Layer):
    """Pads an image with its mirror image: `margin` rows and columns on every side, more below and to the right.

    Args:
      margin: m, pixels added on every side, 0 or more.
      multiple, remainder: below and to the right, further pixels are added until height and width are
        k·multiple + remainder.
    (N, H, W, C) → (N, m + H + m + ≥ 0, …). The border row is not repeated: 3 2 1 | 0 1 2 3 | 2 1 0. An image smaller
    than its margin is mirrored several times; a single pixel fills everything.
    Raises: ValueError for numbers out of range.
    Source: Ronneberger et al. 2015, section 2 ("the missing context is extrapolated by mirroring the input image").

    >>> row = MirrorBorder(2)(keras.ops.reshape(keras.ops.arange(3), (1, 1, 3, 1)))
    >>> keras.ops.convert_to_numpy(row)[0, 0, :, 0].tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """

    def __init__(self, margin, multiple=1, remainder=0, **kwargs):
        super().__init__(**kwargs)
        if int(margin) < 0 or int(multiple) < 1 or not 0 <= int(remainder) < int(multiple):
            raise ValueError(
                f"margin, multiple and remainder are {margin}, {multiple} and {remainder}; wanted margin ≥ 0 and "
                "0 ≤ remainder < multiple"
            )
        self.margin, self.multiple, self.remainder = int(margin), int(multiple), int(remainder)

    def call(self, x):
        _, height, width, _ = ops.shape(x)
        x = ops.take(x, self._places(height), axis=1)
        return ops.take(x, self._places(width), axis=2)

    def _places(self, side):
        """The source row of each row of the result."""
        length = self._length(side)
        if isinstance(side, int):
            return mirrored_places(np.arange(length) - self.margin, side, np)
        return mirrored_places(ops.arange(length, dtype="int32") - self.margin, side, ops)

    def _length(self, side):
        return side + 2 * self.margin + surplus(side + 2 * self.margin, self.multiple, self.remainder)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, *(side and self._length(side) for side in (height, width)), channels)

    def get_config(self):
        sizes = {"margin": self.margin, "multiple": self.multiple, "remainder": self.remainder}
        return {**super().get_config(), **sizes}


def mirrored_places(positions, side, array=np):
    """The pixel 0 … side − 1 that each integer position shows, in the image or in one of its mirror images.

    Args:
      positions: any integers, including negative ones and those beyond the image.
      side: of the image, in pixels.
      array: `numpy` or `keras.ops`.

    >>> mirrored_places(np.arange(-2, 5), 3).tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    last = side - 1
    period = array.maximum(2 * last, 1)
    # The mirroring is symmetric, and the remainder of a nonnegative number is the same everywhere, also in ONNX.
    place = array.abs(positions) % period
    # The outer minimum is for an image of one pixel, whose period would be 0.
    return array.minimum(array.minimum(place, period - place), last)
