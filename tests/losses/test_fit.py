"""Every loss inside `fit`: one compiled graph of all of them, with dynamic sizes, equal to the eager values."""

import keras
import numpy as np
import pytest
from keras import ops

from kseg.losses import LOSSES, WeightedSum, get, part_metrics
from losses.cases import CHANNELS, OPTIONS, batch


@pytest.mark.parametrize("problem", list(CHANNELS))
@pytest.mark.parametrize("jit", [False, True])
def test_all_losses_in_one_graph(problem, jit):
    labels, logits = batch(problem, seed=4, size=(7, 6))
    names = [name for name in LOSSES if problem in LOSSES[name].problems]
    loss = WeightedSum([(1.0, get(name, **OPTIONS[name][0])) for name in names])
    inputs = keras.Input((None, None, CHANNELS[problem]))
    layer = keras.layers.EinsumDense("nhwc,c->nhwc", (None, None, CHANNELS[problem]), kernel_initializer="ones")
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(0.0), loss=loss, metrics=part_metrics(loss), jit_compile=jit)
    history = model.fit(logits.astype("float32"), labels, batch_size=4, verbose=0).history
    for name in names:
        expected = float(ops.convert_to_numpy(get(name, **OPTIONS[name][0])(labels, logits)))
        assert history[f"loss_{name}"][0] == pytest.approx(expected, rel=1e-4, abs=1e-5), name
    assert np.isfinite(history["loss"][0])
