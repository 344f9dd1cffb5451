"""Adaptive pooling against plain loops, against plain pooling where sides divide, and at sizes of run time."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from kseg.layers import AdaptiveAveragePooling2D


def by_loops(x, bins):
    _, height, width, _ = x.shape

    def window(i, length):
        return slice(i * length // bins, -(-(i + 1) * length // bins))

    rows = [[x[:, window(i, height), window(j, width)].mean((1, 2)) for j in range(bins)] for i in range(bins)]
    return np.stack([np.stack(row, 1) for row in rows], 1)


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(12, 6), (7, 9), (60, 45), (4, 1)], ids=str)
def test_against_loops(size, bins):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32")
    found = ops.convert_to_numpy(AdaptiveAveragePooling2D(bins)(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(found, by_loops(x, bins), rtol=1e-5, atol=1e-6)


def test_plain_pooling_where_the_sides_divide():
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(1, 12, 18, 2)).astype("float32"))
    plain = ops.convert_to_numpy(layers.AveragePooling2D((4, 6))(x))
    np.testing.assert_allclose(AdaptiveAveragePooling2D(3)(x), plain, atol=1e-6)


def test_sizes_known_at_run_time_only():
    image = keras.Input((None, None, 2))
    model = keras.Model(image, AdaptiveAveragePooling2D(3)(image))
    assert model.output_shape == (None, 3, 3, 2)
    for size in ((5, 7), (9, 4)):
        x = np.random.default_rng(0).normal(size=(2, *size, 2)).astype("float32")
        np.testing.assert_allclose(model.predict(x, verbose=0), by_loops(x, 3), rtol=1e-5, atol=1e-6)


def test_no_bins_are_refused():
    with pytest.raises(ValueError, match="bins is 0; wanted 1 or more"):
        AdaptiveAveragePooling2D(0)
