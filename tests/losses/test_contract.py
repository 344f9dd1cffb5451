"""What every registered loss promises, walked over the registry: registering a loss tests it."""

import math

import keras
import numpy as np
import pytest
from keras import ops
from oracles.losses import oracle

from kseg.losses import LOSSES
from losses.cases import CHANNELS, OPTIONS, VOID, batch, case_id, confident, every_case, of_logits

every_loss = pytest.mark.parametrize(("name", "problem", "options"), every_case(), ids=case_id)
every_option = pytest.mark.parametrize(("name", "problem", "options"), every_case(every_option=True), ids=case_id)


def values(name, labels, logits, **options):
    """float64 (N,), or (1,) for a loss pooled over the batch."""
    loss = of_logits(name, reduction="none", **options)
    return np.asarray(ops.convert_to_numpy(loss(labels, np.asarray(logits, "float32"))), "float64")


def value_and_gradient(name, labels, logits, **options):
    """Sum over images and its derivative by the logits."""
    import tensorflow as tf

    loss, z = of_logits(name, reduction="sum", **options), tf.Variable(np.asarray(logits, "float32"))
    with tf.GradientTape() as tape:
        value = loss(labels, z)
    return float(value), tape.gradient(value, z).numpy()


def test_every_loss_has_cases():
    assert set(OPTIONS) == set(LOSSES)


@every_option
def test_equals_the_oracle(name, problem, options):
    labels, logits = batch(problem)
    np.testing.assert_allclose(
        values(name, labels, logits, **options), oracle(name, labels, logits, **options), rtol=2e-5, atol=2e-6
    )


@every_option
def test_gradient_equals_the_oracles_differences(name, problem, options):
    """Central differences of the float64 oracle along one random direction and at two single logits."""
    labels, logits = batch(problem, seed=1)
    rng = np.random.default_rng(2)
    _, gradient = value_and_gradient(name, labels, logits, **options)
    directions = [rng.normal(size=logits.shape)]
    for n in (0, 1):
        one = np.zeros(logits.shape)
        one[n, 3, 4, -1] = 1.0
        directions.append(one)
    h = 1e-6
    for direction in directions:
        above, below = (sum(oracle(name, labels, logits + s * h * direction, **options)) for s in (1, -1))
        expected = (above - below) / (2 * h)
        assert np.sum(gradient * direction) == pytest.approx(expected, rel=2e-3, abs=2e-5)


@every_option
def test_stays_within_its_bounds(name, problem, options):
    low, high = LOSSES[name].bounds
    for seed, scale in ((0, 1.0), (1, 10.0)):
        labels, logits = batch(problem, seed=seed)
        found = values(name, labels, scale * logits, **options)
        assert found.min() >= low - 1e-6
        assert found.max() <= high + 1e-6


@every_loss
def test_the_truth_is_the_minimum(name, problem, options):
    labels, logits = batch(problem)
    labels, logits = labels[:2], logits[:2]
    truth = confident(labels, CHANNELS[problem])
    best = values(name, labels, truth, **options)
    for other in (logits, -truth * 0.2, 0.5 * truth + logits):
        assert np.all(best <= values(name, labels, other, **options) + 1e-5)


@every_option
def test_void_pixels_move_nothing(name, problem, options):
    """Anything may stand under a void pixel, NaN and infinity too: value and gradient stay what they were."""
    labels, logits = batch(problem)
    scrambled = logits.copy()
    void = labels == VOID
    scrambled[void] = np.resize([np.nan, np.inf, -np.inf, 1e4, -3.0], scrambled[void].shape)
    value, gradient = value_and_gradient(name, labels, logits, **options)
    again, gradient_again = value_and_gradient(name, labels, scrambled, **options)
    assert value == again
    np.testing.assert_array_equal(gradient, gradient_again)
    assert not gradient[void].any()


@every_loss
def test_void_is_like_a_smaller_image(name, problem, options):
    """Void pixels are out of the normalizer: an image with a void border has the loss of the image inside it."""
    labels, logits = batch(problem, seed=3)
    labels, logits = labels[:1], logits[:1]
    framed = np.pad(labels, ((0, 0), (2, 1), (0, 3)), constant_values=VOID)
    around = np.pad(logits, ((0, 0), (2, 1), (0, 3), (0, 0)), constant_values=1.0)
    inside = values(name, labels, logits, **options)
    np.testing.assert_allclose(values(name, framed, around, **options), inside, rtol=1e-5, atol=1e-6)


@every_loss
def test_an_image_without_a_valid_pixel_is_zero(name, problem, options):
    labels, logits = batch(problem)
    labels = np.full_like(labels, VOID)
    value, gradient = value_and_gradient(name, labels, logits, **options)
    assert value == 0.0
    assert not gradient.any()


@every_loss
def test_empty_truth_is_finite_and_falls_as_the_prediction_empties(name, problem, options):
    _, logits = batch(problem)
    labels = np.zeros(logits.shape[:3], "uint8")
    value, gradient = value_and_gradient(name, labels, logits, **options)
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()
    empty = values(name, labels, confident(labels, CHANNELS[problem]), **options)
    full = values(name, labels, -confident(labels, CHANNELS[problem]), **options)
    assert np.all(empty <= full + 1e-6)


