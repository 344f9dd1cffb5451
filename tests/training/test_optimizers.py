"""SGD with L2 decay in the gradient, and the RMSprop of 2019: steps by hand."""

import keras
import numpy as np
import pytest

from kseg.models import model_options
from kseg.training.config import TrainConfig, TrainingOptions, resolve
from kseg.training.optimizers import SGDWithL2, build_optimizer


def after_two_steps(optimizer, start, gradients):
    """(kernel, bias) after two steps with constant gradients."""
    kernel, bias = keras.Variable(np.full((1, 1), start)), keras.Variable(np.full((1,), start))
    optimizer.build([kernel, bias])
    for _ in range(2):
        optimizer.apply([keras.ops.full((1, 1), gradients), keras.ops.full((1,), gradients)])
    return float(kernel[0, 0]), float(bias[0])


def test_two_steps_by_hand():
    # lr = .1, m = .9, d = .2, gradient .5, w = 1
    # v = −.1·(.5 + .2·1) = −.07               w = .93
    # v = .9·(−.07) − .1·(.5 + .2·.93) = −.1316  w = .7984
    # the bias: v = −.05, b = .95; v = .9·(−.05) − .05 = −.095, b = .855
    optimizer = SGDWithL2(learning_rate=0.1, momentum=0.9, l2_decay=0.2)
    assert after_two_steps(optimizer, 1.0, 0.5) == pytest.approx((0.7984, 0.855))


def test_the_decay_of_keras_is_another():
    # decoupled: w ← (1 − lr·d)·w = .98 w before each step; v = −.05, w = .93; v = −.095, w = .98·.93 − .095 = .8164
    optimizer = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.2)
    assert after_two_steps(optimizer, 1.0, 0.5)[0] == pytest.approx(0.8164)


def test_clipping_sees_the_loss_alone():
    # gradients (3, 4): norm 5 clipped to 1: (.6, .8); w = 1 − .1·(.6 + .2) = .92, b = 1 − .1·.8 = .92
    kernel, bias = keras.Variable(np.ones((1, 1))), keras.Variable(np.ones(1))
    optimizer = SGDWithL2(learning_rate=0.1, l2_decay=0.2, global_clipnorm=1.0)
    optimizer.build([kernel, bias])
    optimizer.apply([keras.ops.full((1, 1), 3.0), keras.ops.full((1,), 4.0)])
    assert (float(kernel[0, 0]), float(bias[0])) == pytest.approx((0.92, 0.92))


def test_built_from_the_options_and_saved():
    options = TrainingOptions(
        epochs=1, optimizer="sgd", learning_rate=0.1, momentum=0.9, l2_decay=0.2, schedule="constant"
    )
    optimizer = build_optimizer(options, steps_per_epoch=2)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is SGDWithL2 and again.l2_decay == 0.2
    assert after_two_steps(again, 1.0, 0.5) == pytest.approx((0.7984, 0.855))


def rmsprop_of_2019(weights, gradients, *, rate=1e-4, rho=0.9, epsilon=1e-7):
    """Keras 2.2's update, as its source has it: a ← ρ·a + (1 − ρ)·g², w ← w − lr·g / (√a + ε)."""
    a = np.zeros_like(weights)
    for g in gradients:
        a = rho * a + (1 - rho) * g**2
        weights = weights - rate * g / (np.sqrt(a) + epsilon)
    return weights


def moved(optimizer, gradients):
    weight = keras.Variable(np.zeros_like(gradients[0], "float32"))
    optimizer.build([weight])
    for g in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g.astype("float32"))])
    return keras.ops.convert_to_numpy(weight)


def test_van_beers_rmsprop_is_that_of_2019():
    """Gradients from 1e-5 to 0.1: Keras 3's epsilon moves those below 3e-4 by a fraction of the paper's step."""
    sizes = np.array([1e-5, 3e-5, 1e-4, 3e-4, 1e-2, 0.1])
    gradients = [sizes * np.array(factor) for factor in (1.0, -0.4, 0.8, 1.5, -0.2)]
    wanted = rmsprop_of_2019(np.zeros(6), gradients)
    options = resolve(TrainConfig(model=model_options("bfcn32s")), image_size=(224, 224)).training
    assert options.epsilon == 1e-14
    np.testing.assert_allclose(moved(build_optimizer(options, steps_per_epoch=1), gradients), wanted, rtol=0.03)
    keras_3 = np.abs(moved(keras.optimizers.RMSprop(1e-4), gradients) / wanted)
    assert (keras_3[:2] < 0.15).all() and keras_3[2] < 0.5 and keras_3[-1] == pytest.approx(1, abs=1e-3)


def test_epsilon_of_the_first_step_by_hand():
    # v = .1·g² = 1e-13 with g = 1e-6, so 2019 moves by lr·1e-6 / (3.162e-7 + 1e-7), and √(v + 1e-14) = 3.317e-7
    options = TrainingOptions(epochs=1, optimizer="rmsprop", learning_rate=0.1, epsilon=1e-14, schedule="constant")
    step = moved(build_optimizer(options, steps_per_epoch=1), [np.array([1e-6])])
    assert -step[0] == pytest.approx(0.1 * 1e-6 / 3.3166e-7, rel=1e-3)
