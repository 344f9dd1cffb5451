"""The resize of all networks: half-pixel centers, edges clamped, no antialiasing, sizes possibly known at run time."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE

METHODS = ("bilinear", "nearest")


def resize(x, size, *, method="bilinear"):
    """(N, H, W, C) → (N, *size, C), of x's floating type.

    Output pixel i samples the input at (i + ½)·H/h − ½, clamped to the image; `nearest` takes pixel ⌊(i + ½)·H/h⌋.

    `keras.ops.image.resize` needs sizes as Python integers, but a TensorFlow graph of variable size has tensors.
    TensorFlow's and PyTorch's own functions are called instead.

    >>> x = keras.ops.reshape(keras.ops.convert_to_tensor([0.0, 4.0]), (1, 1, 2, 1))
    >>> keras.ops.convert_to_numpy(resize(x, (1, 4)))[0, 0, :, 0].tolist()  # half-pixel centers
    [0.0, 1.0, 3.0, 4.0]
    """
    if method not in METHODS:
        raise ValueError(f"resize method is {method!r}; valid: {', '.join(METHODS)}")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.cast(tf.image.resize(x, size, method=method), x.dtype)
    if keras.backend.backend() == "torch":
        from torch.nn.functional import interpolate

        options = {"mode": "nearest-exact"} if method == "nearest" else {"mode": "bilinear", "align_corners": False}
        return ops.transpose(interpolate(ops.transpose(x, (0, 3, 1, 2)), size=tuple(size), **options), (0, 2, 3, 1))
    return ops.image.resize(x, tuple(size), interpolation=method, antialias=False, data_format="channels_last")


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class BilinearUpsample(keras.layers.Layer):
    """(N, h, w, C) → (N, s·h, s·w, C) by `resize`, also where h and w are unknown, unlike Keras' `UpSampling2D`.

    Args:
      stride: s.

    >>> x = keras.ops.reshape(keras.ops.convert_to_tensor([0.0, 4.0]), (1, 1, 2, 1))
    >>> keras.ops.convert_to_numpy(BilinearUpsample(2)(x))[0, 0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    enlarges = "centers"
    """see `kseg.models.grid`"""

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        if int(stride) < 1:
            raise ValueError(f"stride is {stride}; wanted 1 or more")
        self.stride = int(stride)

    def call(self, x):
        height, width = ops.shape(x)[1:3]
        return resize(x, (height * self.stride, width * self.stride))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and height * self.stride, width and width * self.stride, channels)

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class ResizeLike(keras.layers.Layer):
    """`[x, like]` → x resized to the height and width of `like` by `resize`.

    >>> tuple(ResizeLike()([keras.ops.ones((1, 3, 5, 8)), keras.ops.ones((1, 13, 17, 3))]).shape)
    (1, 13, 17, 8)
    """

    enlarges = "stretched"
    """see `kseg.models.grid`"""

    def __init__(self, method="bilinear", **kwargs):
        super().__init__(**kwargs)
        if method not in METHODS:
            raise ValueError(f"resize method is {method!r}; valid: {', '.join(METHODS)}")
        self.method = method

    def call(self, inputs):
        x, like = inputs
        return resize(x, ops.shape(like)[1:3], method=self.method)

    def compute_output_shape(self, input_shape):
        (batch, _, _, channels), like = input_shape
        return (batch, like[1], like[2], channels)

    def get_config(self):
        return {**super().get_config(), "method": self.method}
