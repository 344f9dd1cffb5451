"""SubpixelUpsample is Conv2DTranspose: the same numbers, gradients and weights, without its crash."""

import keras
import numpy as np
import pytest
import warm
from keras import layers, ops

from kseg.layers import Bilinear, SubpixelUpsample, pixel_shuffle, resize

tf = pytest.importorskip("tensorflow")  # the gradients are taken with its tape


def twins(stride, filters, inputs, *, dtype="float64", seed=0):
    """Keras' layer and ours, with the same weights, moved to ours by get_weights."""
    theirs = layers.Conv2DTranspose(
        filters, 2 * stride, strides=stride, padding="same", dtype=dtype,
        kernel_initializer=keras.initializers.RandomNormal(seed=seed), bias_initializer="ones",
    )  # fmt: skip
    ours = SubpixelUpsample(stride, filters, dtype=dtype)
    for layer in (theirs, ours):
        layer.build((None, None, None, inputs))
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def value_and_gradients(layer, x, weight):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = layer(x)
        loss = ops.sum(y * weight)
    gradients = tape.gradient(loss, [x, *[variable.value for variable in layer.trainable_variables]])
    return [np.asarray(tensor) for tensor in (y, *gradients)]


@pytest.mark.parametrize("channels", [(1, 1), (3, 2), (2, 3), (4, 4)], ids=str)
@pytest.mark.parametrize("stride", [1, 2, 3, 4, 5, 8])
def test_equals_conv2d_transpose(stride, channels):
    inputs, filters = channels
    theirs, ours = twins(stride, filters, inputs)
    rng = np.random.default_rng(stride)
    x = rng.normal(size=(2, 3, 4, inputs))
    weight = rng.normal(size=(2, 3 * stride, 4 * stride, filters))
    expected, found = (value_and_gradients(layer, x, weight) for layer in (theirs, ours))
    for name, ours_, theirs_ in zip(("value", "input", "kernel", "bias"), found, expected, strict=True):
        np.testing.assert_allclose(ours_, theirs_, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("stride", [2, 3, 32])
def test_equals_conv2d_transpose_in_float32(stride):
    theirs, ours = twins(stride, 1, 1, dtype="float32")
    x = np.random.default_rng(0).normal(size=(1, 3, 2, 1)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-6, atol=1e-6)


def test_weights_fit_either_layer():
    theirs, ours = twins(4, 2, 3)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()] == [(8, 8, 2, 3), (2,)]
    changed = [w + 1 for w in ours.get_weights()]
    theirs.set_weights(changed)
    ours.set_weights(changed)
    x = np.ones((1, 2, 2, 3))
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-12)


def test_by_hand_stride_1():
    # Kernel size 2, stride 1: y[i] = x[i]·K[0] + x[i − 1]·K[1] in each direction.
    ours = SubpixelUpsample(1, 1, use_bias=False)
    ours.build((None, None, None, 1))
    ours.set_weights([np.outer([1.0, 10.0], [1.0, 100.0]).reshape(2, 2, 1, 1)])
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    #              1      2 + 1·100       3 + 1·10     4 + 3·100 + 2·10 + 1·1000
    assert np.asarray(ours(x)).ravel().tolist() == [1, 102, 13, 1324]


@pytest.mark.parametrize("stride", [2, 3, 4, 5, 8, 32])
def test_bilinear_at_the_start(stride):
    """Half-pixel bilinear resizing; only the outermost pixels differ, which see zeros instead of a clamped edge."""
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 2)).astype("float32")
    upsampled = np.asarray(SubpixelUpsample(stride)(x))
    expected = np.asarray(resize(ops.convert_to_tensor(x), (4 * stride, 5 * stride)))
    edge = slice(stride, -stride)
    np.testing.assert_allclose(upsampled[:, edge, edge], expected[:, edge, edge], atol=1e-5)


def test_bilinear_keeps_channels_apart():
    kernel = np.asarray(Bilinear()((4, 4, 3, 3)))
    for out in range(3):
        for into in range(3):
            if out == into:  # (¼ ¾ ¾ ¼) ⊗ (¼ ¾ ¾ ¼)
                np.testing.assert_allclose(kernel[:, :, out, into], np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16)
            else:
                assert not kernel[:, :, out, into].any()


