"""Local response normalization, which AlexNet uses and Keras lacks."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class LocalResponseNorm(keras.layers.Layer):
    """(N, H, W, C) → the same shape, every value divided by a norm over neighboring channels.

        y_c = x_c / (k + α/n·Σ_j x_j²)^β      j = c − ⌊n/2⌋ … c + ⌊n/2⌋, within the C channels

    Computed in float32 under any precision policy, since squares beyond 65504 overflow float16.

    Args:
      size: n, odd, channels in the window.
      alpha, beta, bias: α, β, k.
    Source: Krizhevsky et al. 2012, section 3.3. Deviations: the defaults and the division by n are those of Caffe and
      MatConvNet, whose AlexNet the papers start from (n = 5, α = 1e-4, β = 0.75, k = 1); the paper has k = 2 and does
      not divide α.

    >>> x = keras.ops.full((1, 1, 1, 1), 10.0)
    >>> round(float(LocalResponseNorm(alpha=1.0)(x)[0, 0, 0, 0]), 4)
    1.0194
    """

    def __init__(self, size=5, alpha=1e-4, beta=0.75, bias=1.0, **kwargs):
        super().__init__(**kwargs)
        if int(size) < 1 or int(size) % 2 == 0:
            raise ValueError(f"size is {size}; wanted an odd number of channels, such as 5")
        self.size = int(size)
        self.alpha = alpha
        self.beta = beta
        self.bias = bias

    def call(self, x):
        x = ops.cast(x, "float32")
        reach, channels = self.size // 2, x.shape[-1]
        squares = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (reach, reach)))
        window = sum(squares[..., shift : shift + channels] for shift in range(self.size))
        return ops.cast(x / ops.power(self.bias + self.alpha / self.size * window, self.beta), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "alpha": self.alpha,
            "beta": self.beta,
            "bias": self.bias,
        }
