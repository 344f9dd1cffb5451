"""Upsampling artifacts: 0 for even change, 1 − 1/n for flat squares, and the two starts of a stride-32 upsampling."""

import keras
import numpy as np
import pytest
from pytest import approx

from kseg.errors import UsageError
from kseg.layers import SubpixelUpsample
from kseg.metrics import grid_artifacts

RNG = np.random.default_rng(0)


def test_a_ramp_and_a_flat_map_have_none():
    rows, columns = np.mgrid[:96, :64]
    assert grid_artifacts([2.0 * rows - 3.0 * columns], cells=(3, 2)) == approx(0, abs=1e-12)
    assert grid_artifacts([np.zeros((64, 64))], cells=(2, 2)) == 0.0


@pytest.mark.parametrize("phases", [4, 32])
def test_flat_squares_change_on_grid_lines_only(phases):
    # All change lies in one of n phases along its own axis and evenly in the other: ½·(n·(1/n − 1/n²) + (n² − n)/n²)
    squares = np.kron(RNG.normal(size=(7, 7)), np.ones((32, 32)))
    assert grid_artifacts([squares, -squares], cells=(7, 7), phases=phases) == approx(1 - 1 / phases)


def test_by_hand_on_one_row():
    # Two cells of two pixels, n = 2. Edges at 1, 2, 3: phases ½, 0, ½ of a cell; changes 1, 4, 1. E = 4 at phase 0 and
    # (1 + 1)/2 = 1 at phase ½; e = .8 and .2; A = ½·(.3 + .3) = .3 along the row, and nothing down the column.
    row = np.array([[0.0, 1.0, 5.0, 6.0]])
    assert grid_artifacts([row], cells=(1, 2), phases=2) == approx(0.3 / 2)


def test_the_size_that_a_map_was_resized_to_does_not_matter():
    small = np.kron(RNG.integers(0, 2, (7, 7)), np.ones((32, 32), int))
    large = np.kron(small, np.ones((3, 3), int))
    assert grid_artifacts([large], cells=(7, 7)) == approx(grid_artifacts([small], cells=(7, 7)))


def test_a_random_start_of_the_upsampling_has_them_and_a_bilinear_one_has_not():
    scores = RNG.normal(size=(8, 7, 7, 1)).astype("float32")

    def measured(start):
        keras.utils.set_random_seed(0)
        layer = SubpixelUpsample(32, kernel_initializer=start)
        return grid_artifacts(keras.ops.convert_to_numpy(layer(scores))[..., 0], cells=(7, 7))

    bilinear, glorot = measured(None), measured("glorot_uniform")
    assert bilinear < 0.07 < 0.12 < glorot


def test_what_is_no_map_or_no_grid():
    with pytest.raises(UsageError, match=r"shape \(2, 4, 4\)"):
        grid_artifacts([np.zeros((2, 4, 4))], cells=(1, 1))
    with pytest.raises(UsageError, match="wanted cells above 0"):
        grid_artifacts([np.zeros((4, 4))], cells=(0, 1))
