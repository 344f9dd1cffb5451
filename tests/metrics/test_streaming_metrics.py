"""Contract of every registered Keras metric: equal to its NumPy score on every backend, whatever it is fed."""

import importlib.util
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import warm
from streaming_run import batches

import kseg.metrics as m
from kseg.errors import UsageError
from kseg.metrics.exact_counts import UNIT

HERE = Path(__file__).parent

NUMPY = {
    "accuracy": m.pixel_accuracy,
    "dice": m.dice_dataset,
    "f_beta": lambda matrix: m.f_beta(matrix)[1],
    "frequency_weighted_iou": m.frequency_weighted_iou,
    "iou": m.iou_dataset,
    "iou_class": lambda matrix: m.iou_class(matrix)[1],
    "kappa": m.cohens_kappa,
    "mean_accuracy": m.mean_accuracy,
    "miou": m.miou,
    "precision": lambda matrix: m.precision(matrix)[1],
    "recall": lambda matrix: m.recall(matrix)[1],
}

HISTOGRAM = {"average_precision": m.average_precision, "calibration_error": m.expected_calibration_error}
OF_IDS = [name for name in m.METRICS if name not in HISTOGRAM]


def probabilities(logits):
    activation = keras.activations.sigmoid if logits.shape[-1] == 1 else keras.activations.softmax
    return keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(logits)))


def ids_of(logits):
    return (logits[..., 0] >= 0).astype(int) if logits.shape[-1] == 1 else logits.argmax(-1)


def expected(name, pairs, num_classes):
    truth, logits = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    if name in HISTOGRAM:
        one = probabilities(logits)[..., min(1, logits.shape[-1] - 1)]
        return HISTOGRAM[name](m.probability_histogram(np.where(truth == 255, 255, truth == 1), one))
    prediction = ids_of(logits)
    if name == "iou_image":
        return np.nanmean(m.iou_image(m.confusion_matrices(truth, prediction, num_classes)))
    return NUMPY[name](m.confusion_matrix(truth, prediction, num_classes))


def all_expected(num_classes, precision="float32"):
    pairs = [(truth, logits.astype(precision).astype(np.float32)) for truth, logits in batches(num_classes)]
    return {name: pytest.approx(float(expected(name, pairs, num_classes)), rel=2e-6) for name in m.METRICS}


def of_logits(name, num_classes, **options):
    """A metric of predictions that are logits."""
    return m.METRICS[name](num_classes, **{"from_logits": True, **options})


def fed(metric, pairs, **options):
    for truth, prediction in pairs:
        metric.update_state(truth, prediction, **options)
    return float(metric.result())


@pytest.mark.parametrize("num_classes", [2, 4])
@pytest.mark.parametrize("name", list(m.METRICS))
def test_logits_and_probabilities_give_the_numpy_score(name, num_classes):
    pairs = list(batches(num_classes))
    value = pytest.approx(expected(name, pairs, num_classes), rel=2e-6)
    new = lambda **options: of_logits(name, num_classes, **options)  # noqa: E731
    assert fed(new(), pairs) == value
    assert fed(new(), [(truth[..., None], logits) for truth, logits in pairs]) == value
    assert fed(new(from_logits=False), [(t, probabilities(logits)) for t, logits in pairs]) == value
    assert fed(new(), [(t.astype(np.float32), logits) for t, logits in pairs]) == value


@pytest.mark.parametrize("num_classes", [2, 4])
@pytest.mark.parametrize("name", OF_IDS)
def test_ids_give_the_numpy_score(name, num_classes):
    pairs = list(batches(num_classes))
    counted = [(truth, ids_of(logits)) for truth, logits in pairs]
    value = pytest.approx(expected(name, pairs, num_classes), rel=2e-6)
    assert fed(of_logits(name, num_classes), counted) == value
    assert fed(of_logits(name, num_classes), [(t, ids[..., None].astype(np.uint8)) for t, ids in counted]) == value


