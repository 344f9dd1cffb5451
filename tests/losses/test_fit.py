"""Every loss inside a compiled graph with unknown sizes, as `fit` makes it: value and gradient equal the eager ones."""

import keras
import numpy as np
import pytest

from losses.cases import CHANNELS, batch, case_id, of_logits, once


@pytest.mark.parametrize(("name", "problem", "options"), once(), ids=case_id)
def test_compiled_with_unknown_sizes(name, problem, options):
    import tensorflow as tf

    labels, logits = batch(problem, seed=4, size=(7, 6))
    loss = of_logits(name, **options)

    def value_and_gradient(y, z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = loss(y, z)
        return value, tape.gradient(value, z)

    unknown = [tf.TensorSpec((None, None, None), "uint8"), tf.TensorSpec((None, None, None, CHANNELS[problem]))]
    compiled = tf.function(value_and_gradient, input_signature=unknown, jit_compile=True)
    z = tf.constant(logits, "float32")
    (value, gradient), (expected, slope) = compiled(tf.constant(labels), z), value_and_gradient(tf.constant(labels), z)
    assert float(value) == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "weights"),
    [
        ("iou", np.array([0.5, 0.0, 2.0, 1.0])),
        ("ce + 0.5*dice", np.random.default_rng(1).uniform(size=(4, 6, 6))),
    ],
    ids=["images", "pixels"],
)
def test_fit_hands_on_the_sample_weights(spec, weights):
    """The loss that `fit` logs for its only batch is that of the untrained model, weighted."""
    labels, _ = batch("multi-class", seed=5, size=(6, 6))
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")
    model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 1)])
    loss = of_logits(spec)
    expected = float(loss(labels, model(images), weights))
    assert expected != pytest.approx(float(loss(labels, model(images))), rel=1e-3)
    model.compile("sgd", loss)
    history = model.fit(images, labels, sample_weight=weights, batch_size=4, shuffle=False, verbose=0).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
