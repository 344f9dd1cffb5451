"""AlexNet's own layers: local response normalization and grouped convolution, against loops and against Keras."""

import keras
import numpy as np
import pytest
from keras import ops

from kseg.layers import GroupedConv2D, LocalResponseNorm


def as_written(x, n, alpha, beta, k):
    """The equation, channel by channel."""
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        window = x[..., max(0, c - n // 2) : c + n // 2 + 1]
        y[..., c] = x[..., c] / (k + alpha / n * (window**2).sum(-1)) ** beta
    return y


def test_local_response_by_hand():
    # channels 3, 0, 4; n = 3, α = 3, k = 1, β = 1:  3/(1 + 9)   0   4/(1 + 16);  with n = 5 all see 25
    x = np.array([3.0, 0, 4], "float32").reshape(1, 1, 1, 3)
    found = np.asarray(LocalResponseNorm(3, alpha=3.0, beta=1.0)(x)).ravel()
    assert found == pytest.approx([3 / 10, 0, 4 / 17])
    found = np.asarray(LocalResponseNorm(5, alpha=5.0, beta=1.0, bias=2.0)(x)).ravel()
    assert found == pytest.approx([3 / 27, 0, 4 / 27])


@pytest.mark.parametrize("options", [(5, 1e-4, 0.75, 1.0), (3, 0.5, 0.5, 2.0), (7, 2.0, 0.75, 1.0)])
def test_local_response_by_the_equation(options):
    x = np.random.default_rng(0).normal(0, 30, (2, 3, 4, 6))
    found = LocalResponseNorm(*options)(x.astype("float32"))
    np.testing.assert_allclose(found, as_written(x, *options), rtol=1e-5)


def test_local_response_of_large_values_in_float16():
    """300² does not fit in float16: with n = 5 , five channels and α = 1 the middle one sees k + 300²."""
    y = LocalResponseNorm(alpha=1.0, beta=0.5, dtype="mixed_float16")(np.full((1, 1, 1, 5), 300, "float32"))
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    assert np.asarray(y)[0, 0, 0, 2] == pytest.approx(300 / (1 + 300**2) ** 0.5, rel=1e-3)


def test_local_response_wants_a_middle():
    with pytest.raises(ValueError, match="size is 4; wanted an odd number of channels, such as 5"):
        LocalResponseNorm(4)


def test_grouped_convolution_is_two_convolutions():
    """Half the filters see half the channels; the gradient too is that of two separate layers."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x, kernel = (tf.constant(rng.normal(size=shape), "float32") for shape in ((2, 5, 6, 4), (3, 3, 2, 6)))
    layer = GroupedConv2D(6, 3, groups=2, padding="same", strides=2)
    layer.build(x.shape)
    assert layer.kernel.shape == (3, 3, 2, 6)  # as in Conv2D(groups=2)
    layer.kernel.assign(kernel)
    with tf.GradientTape() as tape:
        found = layer(x)
        loss = tf.reduce_sum(found**2)
    gradient = tape.gradient(loss, layer.kernel.value)
    for half in range(2):
        channels, filters = slice(2 * half, 2 * half + 2), slice(3 * half, 3 * half + 3)
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            alone = ops.conv(x[..., channels], kernel[..., filters], strides=2, padding="same")
            loss = tf.reduce_sum(alone**2)
        np.testing.assert_allclose(found[..., filters], alone, rtol=1e-5, atol=1e-5)
        expected = tape.gradient(loss, kernel)[..., filters]
        np.testing.assert_allclose(gradient[..., filters], expected, rtol=1e-4, atol=1e-4)


def test_grouped_convolution_takes_the_weights_of_keras():
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 4)).astype("float32")
    theirs = keras.layers.Conv2D(6, 3, groups=2, activation="relu", bias_initializer="ones")
    expected = theirs(x)
    ours = GroupedConv2D(6, 3, groups=2, activation="relu")
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(x), expected, rtol=1e-5, atol=1e-5)
