"""Every loss inside a compiled graph with unknown sizes, as `fit` makes it: value and gradient equal the eager ones."""

import numpy as np
import pytest

from kseg.losses import get
from losses.cases import CHANNELS, batch, case_id, once


@pytest.mark.parametrize(("name", "problem", "options"), once(), ids=case_id)
def test_compiled_with_unknown_sizes(name, problem, options):
    import tensorflow as tf

    labels, logits = batch(problem, seed=4, size=(7, 6))
    loss = get(name, **options)

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
