"""Context beyond the border of an image, for networks whose convolutions are not padded."""

import keras
import numpy as np
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE
from kseg.layers.sizes import surplus


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class MirrorBorder(keras.layers.Layer):
    """An image among its mirror images: `margin` rows and columns on every side, more below and to the right.

    Args:
      margin: m, pixels added on every side, 0 or more.
      multiple, remainder: below and to the right as many are added on top of m as make height and width
        k·multiple + remainder.
    (N, H, W, C) → (N, m + H + m + ≥ 0, …). The row of the border is not repeated: 3 2 1 | 0 1 2 3 | 2 1 0. An image
    that is smaller than its margin is mirrored several times, and one pixel fills everything.
    Raises: ValueError for numbers that mean nothing.
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
        """Which row each row of the result shows."""
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
        own = {"margin": self.margin, "multiple": self.multiple, "remainder": self.remainder}
        return {**super().get_config(), **own}


def mirrored_places(positions, side, array=np):
    """The place 0 … side − 1 of an image, or of one of its mirror images, that lies at each whole position.

    Args:
      positions: integers, any, also negative ones and those beyond the image.
      side: of the image, in pixels.
      array: what computes, `numpy` or `keras.ops`.

    >>> mirrored_places(np.arange(-2, 5), 3).tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    last = side - 1
    period = array.maximum(2 * last, 1)
    # |position| is its own mirror image, and division of what is not negative means the same everywhere, also in ONNX.
    place = array.abs(positions) % period
    # The last place bounds an image of one pixel, whose period would be 0.
    return array.minimum(array.minimum(place, period - place), last)
