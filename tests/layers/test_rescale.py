"""Resizing by a factor: values by hand, and positions that stay where they are."""

import numpy as np
import pytest
from keras import ops

from kseg.layers import Rescale, ResizeLike, rescaled_side


def row(values, layer, like=None):
    x = ops.reshape(ops.convert_to_tensor(np.array(values, np.float32)), (1, 1, len(values), 1))
    return ops.convert_to_numpy(layer(x if like is None else [x, ops.zeros((1, 1, like, 1))]))[0, 0, :, 0].tolist()


def test_by_hand():
    # ½, middle of two pixels: (j + ½)·2 − ½ = .5, 2.5; aligned: 0, 2
    assert row([0, 1, 2, 3], Rescale(0.5)) == [0.5, 2.5]
    assert row([0, 1, 2, 3], Rescale(0.5, aligned=True)) == [0, 2]
    # 2, from three to five positions: aligned j/2; the middle of halves (j + ½)/2 − ½ = −.25, .25, .75, 1.25, 1.75
    assert row([0, 1, 2], Rescale(2.0, aligned=True), like=5) == [0, 0.5, 1, 1.5, 2]
    assert row([0, 1, 2], Rescale(2.0), like=5) == [0, 0.25, 0.75, 1.25, 1.75]
    # beyond the last position its value goes on
    assert row([0, 1], Rescale(2.0, aligned=True), like=5) == [0, 0.5, 1, 1, 1]


@pytest.mark.parametrize(("side", "scale", "wanted"), [
    (321, 0.75, 241), (321, 0.5, 161), (480, 0.75, 360), (480, 0.5, 240), (10, 0.7, 7), (1, 0.25, 1), (321, 1.25, 402),
])  # fmt: skip
def test_sides(side, scale, wanted):
    assert rescaled_side(side, scale) == wanted
    assert Rescale(scale)(ops.zeros((1, side, 1, 1))).shape[1] == wanted


def test_stretched_is_resize_like():
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32"))
    like = ops.zeros((2, 9, 4, 1))
    np.testing.assert_allclose(Rescale()([x, like]), ResizeLike()([x, like]), atol=1e-5)


def test_senseless_scales_are_refused():
    for scale in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="wanted a factor above 0"):
            Rescale(scale)
