"""Pixel shuffle, and transposed convolution as a 3×3 convolution followed by a pixel shuffle.

TensorFlow's CPU build aborts in the gradient of the stride-32 `Conv2DTranspose` of FCN-32s. This form does not abort,
and it is faster.
"""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE

CHANNELS_LAST = "channels_last"


def pixel_shuffle(x, factor):
    """(N, h, w, factor²·C) → (N, factor·h, factor·w, C).

    y[n, i·f + a, j·f + b, c] = x[n, i, j, (a·f + b)·C + c], a and b in 0..f−1.

    >>> x = keras.ops.reshape(keras.ops.arange(4), (1, 1, 1, 4))
    >>> keras.ops.convert_to_numpy(pixel_shuffle(x, 2))[0, ..., 0].tolist()
    [[0, 1], [2, 3]]
    """
    batch, height, width, channels = ops.shape(x)
    depth = shuffled_channels(channels, factor)
    x = ops.reshape(x, (batch, height, width, factor, factor, depth))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (batch, height * factor, width * factor, depth))


def shuffled_channels(channels, factor):
    """How many of the channels remain when factor² of them become pixels."""
    if channels % factor**2:
        raise ValueError(f"a pixel shuffle by {factor} needs a multiple of {factor**2} channels, got {channels}")
    return channels // factor**2


