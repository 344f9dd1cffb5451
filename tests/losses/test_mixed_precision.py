"""Every loss in `fit` under mixed_float16: half-precision logits, float32 losses, a step like that of float32."""

import keras
import numpy as np
import pytest

from losses.cases import CHANNELS, batch, of_logits, once


@pytest.fixture
def policy():
    """Sets the global policy and puts float32 back."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


def steps(labels, images):
    """The change of every loss's own convolution in one step of SGD; eager, as compiling them all takes a minute."""
    inputs = keras.Input(images.shape[1:])
    convolutions = [
        keras.layers.Conv2D(CHANNELS[problem], 1, kernel_initializer=keras.initializers.GlorotUniform(seed=3))
        for _, problem, _ in once()
    ]
    model = keras.Model(inputs, [convolution(inputs) for convolution in convolutions])
    optimizer = keras.optimizers.SGD(0.1)
    if keras.config.dtype_policy().name == "mixed_float16":  # with `fit`'s own first scale the largest overflows
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=128.0)
        assert {output.dtype for output in model.outputs} == {"float16"}
    model.compile(optimizer, [of_logits(name, **options) for name, _, options in once()], run_eagerly=True)
    before = [convolution.get_weights()[0] for convolution in convolutions]
    history = model.fit(images, tuple(labels[problem] for _, problem, _ in once()), batch_size=4, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    return [convolution.get_weights()[0] - old for convolution, old in zip(convolutions, before, strict=True)]


def test_half_precision_takes_the_step_of_float32(policy):
    # Without the empty truth: there the gradient of lovasz lies on the largest error, and in half precision two are.
    labels = {problem: batch(problem, seed=5, size=(6, 6))[0][[0, 1, 1, 0]] for problem in CHANNELS}
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")
    expected = steps(labels, images)
    policy("mixed_float16")
    wrong = []
    for case, step, full in zip(once(), steps(labels, images), expected, strict=True):
        assert full.any() and step.dtype == np.float32
        difference = np.abs(step - full).max() / np.abs(full).max()
        if difference > 0.02:
            wrong.append((case, difference))
    assert not wrong