@pytest.mark.parametrize("name", HISTOGRAM)
def test_probabilities_of_another_class_and_what_is_none(name):
    pairs = list(batches(4))
    truth, logits = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    histogram = m.probability_histogram(np.where(truth == 255, 255, truth == 3), probabilities(logits)[..., 3])
    assert fed(of_logits(name, 4, label=3), pairs) == pytest.approx(HISTOGRAM[name](histogram), rel=2e-6)
    # of two classes background is what foreground is not
    truth, logits = next(batches(2))
    histogram = m.probability_histogram(np.where(truth == 255, 255, truth == 0), 1 - probabilities(logits))
    assert fed(of_logits(name, 2, label=0), [(truth, logits)]) == pytest.approx(HISTOGRAM[name](histogram), rel=2e-6)
    outside = probabilities(logits)
    outside[0, truth[0] != 255] = 1.5
    with pytest.raises(UsageError, match=r"outside of \[0, 1\], from 1.5 to 1.5"):
        fed(m.METRICS[name](2), [(truth, outside)])
    with pytest.raises(UsageError, match="class ids"):
        of_logits(name, 2).update_state(truth, ids_of(logits))
    with pytest.raises(UsageError, match=r"class 0\.\.1"):
        of_logits(name, 2, label=2)


@pytest.mark.parametrize("name", list(m.METRICS))
def test_reset_and_void_scramble_and_sample_weight(name):
    pairs = list(batches(4))
    metric = of_logits(name, 4)
    value = fed(metric, pairs)
    metric.reset_state()
    rng = np.random.default_rng(0)
    scrambled = [(t, np.where((t == 255)[..., None], rng.normal(size=z.shape), z)) for t, z in pairs]
    assert fed(metric, scrambled) == value
    # a weight of 0 is void, any other counts once
    weights = rng.integers(0, 3, pairs[0][0].shape).astype(np.float32)
    (truth, logits), metric = pairs[0], of_logits(name, 4)
    metric.update_state(truth, logits, sample_weight=weights)
    masked = np.where(weights == 0, 255, truth)
    assert float(metric.result()) == fed(of_logits(name, 4), [(masked, logits)])
    metric.reset_state()
    metric.update_state(truth, logits, sample_weight=np.array([0.0, 2.0, 0.0]))
    assert float(metric.result()) == fed(of_logits(name, 4), [(truth[1:2], logits[1:2])])


