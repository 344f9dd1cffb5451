"""What cannot mean anything is never a good score: every registered loss on broken networks, labels and weights."""

import warnings

import keras
import numpy as np
import pytest
from keras import ops

from kseg.errors import UsageError
from kseg.losses import LOSSES, get
from losses.cases import CHANNELS, VOID, batch, case_id, every_case, of_logits

every_loss = pytest.mark.parametrize(("name", "problem", "options"), every_case(), ids=case_id)


def probabilities(problem, seed=0, images=4):
    labels, logits = batch(problem, seed=seed, images=images)
    p = ops.sigmoid(logits) if problem == "binary" else ops.softmax(logits, axis=-1)
    return labels, ops.convert_to_numpy(p).astype("float32")


@every_loss
def test_a_network_of_nan_has_no_loss(name, problem, options):
    labels, p = probabilities(problem, images=3)
    for from_logits, truth in ((True, labels), (False, np.zeros_like(labels))):
        loss = get(name, from_logits=from_logits, **options)
        assert np.isnan(float(loss(truth, np.full_like(p, np.nan))))


@every_loss
def test_labels_that_are_all_outside_of_the_classes_have_no_loss(name, problem, options):
    """2³² + 1 among them, which 32 bits would make 1 of; void pixels beside them change nothing."""
    labels, p = probabilities(problem, images=3)
    loss = get(name, **options)
    for outside in (CHANNELS[problem] + 2, 2**32 + 1):
        truth = np.where(labels == VOID, VOID, np.int64(outside))
        assert np.isnan(float(loss(truth, p))), outside


@every_loss
@pytest.mark.parametrize("weight", [-1.0, np.nan])
def test_weights_that_mean_nothing_have_no_loss(name, problem, options, weight):
    labels, p = probabilities(problem, images=3)
    loss = get(name, **options)
    assert np.isnan(float(loss(labels, p, np.array([1.0, weight, 1.0], "float32"))))
    weights = np.ones(labels.shape, "float32")
    weights[labels == VOID] = weight  # anything may stand under void
    try:
        assert np.isfinite(float(loss(labels, p, weights)))
    except UsageError as refusal:
        assert "pixel weights" in str(refusal)
        return
    weights[0, 2, 2] = weight
    assert np.isnan(float(loss(labels, p, weights)))


@every_loss
def test_logits_given_as_probabilities_are_noticed(name, problem, options):
    """A sentence where values can be read, NaN inside a compiled function; rounding is no matter."""
    import tensorflow as tf

    labels, p = probabilities(problem, images=3)
    loss = get(name, **options)
    with pytest.raises(UsageError, match=r"values outside of \[0, 1\], from -.*pass from_logits=True"):
        loss(labels, batch(problem, images=3)[1].astype("float32"))
    rounded = np.where(labels[..., None] == VOID, 7.0, np.where(p > 0.9, 1.0005, np.where(p < 0.1, -0.0005, p)))
    exact = np.where(p > 0.9, 1.0, np.where(p < 0.1, 0.0, p))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(loss(labels, rounded.astype("float32"))) == float(loss(labels, exact.astype("float32")))
    if name in ("iou", "ce", "lovasz"):  # the door is the same for all
        compiled = tf.function(loss, autograph=False)
        assert np.isnan(float(compiled(tf.constant(labels), tf.constant(3.0 * p))))


@every_loss
def test_a_batch_without_images_or_pixels_is_worth_nothing(name, problem, options):
    import tensorflow as tf

    channels = CHANNELS[problem]
    for shape in ((0, 8, 8), (2, 0, 8)):
        p = tf.Variable(np.zeros((*shape, channels), "float32"))
        with tf.GradientTape() as tape:
            value = get(name, **options)(np.zeros(shape, "uint8"), p)
        assert float(value) == 0.0
        assert tape.gradient(value, p).shape == p.shape
    kept = get(name, reduction="none", **options)(
        np.zeros((0, 8, 8), "uint8"), np.zeros((0, 8, 8, channels), "float32")
    )
    assert tuple(kept.shape) == ((1,) if options.get("pooling") == "batch" else (0,))


