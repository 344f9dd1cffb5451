"""Pooling with gaps, against plain loops and against the strided pooling that it stands for."""

import numpy as np
import pytest
from keras import layers, ops

from kseg.layers import AtrousPooling2D


def by_loops(x, k, r, kind):
    _, height, width, _ = x.shape
    before = r * (k - 1) // 2
    y = np.empty_like(x)
    for i in range(height):
        for j in range(width):
            rows = [i + r * a - before for a in range(k) if 0 <= i + r * a - before < height]
            columns = [j + r * b - before for b in range(k) if 0 <= j + r * b - before < width]
            window = x[:, rows][:, :, columns]
            y[:, i, j] = window.max((1, 2)) if kind == "max" else window.mean((1, 2))
    return y


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(("k", "r"), [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (2, 5)])
def test_against_loops(kind, k, r):
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")
    found = ops.convert_to_numpy(AtrousPooling2D(k, r, kind)(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(found, by_loops(x, k, r, kind), rtol=1e-5, atol=1e-6)


def test_every_second_position_is_the_strided_pooling():
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(1, 6, 8, 2)).astype("float32"))
    dense = ops.convert_to_numpy(AtrousPooling2D(2)(x))
    np.testing.assert_array_equal(dense[:, ::2, ::2], ops.convert_to_numpy(layers.MaxPooling2D(2)(x)))


@pytest.mark.parametrize("arguments", [(0,), (2, 0), (2, 1, "median")])
def test_what_is_no_pooling_is_refused(arguments):
    with pytest.raises(ValueError, match="wanted 1 or more|valid: max, average"):
        AtrousPooling2D(*arguments)
