"""SGD with L2 decay in the gradient: two steps by hand, and what it leaves alone."""

import keras
import numpy as np
import pytest

from kseg.training.config import TrainingOptions
from kseg.training.optimisers import SGDWithL2, build_optimiser


def after_two_steps(optimiser, start, gradients):
    """(kernel, bias) after two steps with constant gradients."""
    kernel, bias = keras.Variable(np.full((1, 1), start)), keras.Variable(np.full((1,), start))
    optimiser.build([kernel, bias])
    for _ in range(2):
        optimiser.apply([keras.ops.full((1, 1), gradients), keras.ops.full((1,), gradients)])
    return float(kernel[0, 0]), float(bias[0])


def test_two_steps_by_hand():
    # lr = .1, m = .9, d = .2, gradient .5, w = 1
    # v = −.1·(.5 + .2·1) = −.07               w = .93
    # v = .9·(−.07) − .1·(.5 + .2·.93) = −.1316  w = .7984
    # the bias: v = −.05, b = .95; v = .9·(−.05) − .05 = −.095, b = .855
    optimiser = SGDWithL2(learning_rate=0.1, momentum=0.9, l2_decay=0.2)
    assert after_two_steps(optimiser, 1.0, 0.5) == pytest.approx((0.7984, 0.855))


def test_the_decay_of_keras_is_another():
    # decoupled: w ← (1 − lr·d)·w = .98 w before each step; v = −.05, w = .93; v = −.095, w = .98·.93 − .095 = .8164
    optimiser = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.2)
    assert after_two_steps(optimiser, 1.0, 0.5)[0] == pytest.approx(0.8164)


def test_clipping_sees_the_loss_alone():
    # gradients (3, 4): norm 5 clipped to 1: (.6, .8); w = 1 − .1·(.6 + .2) = .92, b = 1 − .1·.8 = .92
    kernel, bias = keras.Variable(np.ones((1, 1))), keras.Variable(np.ones(1))
    optimiser = SGDWithL2(learning_rate=0.1, l2_decay=0.2, global_clipnorm=1.0)
    optimiser.build([kernel, bias])
    optimiser.apply([keras.ops.full((1, 1), 3.0), keras.ops.full((1,), 4.0)])
    assert (float(kernel[0, 0]), float(bias[0])) == pytest.approx((0.92, 0.92))


def test_built_from_the_options_and_saved():
    options = TrainingOptions(
        epochs=1, optimizer="sgd", learning_rate=0.1, momentum=0.9, l2_decay=0.2, schedule="constant"
    )
    optimiser = build_optimiser(options, steps_per_epoch=2)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimiser))
    assert type(again) is SGDWithL2 and again.l2_decay == 0.2
    assert after_two_steps(again, 1.0, 0.5) == pytest.approx((0.7984, 0.855))
