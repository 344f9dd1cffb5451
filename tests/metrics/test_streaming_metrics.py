"""Contract of every registered Keras metric: equal to its NumPy score on every backend, whatever it is fed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from streaming_run import batches

import kseg.metrics as m
from kseg.errors import UsageError

HERE = Path(__file__).parent

NUMPY = {
    "accuracy": m.pixel_accuracy,
    "dice": m.dice_dataset,
    "f_beta": lambda matrix: m.f_beta(matrix)[1],
    "frequency_weighted_iou": m.frequency_weighted_iou,
    "iou": m.iou_dataset,
    "kappa": m.cohens_kappa,
    "mean_accuracy": m.mean_accuracy,
    "miou": m.miou,
    "precision": lambda matrix: m.precision(matrix)[1],
    "recall": lambda matrix: m.recall(matrix)[1],
}


def ids_of(logits):
    return (logits[..., 0] >= 0).astype(int) if logits.shape[-1] == 1 else logits.argmax(-1)


def expected(name, pairs, num_classes):
    truth, prediction = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    if name == "iou_image":
        return np.nanmean(m.iou_image(m.confusion_matrices(truth, prediction, num_classes)))
    return NUMPY[name](m.confusion_matrix(truth, prediction, num_classes))


def all_expected(num_classes):
    pairs = [(truth, ids_of(logits)) for truth, logits in batches(num_classes)]
    return {name: pytest.approx(float(expected(name, pairs, num_classes)), rel=2e-6) for name in m.METRICS}


def fed(metric, pairs, **options):
    for truth, prediction in pairs:
        metric.update_state(truth, prediction, **options)
    return float(metric.result())


@pytest.mark.parametrize("num_classes", [2, 4])
@pytest.mark.parametrize("name", list(m.METRICS))
def test_logits_probabilities_and_ids_give_the_numpy_score(name, num_classes):
    pairs = list(batches(num_classes))
    counted = [(truth, ids_of(logits)) for truth, logits in pairs]
    value = pytest.approx(expected(name, counted, num_classes), rel=2e-6)
    probabilities = keras.activations.sigmoid if num_classes == 2 else keras.activations.softmax
    new = lambda **options: m.METRICS[name](num_classes, **options)  # noqa: E731
    assert fed(new(), pairs) == value
    assert fed(new(), [(truth[..., None], logits) for truth, logits in pairs]) == value
    assert fed(new(from_logits=False), [(t, probabilities(logits)) for t, logits in pairs]) == value
    assert fed(new(), counted) == value
    assert fed(new(), [(t, ids[..., None].astype(np.uint8)) for t, ids in counted]) == value
    assert fed(new(), [(t.astype(np.float32), logits) for t, logits in pairs]) == value


@pytest.mark.parametrize("name", list(m.METRICS))
def test_reset_and_void_scramble_and_sample_weight(name):
    pairs = list(batches(4))
    metric = m.METRICS[name](4)
    value = fed(metric, pairs)
    metric.reset_state()
    rng = np.random.default_rng(0)
    scrambled = [(t, np.where((t == 255)[..., None], rng.normal(size=z.shape), z)) for t, z in pairs]
    assert fed(metric, scrambled) == value
    # a weight of 0 is void, any other counts once
    weights = rng.integers(0, 3, pairs[0][0].shape).astype(np.float32)
    (truth, logits), metric = pairs[0], m.METRICS[name](4)
    metric.update_state(truth, logits, sample_weight=weights)
    masked = np.where(weights == 0, 255, truth)
    assert float(metric.result()) == fed(m.METRICS[name](4), [(masked, logits)])
    metric.reset_state()
    metric.update_state(truth, logits, sample_weight=np.array([0.0, 2.0, 0.0]))
    assert float(metric.result()) == fed(m.METRICS[name](4), [(truth[1:2], logits[1:2])])


@pytest.mark.parametrize("name", list(m.METRICS))
def test_no_valid_pixel_is_nan(name):
    metric = m.METRICS[name](2)
    assert np.isnan(float(metric.result()))
    metric.update_state(np.full((1, 3, 3), 255), np.ones((1, 3, 3, 1)))
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("name", list(m.METRICS))
def test_configuration_survives_serialisation(name):
    metric = m.METRICS[name](3, from_logits=False, threshold=0.3, void=9, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    assert (again.name, again.threshold, again.void, again.num_classes) == ("mine", 0.3, 9, 3)


@pytest.mark.parametrize("name", [name for name in m.METRICS if name != "accuracy"])
@pytest.mark.parametrize("truth", [np.array([[[0, 7]]]), np.array([[[0.0, 0.5]]]), np.array([[[0, -2]]])])
def test_impossible_labels_turn_the_result_into_nan(name, truth):
    assert np.isnan(fed(m.METRICS[name](2), [(truth, np.array([[[0, 1]]]))]))
    assert np.isnan(fed(m.METRICS[name](2), [(np.array([[[0, 1]]]), np.array([[[0, 3]]]))]))


@pytest.mark.parametrize("name", list(m.METRICS))
@pytest.mark.parametrize(
    ("truth", "prediction"),
    [
        ((2, 4, 5), (2, 4, 5)),  # floats without channels: ids or probabilities?
        ((2, 4, 5), (2, 4, 5, 2)),  # channels of another problem
        ((2, 4, 5, 3), (2, 4, 5, 3)),  # one-hot truth
        ((2, 4, 6), (2, 4, 5, 3)),  # another size
        ((4, 5), (4, 5, 3)),  # one image without batch
    ],
)
def test_shapes_that_mean_nothing_are_refused(name, truth, prediction):
    with pytest.raises(UsageError):
        m.METRICS[name](3).update_state(np.zeros(truth, np.uint8), np.zeros(prediction, np.float32))


def test_refusals_say_what_to_pass():
    iou = m.IoU(2)
    with pytest.raises(UsageError, match=r"iou: y_pred is float32 \(2, 4, 5\); pass logits or probabilities"):
        iou.update_state(np.zeros((2, 4, 5)), np.zeros((2, 4, 5), np.float32))
    with pytest.raises(UsageError, match="sample_weight"):
        iou.update_state(np.zeros((2, 4, 5)), np.zeros((2, 4, 5, 1)), sample_weight=np.ones((2, 4)))
    for wrong in ({"threshold": 0.0}, {"num_classes": 1}):
        with pytest.raises(UsageError):
            m.IoU(**{"num_classes": 2, **wrong})


def test_the_threshold_is_a_probability_also_for_logits():
    probability = np.array([[[[0.2], [0.35], [0.9]]]], np.float32)
    logits = np.log(probability / (1 - probability))
    truth = np.array([[[0, 1, 1]]])
    assert fed(m.IoU(2, threshold=0.3), [(truth, logits)]) == 1
    assert fed(m.IoU(2, threshold=0.3, from_logits=False), [(truth, probability)]) == 1
    assert fed(m.IoU(2), [(truth, logits)]) == 0.5
    # p = 0.5 is foreground, as in the threshold sweep
    assert fed(m.IoU(2), [(np.array([[[1]]]), np.zeros((1, 1, 1, 1), np.float32))]) == 1


def test_half_precision_scores_are_counted_whole():
    truth = np.ones((1, 600, 600), np.uint8)
    for dtype in ("bfloat16", "float16"):
        logits = keras.ops.cast(np.ones((1, 600, 600, 1)), dtype)
        metric = m.PixelAccuracy()
        metric.update_state(truth, logits)
        assert metric.exact_counts().tolist() == [360_000, 360_000]


def check_a_run(results):
    for num_classes in (2, 4):
        for scores in results[f"{num_classes} classes"]:
            assert scores == all_expected(num_classes)
    # 40 steps of more than 2²⁹ pixels: float32 would have stopped at 2²⁴, int32 overflowed
    assert results["large"] == [[40 * 2**29, 40], [0, 40 * (2**29 + 3)]]


def run(script, backend):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run([sys.executable, HERE / script], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(
        next(line for line in done.stdout.splitlines() if line.startswith("RESULT ")).removeprefix("RESULT ")
    )


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_fit_and_evaluate_compiled_and_in_mixed_precision(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    check_a_run(run("streaming_run.py", backend))


def test_replicas_of_a_mirrored_strategy_add_up():
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    results = run("mirrored_run.py", "tensorflow")
    assert results["replicas"] == 2
    for scores in results["scores"]:
        assert scores == all_expected(2)
    truth, prediction = (np.concatenate(parts) for parts in zip(*[(t, ids_of(z)) for t, z in batches(2)], strict=True))
    assert results["matrix"] == m.confusion_matrix(truth, prediction, 2).tolist()
