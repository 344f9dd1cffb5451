"""Learning-rate schedules against their formulas."""

import keras
import pytest

from kseg.training.schedules import Schedule


def rate(schedule, step):
    return float(schedule(step))


def test_constant_is_constant():
    schedule = Schedule("constant", 0.1, 100)
    assert [rate(schedule, step) for step in (0, 50, 100)] == pytest.approx([0.1] * 3)


def test_poly_by_hand():
    schedule = Schedule("poly", 0.004, 10, power=0.9)
    assert rate(schedule, 0) == pytest.approx(0.004)
    assert rate(schedule, 5) == pytest.approx(0.004 * 0.5**0.9)  # (1 − 5/10)^0.9
    assert rate(schedule, 10) == 0
    assert rate(schedule, 11) == 0  # stays there


def test_cosine_by_hand():
    schedule = Schedule("cosine", 2.0, 8)
    assert [rate(schedule, step) for step in (0, 4, 8)] == pytest.approx([2.0, 1.0, 0.0], abs=1e-6)


def test_warm_up_rises_linearly_and_multiplies():
    schedule = Schedule("poly", 1.0, 10, warmup_steps=4, power=1.0)
    # step 1: (1 − 1/10) · 2/4
    assert rate(schedule, 1) == pytest.approx(0.9 * 0.5)
    assert rate(schedule, 4) == pytest.approx(0.6)


def test_it_is_serializable():
    schedule = Schedule("poly", 0.1, 7, warmup_steps=2, power=0.5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert again.get_config() == schedule.get_config()
    assert rate(again, 3) == rate(schedule, 3)
