"""Panoptic quality as a Keras metric: equal to the NumPy one on every backend, inside and outside of a graph."""

import importlib.util
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import warm
from panoptic_run import CLASSES, INSTANCES, VOID, batches

import kseg.metrics as m
from kseg.errors import UsageError


def numpy_sums(pairs):
    """From (N, H, W, 2): an id a segment, the function of id maps."""
    matches = []
    for truth, prediction in pairs:
        for true, predicted in zip(truth, prediction, strict=True):
            tables, maps = [], []
            for image, of in ((true, "truth"), (predicted, "prediction")):
                # a crowd is number −1, so that it has an id too: class · 100 + number + 2
                ids = np.where(image[..., 0] == VOID, 0, image[..., 0] * 100 + image[..., 1] + 2)
                present = np.unique(ids[ids > 0])
                tables.append(m.segment_table(present, present // 100, present % 100 == 1, num_classes=CLASSES, of=of))
                maps.append(ids)
            matches.append(m.panoptic_match(*maps, *tables))
    return m.panoptic_sums(matches, CLASSES)


def metric(**options):
    return m.PanopticQuality(CLASSES, **{"max_instances": INSTANCES, **options})


def fed(metric, pairs, **options):
    for truth, prediction in pairs:
        metric.update_state(truth, prediction, **options)
    return metric


def test_equals_the_numpy_sums_and_scores():
    pairs = list(batches())
    expected = numpy_sums(pairs)
    assert (expected > 0).all()  # matches, false alarms and misses of every class
    counted = fed(metric(), pairs)
    np.testing.assert_array_equal(counted.sums()[:, 1:], expected[:, 1:])
    np.testing.assert_allclose(counted.sums()[:, 0], expected[:, 0], atol=5e-7 * expected[:, 1].max())
    for score in ("pq", "sq", "rq"):
        assert float(fed(metric(score=score), pairs).result()) == pytest.approx(
            getattr(m.panoptic_score(expected), score), rel=2e-6
        )
    among = np.array([True, False, True])
    assert float(fed(metric(labels=[0, 2]), pairs).result()) == pytest.approx(
        m.panoptic_score(expected, among).pq, rel=2e-6
    )


def test_inputs_of_other_types_and_one_image_at_a_time():
    pairs = list(batches())
    whole = fed(metric(), pairs).sums()
    single = [(t[i : i + 1].astype(np.float32), p[i : i + 1].astype(np.int64)) for t, p in pairs for i in range(len(t))]
    np.testing.assert_array_equal(fed(metric(), single).sums(), whole)


def test_weights_of_zero_leave_images_out():
    (truth, prediction), *_ = batches()
    weighed = fed(metric(), [(truth, prediction)], sample_weight=np.array([1, 0, 2, 0, 0, 0.5]))
    kept = [0, 2, 5]
    np.testing.assert_array_equal(weighed.sums(), fed(metric(), [(truth[kept], prediction[kept])]).sums())
    assert np.isnan(float(fed(metric(), [(truth, prediction)], sample_weight=0.0).result()))
    assert np.isnan(float(fed(metric(), [(truth, prediction)], sample_weight=np.full(6, -1.0)).result()))
    with pytest.raises(UsageError, match="one weight per image"):
        fed(metric(), [(truth, prediction)], sample_weight=np.ones((6, 8, 10)))


def test_nothing_counted_is_nan_and_reset_forgets():
    counted = metric()
    assert np.isnan(float(counted.result()))
    void = np.full((1, 2, 2, 2), VOID)
    assert np.isnan(float(fed(counted, [(void, void)]).result()))
    fed(counted, batches()).reset_state()
    assert np.isnan(float(counted.result())) and not counted.sums().any()


@pytest.mark.parametrize("wrong", [(3, 0), (-1, 0), (0, INSTANCES), (0, -2)])
def test_impossible_ids_turn_the_result_into_nan(wrong):
    sound = np.zeros((1, 2, 2, 2), np.int32)
    impossible = sound.copy()
    impossible[0, 0, 0] = wrong
    assert float(fed(metric(), [(sound, sound)]).result()) == 1
    assert np.isnan(float(fed(metric(), [(impossible, sound)]).result()))
    assert np.isnan(float(fed(metric(), [(sound, impossible)]).result()))
    crowd = sound.copy()
    crowd[..., 1] = -1
    assert np.isnan(float(fed(metric(), [(sound, crowd)]).result()))  # a prediction has none


def test_wrong_options_and_shapes_are_refused():
    with pytest.raises(UsageError, match="valid: pq, sq, rq"):
        metric(score="miou")
    with pytest.raises(UsageError, match=r"class 0\.\.2"):
        metric(labels=[3])
    with pytest.raises(UsageError, match=r"y_true is int64 \(1, 2, 2\); pass the class and the number"):
        metric().update_state(np.zeros((1, 2, 2), int), np.zeros((1, 2, 2, 2), int))


def test_configuration_survives_serialization():
    kept = metric(score="rq", labels=(0, 1), void=7, name="things")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kept))
    assert type(again) is m.PanopticQuality
    assert again.get_config() == kept.get_config()
    assert (again.name, again.kind, again.labels, again.void) == ("things", "rq", (0, 1), 7)


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_backends_agree_in_compiled_steps(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = warm.run([Path(__file__).with_name("panoptic_run.py")], backend=backend)
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    expected = fed(metric(), batches())
    for result in json.loads(line.removeprefix("RESULT ")):
        np.testing.assert_array_equal(result["sums"], expected.sums())
        assert result["pq"] == pytest.approx(float(expected.result()), rel=1e-6)