def test_bilinear_mixes_channels_when_their_number_changes():
    kernel = np.asarray(Bilinear(seed=1)((4, 4, 2, 3)))
    mixing = kernel[1, 1] / (9 / 16)  # one matrix, the same at every position
    assert mixing.shape == (2, 3) and np.unique(mixing).size == 6
    profile = np.outer([1, 3, 3, 1], [1, 3, 3, 1])[..., None, None] / 16
    np.testing.assert_allclose(kernel, profile * mixing, rtol=1e-5)


def test_bilinear_wants_a_kernel_of_twice_the_stride():
    with pytest.raises(ValueError, match=r"\(2s, 2s, out, in\), got \(3, 3, 1, 1\)"):
        Bilinear()((3, 3, 1, 1))


def test_bilinear_in_a_larger_kernel():
    """As the upsampling of SegNet's paper: 8 × 8, of stride 2, bilinear at the start."""
    layer = layers.Conv2DTranspose(2, 8, strides=2, padding="same", kernel_initializer=Bilinear(stride=2))
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 2)).astype("float32")
    np.testing.assert_allclose(layer(x), SubpixelUpsample(2)(x), atol=1e-6)
    with pytest.raises(ValueError, match=r"\(8, 8, out, in\) or larger, got \(4, 4, 1, 1\)"):
        Bilinear(stride=4)((4, 4, 1, 1))


def test_dynamic_size_and_output_shape():
    layer = SubpixelUpsample(3, 2)
    image = keras.Input((None, None, 4))
    model = keras.Model(image, layer(image))
    assert model.output_shape == (None, None, None, 2)
    assert layer.compute_output_shape((None, 5, None, 4)) == (None, 15, None, 2)
    for height, width in ((1, 1), (2, 5)):
        assert model.predict(np.ones((2, height, width, 4)), verbose=0).shape == (2, 3 * height, 3 * width, 2)


def test_regularizer_and_absent_bias():
    layer = SubpixelUpsample(2, use_bias=False, kernel_regularizer=keras.regularizers.L2(1.0))
    layer(np.ones((1, 2, 2, 1)))
    # Σ k² = (Σ w²)² with w = ¼ ¾ ¾ ¼, Σ w² = 20/16
    assert [w.name for w in layer.weights] == ["kernel"]
    assert float(layer.losses[0]) == pytest.approx((20 / 16) ** 2)


@pytest.mark.parametrize("stride", [0, -2])
def test_stride_must_be_positive(stride):
    with pytest.raises(ValueError, match=f"stride is {stride}; wanted 1 or more"):
        SubpixelUpsample(stride)


def test_pixel_shuffle_by_hand():
    # channel (a·2 + b)·C + c of a position becomes channel c of pixel (a, b) there
    x = np.arange(8.0).reshape(1, 1, 1, 8)
    y = np.asarray(pixel_shuffle(x, 2))
    assert y.shape == (1, 2, 2, 2)
    assert y[0].tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]


GRADIENT_OF_STRIDE_32 = """
import numpy as np, tensorflow as tf
from kseg.layers import SubpixelUpsample
layer = SubpixelUpsample(32)
x = tf.Variable(np.ones((2, 7, 7, 1), "float32"))
with tf.GradientTape() as tape:
    y = layer(x)
    loss = tf.reduce_sum(y * y)
gradients = tape.gradient(loss, [x, layer.kernel.value])
print("survived", tuple(y.shape), bool(np.isfinite(gradients[0]).all()), tuple(gradients[1].shape))
"""


def test_gradient_of_stride_32_does_not_kill_the_process():
    """TensorFlow's CPU build aborts in the gradient of `Conv2DTranspose(1, 64, strides=32)` at 224×224, batch 2."""
    done = warm.run(["-c", GRADIENT_OF_STRIDE_32])
    assert done.returncode == 0, done.stderr[-2000:]
    assert "survived (2, 224, 224, 1) True (64, 64, 1, 1)" in done.stdout