@every_loss
def test_gradients_of_half_precision_probabilities_are_finite(name, problem, options):
    """One pixel carries the whole loss, certain and wrong: 1/p is infinite in float16 for p below 1.5e-5."""
    import tensorflow as tf

    channels, side = CHANNELS[problem], 12 if name == "rmi" else 3
    labels = np.full((1, side, side), VOID, "uint8")
    labels[0, 1:3, 1] = 1, 0
    for tiny in (0.0, 6e-8, 1.2e-7, 1e-5):
        wrong = np.full((1, side, side, channels), tiny, "float16")
        wrong[0, 2, 1, -1] = 1.0 - tiny
        p = tf.Variable(wrong)
        with tf.GradientTape() as tape:
            value = get(name, **options)(labels, p)
        assert np.isfinite(float(value))
        assert np.isfinite(tape.gradient(value, p).numpy()).all(), tiny


def test_half_precision_probabilities_have_the_loss_of_single_ones():
    labels, p = probabilities("binary")
    half = p.astype("float16")
    assert float(get("ce")(labels, half)) == pytest.approx(float(get("ce")(labels, half.astype("float32"))), rel=1e-6)


def test_what_build_gives_fits_the_defaults_of_losses_and_metrics():
    """The truth, given as a prediction, is perfect; and a model of `build` trains with `get(name)` as it stands."""
    from kseg.metrics import IoU
    from kseg.models import build

    y = np.zeros((2, 8, 8, 1), "float32")
    y[:, 2:6, 3:7] = 1.0
    assert float(get("iou")(y, y)) == 0.0
    metric = IoU(2)
    metric.update_state(y, y)
    assert float(metric.result()) == 1.0
    model = build("unet", input_shape=(8, 8, 3), base_width=2)
    model.compile(keras.optimizers.SGD(0.0), get("iou"), metrics=[IoU(2)], jit_compile=False)
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    found = model.evaluate(images, y, batch_size=2, verbose=0, return_dict=True)
    p = model.predict(images, verbose=0)
    i, u = (np.sum(p * y, axis=(1, 2, 3)), np.sum(p + y - p * y, axis=(1, 2, 3)))
    assert found["loss"] == pytest.approx(np.mean(1 - i / u), rel=1e-5)
    hits = np.sum((p >= 0.5) & (y > 0))
    assert found["iou"] == pytest.approx(hits / np.sum((p >= 0.5) | (y > 0)), rel=1e-5)


def test_masks_of_0_and_255_draw_one_warning():
    labels, p = np.zeros((1, 4, 4), "uint8"), np.full((1, 4, 4, 1), 0.5, "float32")
    loss = get("ce")
    labels[0, 1] = 255
    with pytest.warns(UserWarning, match="0 and 255 alone, and 255 is void.*divide them by 255") as seen:
        loss(labels, p)
        loss(labels, p)
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels[0, 2] = 1  # there are objects, so 255 is void and nothing else
        get("ce")(labels, p)
        get("ce")(np.zeros((1, 4, 4), "uint8"), p)  # and an empty truth is an empty truth
        get("ce")(np.where(labels == 1, 0, labels), np.full((1, 4, 4, 4), 0.25, "float32"))  # of four classes


@pytest.mark.parametrize("name", ["ce", "bce"])
def test_cross_entropy_as_the_sum_over_pixels_and_images(name):
    # van Beers eq. 1: −Σ_x, over the valid pixels; "sum" adds the images of a batch
    y, p = np.array([[[1, 0, 255]], [[0, 255, 255]]]), np.array([[[0.8, 0.4, 0.9]], [[0.3, 0.1, 0.1]]], "float32")
    images = [-np.log(0.8) - np.log(0.6), -np.log(0.7)]
    given = y, p[..., None]
    assert float(get(f"{name}(normalize='sum')", reduction="sum")(*given)) == pytest.approx(sum(images))
    assert float(get(f"{name}(normalize='sum')")(*given)) == pytest.approx(sum(images) / 2)
    assert float(get(name, reduction="sum")(*given)) == pytest.approx(images[0] / 2 + images[1])
    with pytest.raises(UsageError, match="normalize='sum' and pooling='batch'; .*reduction='sum'"):
        get(f"{name}(normalize='sum', pooling='batch')")


def test_losses_that_were_saved_keep_their_meaning():
    """Whatever the default is, a saved loss says what it was made for."""
    labels, logits = batch("binary")
    for loss in (of_logits("iou"), of_logits("ce + 0.5*dice")):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
        assert float(again(labels, logits)) == float(loss(labels, logits))


def test_every_loss_is_walked():
    assert {name for name, _, _ in every_case()} == set(LOSSES)
