"""Region mutual information with its default pooling, which needs larger images than the contract's."""

import numpy as np
import pytest
from oracles.losses import oracle

from losses.cases import VOID, batch, of_logits


@pytest.mark.parametrize("problem", ["binary", "multi-class"])
@pytest.mark.parametrize(("options", "size"), [({}, (18, 17)), ({"pool": 3, "size": 2}, (9, 11))], ids=["4", "3"])
def test_cells_are_means_of_their_valid_pixels(problem, options, size):
    """The last rows and columns, which fill no cell, count for nothing; nor does a neighborhood with an empty cell."""
    import tensorflow as tf

    labels, logits = batch(problem, seed=7, size=size)
    labels[0, : options.get("pool", 4), : options.get("pool", 4)] = VOID  # all of the first cell
    logits = 0.5 * logits
    loss, z = of_logits("rmi", reduction="sum", **options), tf.Variable(logits.astype("float32"))
    with tf.GradientTape() as tape:
        value = loss(labels, z)
    assert float(value) == pytest.approx(sum(oracle("rmi", labels, logits, **options)), rel=2e-5)
    assert labels[3].min() == VOID  # no neighborhood at all: 0, and no gradient
    gradient = tape.gradient(value, z).numpy()
    assert not gradient[3].any()

    rng, h = np.random.default_rng(0), 1e-5
    for direction in (rng.normal(size=logits.shape), rng.normal(size=logits.shape)):
        above, below = (sum(oracle("rmi", labels, logits + s * h * direction, **options)) for s in (1, -1))
        assert np.sum(gradient * direction) == pytest.approx((above - below) / (2 * h), rel=2e-3, abs=1e-4)
