"""One matrix product per row of the kernel is the convolution: value, gradients, weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kseg.layers import LargeKernelConv2D


def value_and_gradients(layer, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y * tf.reshape(tf.range(tf.size(y), dtype="float32"), tf.shape(y)) / float(tf.size(y)))
    return y, tape.gradient(loss, [x, *layer.trainable_weights])


@pytest.mark.parametrize("size", [(7, 7), (2, 3), (5, 9), (14, 14)])
def test_equals_a_convolution(size):
    keras.utils.set_random_seed(0)
    x = tf.random.normal((2, *size, 3))
    ours, keras_own = (
        kind(4, 7, padding="same", activation="relu", bias_initializer="ones")
        for kind in (LargeKernelConv2D, keras.layers.Conv2D)
    )
    ours(x), keras_own(x)
    keras_own.set_weights(ours.get_weights())
    (y, gradients), (expected, expected_gradients) = value_and_gradients(ours, x), value_and_gradients(keras_own, x)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    for ours_gradient, theirs in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(ours_gradient, theirs, atol=1e-4)


def test_unknown_and_large_maps_are_convolved():
    layer = LargeKernelConv2D(2, 3)
    model = keras.Sequential([keras.Input((None, None, 1)), layer])
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype("float32")
    np.testing.assert_allclose(model(x), layer(tf.constant(x)), atol=1e-6)
    large = tf.random.normal((1, 9, 9, 1))  # above twice the kernel
    np.testing.assert_allclose(layer(large), model(large), atol=1e-6)


@pytest.mark.parametrize("options", [{"kernel_size": 4}, {"kernel_size": 3, "strides": 2}])
def test_what_it_is_not_made_for_is_refused(options):
    with pytest.raises(ValueError, match="use Conv2D"):
        LargeKernelConv2D(2, **options)