def upsampled_shape(shape, factor, channels):
    """The shape after upsampling by `factor`, with None for unknown sizes."""
    batch, height, width, _ = shape
    return (batch, height and height * factor, width and width * factor, channels)


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class PixelShuffle(keras.layers.Layer):
    """`pixel_shuffle` as a layer: (N, h, w, factor²·C) → (N, factor·h, factor·w, C).

    Source: Shi et al. 2016, eq. 4. Deviations: channels are ordered (row, column, channel).

    >>> tuple(PixelShuffle(2)(keras.ops.ones((1, 3, 5, 8))).shape)
    (1, 6, 10, 2)
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        if int(factor) < 1:
            raise ValueError(f"factor is {factor}; wanted 1 or more")
        self.factor = int(factor)

    def call(self, x):
        return pixel_shuffle(x, self.factor)

    def compute_output_shape(self, input_shape):
        return upsampled_shape(input_shape, self.factor, shuffled_channels(input_shape[-1], self.factor))

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class Bilinear(keras.initializers.Initializer):
    """The kernel (2s, 2s, out, in) that makes a transposed convolution of stride s a bilinear upsampling.

        k[a, b] = w[a]·w[b]      w[j] = max(0, 1 − |j − c| / s)      c = ⌊s/2⌋ + s/2 − ½

    With this c the upsampling has half-pixel centers for odd s too. With as many outputs as inputs, each channel is
    upsampled separately (a diagonal); otherwise a Glorot-uniform matrix mixes the channels first.

    Args:
      seed: of the mixing matrix.
      stride: s; None takes half of the kernel's size. A larger kernel has zeros around the 2s × 2s.
    Source: Long et al. 2015, section 3.3. Deviations: none.

    >>> kernel = Bilinear(stride=2)((4, 4, 1, 1))
    >>> keras.ops.convert_to_numpy(kernel)[0, :, 0, 0].tolist()  # 1/4 of 1/4, 3/4, 3/4, 1/4
    [0.0625, 0.1875, 0.1875, 0.0625]
    """

    def __init__(self, seed=None, stride=None):
        self.seed = seed
        self.stride = stride

    def __call__(self, shape, dtype=None):
        whole, width, outputs, inputs = shape
        size = 2 * self.stride if self.stride else whole
        if whole != width or whole % 2 or whole < size:
            wanted = f"({size}, {size}, out, in) or larger" if self.stride else "(2s, 2s, out, in)"
            raise ValueError(f"Bilinear needs a kernel of shape {wanted}, got {tuple(shape)}")
        stride = size // 2
        center = stride // 2 + stride / 2 - 0.5
        profile = ops.maximum(0.0, 1.0 - ops.abs(ops.arange(size, dtype="float32") - center) / stride)
        if outputs == inputs:
            mixing = ops.eye(outputs)
        else:
            mixing = keras.initializers.GlorotUniform(self.seed)((outputs, inputs))
        kernel = ops.reshape(ops.outer(profile, profile), (size, size, 1, 1)) * mixing
        margin = ((whole - size) // 2,) * 2
        return ops.cast(ops.pad(kernel, (margin, margin, (0, 0), (0, 0))), dtype or keras.config.floatx())

    def get_config(self):
        return {"seed": self.seed, "stride": self.stride}


def subpixel_kernel(kernel):
    """The kernel (3, 3, in, s²·out) whose convolution, pixel-shuffled, is the transposed convolution with `kernel`.

    Transposed convolution of stride s and kernel size 2s, padding "same", in one dimension, at output pixel i·s + r:

        y[i·s + r] = Σ_d x[i + d]·K[r + ⌊s/2⌋ − d·s],  d ∈ {−1, 0, 1},  K = 0 outside 0..2s−1

    Padded by s − ⌊s/2⌋ zeros in front and ⌊s/2⌋ behind, K falls into three blocks of s; block 1 − d belongs to d.
    """
    size, _, outputs, inputs = kernel.shape
    stride = size // 2
    margin = (stride - stride // 2, stride // 2)
    kernel = ops.pad(kernel, (margin, margin, (0, 0), (0, 0)))
    kernel = ops.reshape(kernel, (3, stride, 3, stride, outputs, inputs))
    kernel = ops.flip(ops.flip(kernel, axis=0), axis=2)  # one axis at a time: LiteRT only flips adjacent axes together
    kernel = ops.transpose(kernel, (0, 2, 5, 1, 3, 4))
    return ops.reshape(kernel, (3, 3, inputs, stride**2 * outputs))


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class SubpixelUpsample(keras.layers.Layer):
    """`Conv2DTranspose(filters, 2·stride, strides=stride, padding="same")`, computed without a transposed convolution.

    (N, h, w, in) → (N, stride·h, stride·w, filters). Value and gradients equal those of `Conv2DTranspose`. The weights
    are the same, `kernel` (2·stride, 2·stride, filters, in) and `bias` (filters,), so `get_weights()` of either layer
    fits the other. The layer runs a 3×3 convolution to stride²·filters channels (`subpixel_kernel`) and a pixel
    shuffle. It starts as bilinear upsampling.

    Args:
      stride: factor by which height and width grow.
      filters: output channels; None: as many as input channels.
    Source: the "deconvolution" of Long et al. 2015; the equality is arithmetic. Deviations: none.

    >>> layer = SubpixelUpsample(32, filters=1)
    >>> tuple(layer(keras.ops.ones((1, 7, 7, 3))).shape), tuple(layer.kernel.shape)
    ((1, 224, 224, 1), (64, 64, 1, 3))
    """

    enlarges = "centers"
    """see `kseg.models.grid`"""

    def __init__(
        self,
        stride,
        filters=None,
        *,
        use_bias=True,
        kernel_initializer=None,
        kernel_regularizer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if int(stride) < 1:
            raise ValueError(f"stride is {stride}; wanted 1 or more")
        self.stride = int(stride)
        self.filters = filters
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer or Bilinear())
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        inputs = input_shape[-1]
        filters = self.filters or inputs
        size = 2 * self.stride
        self.kernel = self.add_weight(
            name="kernel",
            shape=(size, size, filters, inputs),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        self.bias = self.add_weight(name="bias", shape=(filters,), initializer="zeros") if self.use_bias else None

    def call(self, x):
        kernel = subpixel_kernel(ops.convert_to_tensor(self.kernel))
        y = ops.conv(x, kernel, strides=1, padding="same", data_format=CHANNELS_LAST)
        y = pixel_shuffle(y, self.stride)
        return y if self.bias is None else y + self.bias

    def compute_output_shape(self, input_shape):
        return upsampled_shape(input_shape, self.stride, self.filters or input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "stride": self.stride,
            "filters": self.filters,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