@every_loss
def test_images_do_not_see_each_other(name, problem, options):
    labels, logits = batch(problem)
    together = values(name, labels, logits, **options)
    apart = [values(name, labels[n : n + 1], logits[n : n + 1], **options)[0] for n in range(len(labels))]
    np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-7)


@every_loss
def test_extreme_logits_stay_finite(name, problem, options):
    labels, logits = batch(problem)
    size = 1e4
    truth = confident(labels, CHANNELS[problem], 1.0)
    for extreme in (size * np.sign(logits), np.full_like(logits, size), size * truth, -size * truth):
        value, gradient = value_and_gradient(name, labels, extreme, **options)
        assert math.isfinite(value)
        assert np.isfinite(gradient).all()


@every_loss
@pytest.mark.parametrize("broken", ["nan logit", "infinite logit", "unknown label"])
def test_what_is_broken_surfaces(name, problem, options, broken):
    """A non-finite score or a label that is no class makes the loss NaN, which stops training: no averaging away."""
    labels, logits = (part.copy() for part in batch(problem))
    if broken == "unknown label":
        labels[0, 0, 0] = CHANNELS[problem] + 2
    else:
        logits[0, 0, 0, -1] = np.nan if broken == "nan logit" else np.inf
    found = values(name, labels, logits, **options)
    assert math.isnan(found[0])
    assert np.isfinite(found[1:]).all()


@every_loss
def test_labels_of_any_dtype_and_rank_are_the_same(name, problem, options):
    labels, logits = batch(problem)
    expected = values(name, labels, logits, **options)
    for other in (labels[..., None], labels.astype("int32"), labels.astype("float32"), labels.astype("int64")):
        np.testing.assert_array_equal(values(name, other, logits, **options), expected)
    bfloat = ops.cast(labels, "bfloat16")
    np.testing.assert_array_equal(values(name, bfloat, logits, **options), expected)


@every_loss
def test_half_precision_predictions_of_512_squared_do_not_overflow(name, problem, options):
    """Nor do gradients, scaled up as in mixed precision; with the defaults of every loss, rmi's pooling too."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    half = tf.Variable(rng.normal(size=(1, 512, 512, CHANNELS[problem])).astype("float16"))
    labels = np.zeros((1, 512, 512), "uint8")
    labels[:, np.arange(512) % 64 < 40] = 1
    with tf.GradientTape() as tape:
        loss = of_logits(name)(labels, half)
        scaled = 128.0 * loss
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert math.isfinite(float(loss))
    gradient = tape.gradient(scaled, half).numpy()
    assert gradient.dtype == np.float16 and np.isfinite(gradient).all() and gradient.any()


@pytest.mark.parametrize("options", [{}, {"pooling": "batch"}], ids=case_id)
@pytest.mark.parametrize("name", ["ce", "focal"])
def test_class_weights_of_several_classes_equal_the_oracles(name, options):
    labels, logits = batch("multi-class")
    options = {**options, "class_weights": (0.5, 1.0, 0.0, 4.0)}
    np.testing.assert_allclose(
        values(name, labels, logits, **options), oracle(name, labels, logits, **options), rtol=2e-5, atol=2e-6
    )


@pytest.mark.parametrize("margin", [3.0, 14.0])
def test_loss_max_pooling_equals_the_oracle_where_losses_are_small(margin):
    labels, logits = batch("binary")
    logits = confident(labels, 1, margin) + 0.3 * logits
    np.testing.assert_allclose(
        values("loss_max_pooling", labels, logits), oracle("loss_max_pooling", labels, logits), rtol=1e-4
    )


@every_loss
def test_probabilities_give_what_their_logits_give(name, problem, options):
    labels, logits = batch(problem)
    p = ops.sigmoid(logits) if problem == "binary" else ops.softmax(logits, axis=-1)
    np.testing.assert_allclose(
        values(name, labels, ops.convert_to_numpy(p), from_logits=False, **options),
        values(name, labels, logits, **options),
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


@every_loss
def test_serializes(name, problem, options):
    labels, logits = batch(problem)
    loss = of_logits(name, reduction="sum", void=VOID, **options)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert float(again(labels, logits)) == float(loss(labels, logits))


@every_loss
def test_weights_of_images_scale_and_weights_of_pixels_weigh(name, problem, options):
    """(N,) scales each image; a pixel weight of 1 everywhere is no weight, and 0 everywhere leaves no gradient."""
    labels, logits = batch(problem)
    each = values(name, labels, logits, **options)
    weights = np.array([1.0, 2.0, 0.0, 1.0], "float32")
    weighted = of_logits(name, **options)(labels, logits.astype("float32"), sample_weight=weights)
    assert float(weighted) == pytest.approx(float(np.mean(each * weights)), rel=1e-5)
    loss = of_logits(name, reduction="none", **options)
    try:
        ones = ops.convert_to_numpy(loss(labels, logits, sample_weight=np.ones(labels.shape)))
    except ValueError as refusal:
        assert "pixel weights" in str(refusal)
        return
    np.testing.assert_allclose(ones, each, rtol=1e-6)
