"""Layers that pad any input size to fit a network's stride, and crop its output to the input's size."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class PadToMultiple(keras.layers.Layer):
    """Zeros below and to the right until height and width are k·multiple + remainder; (N, H, W, C) of any size.

    The top left corner keeps its place, so every feature of stride s (a divisor of `multiple`) is aligned with the
    pixels i·s, j·s of the unpadded image, and the first H × W pixels of an output of stride 1 are the image's.

    Args:
      multiple: 1 or more.
      remainder: 0, or 1 for networks with windows centered on every s-th pixel, including the first and the last.

    >>> tuple(PadToMultiple(32)(keras.ops.ones((1, 50, 70, 3))).shape)
    (1, 64, 96, 3)
    """

    def __init__(self, multiple, remainder=0, **kwargs):
        super().__init__(**kwargs)
        if int(multiple) < 1:
            raise ValueError(f"multiple is {multiple}; wanted 1 or more")
        if not 0 <= int(remainder) < int(multiple):
            raise ValueError(f"remainder is {remainder}; wanted 0 … {int(multiple) - 1}")
        self.multiple = int(multiple)
        self.remainder = int(remainder)

    def call(self, x):
        _, height, width, _ = ops.shape(x)
        below, right = (surplus(size, self.multiple, self.remainder) for size in (height, width))
        return ops.pad(x, ((0, 0), (0, below), (0, right), (0, 0)))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        sides = (size and padded_size(size, self.multiple, self.remainder) for size in (height, width))
        return (batch, *sides, channels)

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple, "remainder": self.remainder}


def padded_size(size, multiple, remainder=0):
    """The smallest k·multiple + remainder that is not below `size`.

    >>> padded_size(50, 32), padded_size(64, 32)
    (64, 64)
    """
    return size + surplus(size, multiple, remainder)


def surplus(size, multiple, remainder=0):
    """The difference from `size` to the next k·multiple + remainder.

    `(remainder - size) % multiple` would be wrong in ONNX, where the remainder of a negative number is negative.
    """
    return (multiple + remainder - size % multiple) % multiple


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class CropLike(keras.layers.Layer):
    """`[x, like]` → the top left of x, with the height and width of `like`.

    x (N, H, W, C) must be at least as large as like (N, h, w, …). For a size known in advance use Keras' `Cropping2D`,
    which does not depend on a second tensor.

    >>> tuple(CropLike()([keras.ops.ones((1, 64, 96, 2)), keras.ops.ones((1, 50, 70, 3))]).shape)
    (1, 50, 70, 2)
    """

    def call(self, inputs):
        x, like = inputs
        shape = ops.shape(like)
        return x[:, : shape[1], : shape[2], :]

    def compute_output_shape(self, input_shape):
        (batch, _, _, channels), like = input_shape
        return (batch, like[1], like[2], channels)
