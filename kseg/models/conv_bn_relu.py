"""Convolution, batch normalization, ReLU: the building block of decoders and heads."""

from keras import layers

MOMENTUM = 0.9
"""Momentum of the moving statistics, low enough that a short training is not evaluated with its first statistics."""


def conv_bn_relu(x, filters, *, name, kernel=3, strides=1, dilation=1, separable=False):
    """A convolution without bias (the normalization has one), batch normalization, ReLU.

    Args:
      kernel: side of the kernel; "same" padding.
      strides: of the kernel; 1 where it is dilated or separable.
      dilation: of the kernel.
      separable: use a depthwise convolution, with its own normalization and ReLU, and a 1×1 convolution instead.
    """
    if separable:
        x = layers.DepthwiseConv2D(
            kernel, padding="same", dilation_rate=dilation, use_bias=False, depthwise_initializer="he_normal",
            name=f"{name}_depthwise",
        )(x)  # fmt: skip
        x = bn_relu(x, name=f"{name}_depthwise")
        kernel, dilation = 1, 1
    x = layers.Conv2D(
        filters, kernel, strides, padding="same", dilation_rate=dilation, use_bias=False,
        kernel_initializer="he_normal", name=f"{name}_conv",
    )(x)  # fmt: skip
    return bn_relu(x, name=name)


def bn_relu(x, *, name):
    """Batch normalization and ReLU."""
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
