"""No curve of a picture of `kseg losses show` is flat."""

import numpy as np
import pytest

from kseg.losses import LOSSES
from kseg.report import loss_probes as probes


@pytest.mark.parametrize("name", LOSSES)
def test_every_curve_varies(name):
    loss, pixels = probes.subject(name), probes.HEIGHT * probes.WIDTH
    for curve in (probes.against_shift(loss), probes.against_radius(loss)):
        assert np.ptp(curve.total) > 0.02
    for label, at in loss.pixels.items():
        assert probes.truth(loss.num_classes, ring=loss.ring)[at] == label
        values, gradient = probes.against_logit(loss, at)
        assert pixels * np.ptp(values) > 0.01 and pixels * np.abs(gradient).max() > 0.001


def test_skeletons_are_compared_on_a_ring():
    assert probes.subject("0.5*dice + 0.5*cldice").shape == "ring" and probes.subject("dice").shape == "disc"
    shift, radius = (curve(probes.subject("cldice")) for curve in (probes.against_shift, probes.against_radius))
    assert shift.x[shift.total.argmin()] == 0.0
    assert abs(radius.x[radius.total.argmin()] - probes.RADIUS) <= 0.5
