"""Plots of studies: where an axis begins."""

import math

import pytest

from kseg.lab.plots import axis_from, far_below


def test_an_axis_leaves_out_what_lies_far_below():
    # quartiles 0.79 and 0.81: the fence is 0.79 − 3·0.02
    assert far_below([0.29, 0.79, 0.80, 0.81, 0.82]) == pytest.approx(0.73)
    assert far_below([0.70, 0.75, 0.80]) == -math.inf
    assert (axis_from([0.57, 0.8]), axis_from([0.99]), axis_from([0.03])) == (0.5, 0.9, 0.0)