@pytest.mark.parametrize("name", list(m.METRICS))
def test_no_valid_pixel_is_nan(name):
    metric = of_logits(name, 2)
    assert np.isnan(float(metric.result()))
    metric.update_state(np.full((1, 3, 3), 255), np.ones((1, 3, 3, 1)))
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("name", list(m.METRICS))
def test_configuration_survives_serialization(name):
    metric = m.METRICS[name](3, from_logits=True, threshold=0.3, void=9, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    assert (again.name, again.threshold, again.void, again.num_classes) == ("mine", 0.3, 9, 3)


@pytest.mark.parametrize("name", list(m.METRICS))
@pytest.mark.parametrize(
    "truth", [np.array(pair).reshape(1, 1, 2) for pair in ([0, 7], [0.0, 0.5], [0, -2], [0, 2**32 + 1], [0, 2.0**32])]
)
def test_impossible_labels_turn_the_result_into_nan(name, truth):
    assert np.isnan(fed(of_logits(name, 2), [(truth, np.array([-1.0, 1.0]).reshape(1, 1, 2, 1))]))


@pytest.mark.parametrize("name", OF_IDS)
def test_impossible_ids_turn_the_result_into_nan(name):
    for impossible in (3, -1, 2**32 + 1):
        assert np.isnan(fed(of_logits(name, 2), [(np.array([[[0, 1]]]), np.array([[[0, impossible]]]))]))


def test_labels_between_classes_are_impossible_whatever_void_is():
    assert np.isnan(fed(m.IoU(2, void=-1), [(np.array([[[0.5, 1.0, -1.0]]]), np.array([[[0, 1, 0]]]))]))
    assert fed(m.IoU(2, void=-1), [(np.array([[[0.0, 1.0, -1.0]]]), np.array([[[0, 1, 1]]]))]) == 1


def test_accuracy_without_a_number_of_classes_takes_the_channels():
    label = np.array([[[0, 3]]])
    assert np.isnan(fed(m.PixelAccuracy(), [(label, np.zeros((1, 1, 2, 1)))]))
    assert np.isnan(fed(m.PixelAccuracy(), [(label, np.zeros((1, 1, 2, 3)))]))
    assert fed(m.PixelAccuracy(), [(label, np.zeros((1, 1, 2, 4)))]) == 0.5
    assert fed(m.PixelAccuracy(), [(label, label)]) == 1
    assert np.isnan(fed(m.PixelAccuracy(), [(label, -label)]))


@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize("name", list(m.METRICS))
def test_scores_that_are_nan_turn_the_result_into_nan(name, num_classes):
    channels = 1 if num_classes == 2 else 3
    truth, logits = np.array([[[0, 1, 255]]]), np.zeros((1, 1, 3, channels), np.float32)
    logits[0, 0, 1, 0] = -np.inf  # a score like any other
    logits[0, 0, 2] = np.nan  # anything may stand under void
    sound = fed(of_logits(name, num_classes), [(truth, logits)])
    assert not np.isnan(sound)
    logits[0, 0, 0, -1] = np.nan
    assert np.isnan(fed(of_logits(name, num_classes), [(truth, logits)]))


@pytest.mark.parametrize("images", [2047, 2048, 5000])
def test_a_batch_may_hold_thousands_of_images(images):
    truth = np.ones((images, 1, 2), np.uint8)
    prediction = truth.copy()
    prediction[::3, 0, 0] = 0  # IoU ½, else 1
    half = len(range(0, images, 3))
    metric = m.ImageIoU(2)
    assert fed(metric, [(truth, prediction)] * 2) == pytest.approx(1 - half / 2 / images, rel=1e-6)
    assert metric.exact_counts().tolist() == [(2 * images - half) * UNIT, 2 * images, 0]


WEIGHTS = np.array([0.0, 2.0, 1.0])


@pytest.mark.parametrize("name", list(m.METRICS))
@pytest.mark.parametrize(
    "weight",
    [
        WEIGHTS,
        WEIGHTS > 0,
        WEIGHTS[:, None],
        np.broadcast_to(WEIGHTS[:, None, None], (3, 6, 7)),
        np.broadcast_to(WEIGHTS[:, None, None, None], (3, 6, 7, 1)),
    ],
    ids=lambda weight: f"{weight.dtype} {weight.shape}",
)
def test_weights_of_images_in_every_shape(name, weight):
    truth, logits = next(batches(4))
    value = fed(of_logits(name, 4), [(truth[1:], logits[1:])])
    assert fed(of_logits(name, 4), [(truth, logits)], sample_weight=weight) == value


def test_one_weight_for_all():
    truth, logits = next(batches(2))
    new = lambda: m.IoU(2, from_logits=True)  # noqa: E731
    assert fed(new(), [(truth, logits)], sample_weight=0.5) == fed(new(), [(truth, logits)])
    assert np.isnan(fed(new(), [(truth, logits)], sample_weight=0))


@pytest.mark.parametrize("shape", [(2,), (2, 1), (3, 6), (3, 6, 1), (1, 6, 7), (3, 1, 1), (3, 6, 7, 2), (3, 1, 1, 1)])
@pytest.mark.parametrize("name", list(m.METRICS))
def test_weights_of_another_size_are_refused(name, shape):
    truth, logits = next(batches(2))
    with pytest.raises(UsageError, match=r"does not fit label maps \(3, 6, 7\); pass one weight per image"):
        of_logits(name, 2).update_state(truth, logits, sample_weight=np.ones(shape))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", list(m.METRICS))
def test_weights_that_mean_nothing_turn_the_result_into_nan(name, weight):
    truth, logits = next(batches(2))
    weights = np.ones(truth.shape)
    weights[truth == 255] = weight  # anything may stand under void
    assert not np.isnan(fed(of_logits(name, 2), [(truth, logits)], sample_weight=weights))
    assert np.isnan(fed(of_logits(name, 2), [(truth, logits)], sample_weight=[1.0, 1.0, weight]))


def test_weights_of_a_size_that_only_the_step_knows():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("graphs without static shapes are TensorFlow's")
    metric = m.IoU(2)
    maps, any_size = tf.TensorSpec((None, None, None), tf.int32), tf.TensorSpec((None, None, None), tf.float32)
    step = tf.function(metric.update_state, input_signature=[maps, maps, any_size], autograph=False)
    ids = np.ones((2, 4, 5), np.int32)
    step(ids, ids, np.ones((2, 4, 5), np.float32))
    assert metric.matrix().tolist() == [[0, 0], [0, 40]]
    for wrong in ((2, 4, 1), (1, 4, 5), (3, 4, 5)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            step(ids, ids, np.ones(wrong, np.float32))


@pytest.mark.parametrize("name", list(m.METRICS))
def test_the_number_of_classes_may_be_numpys(name):
    truth, logits = next(batches(4))
    metric = of_logits(name, np.int64(4))
    assert fed(metric, [(truth, logits)]) == fed(of_logits(name, 4), [(truth, logits)])
    assert json.loads(json.dumps(metric.get_config()))["num_classes"] == 4
    with pytest.raises(UsageError, match="whole number"):
        of_logits(name, 4.0)


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
        of_logits(name, 3).update_state(np.zeros(truth, np.uint8), np.zeros(prediction, np.float32))


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
    assert fed(m.IoU(2, threshold=0.3, from_logits=True), [(truth, logits)]) == 1
    assert fed(m.IoU(2, threshold=0.3), [(truth, probability)]) == 1
    assert fed(m.IoU(2, from_logits=True), [(truth, logits)]) == 0.5
    # p = 0.5 is foreground, as in the threshold sweep
    assert fed(m.IoU(2, from_logits=True), [(np.array([[[1]]]), np.zeros((1, 1, 1, 1), np.float32))]) == 1


def test_half_precision_scores_are_counted_whole():
    truth = np.ones((1, 600, 600), np.uint8)
    for dtype in ("bfloat16", "float16"):
        logits = keras.ops.cast(np.ones((1, 600, 600, 1)), dtype)
        metric = m.PixelAccuracy()
        metric.update_state(truth, logits)
        assert metric.exact_counts().tolist() == [360_000, 360_000, 0]


def check_a_run(results):
    for num_classes, precision in ((2, "bfloat16"), (4, "float32")):
        for scores in results[f"{num_classes} classes"]:
            assert scores == all_expected(num_classes, precision)
    # 40 steps of more than 2²⁹ pixels: float32 would have stopped at 2²⁴, int32 overflowed
    assert results["large"] == [[40 * 2**29, 40], [0, 40 * (2**29 + 3)]]


def run(script, backend):
    done = warm.run([HERE / script], backend=backend)
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


@pytest.mark.parametrize("name", list(m.METRICS))
def test_logits_given_as_probabilities_are_noticed(name):
    """A sentence where values can be read, nan inside of a compiled step; rounding and what lies under void do not."""
    for num_classes in (2, 4):
        truth, logits = next(batches(num_classes))
        with pytest.raises(UsageError, match=r"outside of \[0, 1\], from -.*pass from_logits=True"):
            m.METRICS[name](num_classes).update_state(truth, logits)
    p = probabilities(logits)
    beyond = np.where((truth == 255)[..., None], 9.0, p + np.where(p > 0.8, np.maximum(0, 1.0005 - p), 0.0))
    exact = np.where((truth == 255)[..., None], 0.5, np.minimum(beyond, 1.0))
    new = lambda: m.METRICS[name](4)  # noqa: E731
    assert fed(new(), [(truth, beyond.astype("float32"))]) == fed(new(), [(truth, exact.astype("float32"))])
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() == "tensorflow" and name in ("iou", "accuracy", "average_precision"):
        metric = new()
        tf.function(metric.update_state, autograph=False)(tf.constant(truth), tf.constant(logits))
        assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("name", list(m.METRICS))
def test_a_batch_without_images_or_pixels_counts_nothing(name):
    truth, logits = next(batches(4))
    value = fed(of_logits(name, 4), [(truth, logits)])
    nothing = [(truth[:0], logits[:0]), (truth[:, :0], logits[:, :0])]
    assert fed(of_logits(name, 4), [*nothing, (truth, logits)]) == value
    assert np.isnan(fed(of_logits(name, 4), nothing))


def test_masks_of_0_and_255_draw_a_warning_also_after_a_compiled_epoch():
    truth, p = np.zeros((2, 4, 4), np.uint8), np.full((2, 4, 4, 1), 0.5, np.float32)
    truth[:, 1] = 255
    with pytest.warns(UserWarning, match="0 and 255 alone, and 255 is void"):
        m.IoU(2).update_state(truth, p)
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile(loss=lambda t, p: keras.ops.mean(p), metrics=[m.IoU(2)])
    model.evaluate(p, truth, verbose=0)
    with pytest.warns(UserWarning, match="none of 24 pixels that were counted is foreground .*divide them by 255"):
        model.evaluate(p, truth, verbose=0)
