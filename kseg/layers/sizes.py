"""Layers that make any input size fit a network of a given stride, and its output fit the input again."""

import keras
from keras import ops

from kseg.conventions import SERIALISATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALISATION_PACKAGE)
class PadToMultiple(keras.layers.Layer):
    """Zeros below and to the right until height and width are multiples of `multiple`; (N, H, W, C) of any size.

    The top left corner stays where it is, so every feature of stride s (a divisor of `multiple`) is aligned with the
    pixels i·s, j·s of the unpadded image, and the first H × W pixels of an output of stride 1 are the image's.
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        if int(multiple) < 1:
            raise ValueError(f"multiple is {multiple}; wanted 1 or more")
        self.multiple = int(multiple)

    def call(self, x):
        _, height, width, _ = ops.shape(x)
        return ops.pad(x, ((0, 0), (0, surplus(height, self.multiple)), (0, surplus(width, self.multiple)), (0, 0)))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (
            batch,
            height and padded_size(height, self.multiple),
            width and padded_size(width, self.multiple),
            channels,
        )

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}


def padded_size(size, multiple):
    """The next multiple of `multiple` that is not smaller than `size`."""
    return size + surplus(size, multiple)


def surplus(size, multiple):
    """How much is missing to the next multiple.

    Not `-size % multiple`: of a negative number ONNX takes the remainder with the sign of the number.
    """
    return (multiple - size % multiple) % multiple


@keras.saving.register_keras_serializable(SERIALISATION_PACKAGE)
class CropLike(keras.layers.Layer):
    """`[x, like]` → the top left of x, with the height and width of `like`, whose values do not matter.

    x (N, H, W, C) must be at least as large as like (N, h, w, …). For a size that is known beforehand use Keras'
    `Cropping2D`, which does not depend on a second tensor.
    """

    def call(self, inputs):
        x, like = inputs
        shape = ops.shape(like)
        return x[:, : shape[1], : shape[2], :]

    def compute_output_shape(self, input_shape):
        (batch, _, _, channels), like = input_shape
        return (batch, like[1], like[2], channels)
