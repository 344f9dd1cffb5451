"""Cutting a network at its frozen front: the cut is where it should be, and the two parts make the whole."""

import keras
import numpy as np
import pytest
from keras import layers
from narrow import light, narrow
from tiny_encoder import tiny_network

from kseg.models import MODELS
from kseg.pipeline.frozen import split_frozen


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype("uint8")


def randomize(model, seed=0):
    """Every weight is drawn, batch statistics too, so that nothing is an identity by accident."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 0.5, w.shape).astype("float32") for w in model.weights])
    return model


def names(tensors):
    return [t._keras_history.operation.name for t in tensors]


def cut_of(model):
    return names(split_frozen(model).extractor.outputs)


def test_the_cut_is_where_training_begins():
    split = split_frozen(tiny_network())
    assert names(split.extractor.outputs) == ["block2_add", "block3_project"]
    assert split.extractor.trainable_weights == []
    assert [tuple(t.shape) for t in split.head.inputs] == [(None, 8, 8, 4), (None, 4, 4, 6)]


def test_head_after_extractor_equals_the_model(images):
    model = randomize(tiny_network())
    extractor, head = split_frozen(model)
    whole = model.predict_on_batch(images)
    assert np.ptp(whole) > 0
    np.testing.assert_allclose(head.predict_on_batch(extractor.predict_on_batch(images)), whole, rtol=1e-5)


def test_in_half_precision_the_cut_has_the_precision_of_the_layers(images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = randomize(tiny_network())
    finally:
        keras.config.set_dtype_policy("float32")
    extractor, head = split_frozen(model)
    assert {t.dtype for t in head.inputs} == {"bfloat16"}
    whole = model.predict_on_batch(images)
    np.testing.assert_allclose(head.predict_on_batch(extractor.predict_on_batch(images)), whole, rtol=2e-2)


def test_training_the_head_trains_the_model(images):
    """One step on features and one on images lead to the same weights, frozen statistics untouched."""
    models = [randomize(tiny_network()) for _ in range(2)]
    labels = (images[..., :1] > 127).astype("float32")
    split = split_frozen(models[1])
    for network, inputs in (models[0], images), (split.head, split.extractor.predict_on_batch(images)):
        network.compile(keras.optimizers.Adam(1e-2), keras.losses.BinaryCrossentropy(from_logits=True))
        for _ in range(2):
            network.train_on_batch(inputs, labels)
    before = randomize(tiny_network()).get_weights()
    moved = 0
    for weight, other, old in zip(models[0].weights, models[1].weights, before, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-4, atol=1e-5, err_msg=weight.path)
        moved += not np.array_equal(other, old)
    assert moved == 4 * 2 + 2 - 2 + 2  # 3 convolutions and the score with bias, batch norm: 2 weights, 2 statistics
    assert len(split.head.trainable_weights) == len(models[1].trainable_weights) == 10 - 2


def test_the_model_can_still_be_saved_summarized_and_split_again(images, tmp_path):
    model = randomize(tiny_network())
    first = split_frozen(model)
    second = split_frozen(model)
    assert names(first.extractor.outputs) == names(second.extractor.outputs)
    model.summary(print_fn=lambda line: None)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(images), model.predict_on_batch(images))


def test_what_is_trainable_draws_or_learns_statistics_ends_the_front():
    def network(*ending):
        image = keras.Input((8, 8, 3))
        x = layers.Conv2D(2, 1, trainable=False, name="frozen")(image)
        for layer in ending:
            x = layer(x)
        return keras.Model(image, layers.Conv2D(1, 1, name="score")(x))

    free_statistics = layers.BatchNormalization(center=False, scale=False, name="bn")  # no trainable weight, yet state
    frozen_dropout = layers.Dropout(0.5, trainable=False, name="dropout")  # frozen, yet random
    inner = keras.Sequential([layers.Conv2D(2, 1), layers.GaussianNoise(1.0)], name="inner")
    inner.trainable = False
    for ending in free_statistics, frozen_dropout, inner, layers.Lambda(lambda x: x), layers.Conv2D(2, 1, name="c"):
        assert cut_of(network(ending)) == ["frozen"], ending
    regularized = layers.Conv2D(2, 1, trainable=False, activity_regularizer="l2")
    assert cut_of(network(regularized)) == ["frozen"]
    frozen_statistics = layers.BatchNormalization(trainable=False, name="bn")
    no_dropout = layers.Dropout(0.0, name="none")
    assert cut_of(network(frozen_statistics)) == ["bn"]
    assert cut_of(network(frozen_statistics, no_dropout)) == ["none"]
    nested = keras.Sequential([layers.Conv2D(2, 1), layers.BatchNormalization()], name="nested")
    nested.trainable = False
    assert cut_of(network(nested)) == ["nested"]


def test_layers_that_only_enlarge_the_result_go_to_the_head(images):
    model = randomize(tiny_network(pad=True))
    extractor, head = split_frozen(model)
    assert names(extractor.outputs) == ["block2_add", "block3_project"]  # not "pad"
    np.testing.assert_allclose(
        head.predict_on_batch(extractor.predict_on_batch(images)), model.predict_on_batch(images), rtol=1e-5
    )


def test_pooling_at_the_end_stays_in_the_front():
    image = keras.Input((8, 8, 3))
    x = layers.MaxPooling2D(name="pool")(layers.Conv2D(2, 1, trainable=False)(image))
    assert cut_of(keras.Model(image, layers.Conv2D(1, 1)(x))) == ["pool"]


def test_a_layer_called_on_both_sides_of_the_cut(images):
    image = keras.Input((16, 16, 3))
    shared = layers.Conv2D(3, 3, padding="same", trainable=False, name="shared")
    x = layers.Conv2D(3, 1, name="between")(shared(image))
    model = randomize(keras.Model(image, layers.Conv2D(1, 1)(shared(x) + x)))
    extractor, head = split_frozen(model)
    assert names(extractor.outputs) == ["shared"]
    np.testing.assert_allclose(
        head.predict_on_batch(extractor.predict_on_batch(images)), model.predict_on_batch(images), rtol=1e-5
    )


def test_several_outputs(images):
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(3, 1, trainable=False)(image)
    outputs = {"a": layers.Conv2D(1, 1)(x), "b": layers.Conv2D(2, 1)(x)}
    model = randomize(keras.Model(image, outputs))
    extractor, head = split_frozen(model)
    expected, got = model.predict_on_batch(images), head.predict_on_batch(extractor.predict_on_batch(images))
    assert got.keys() == expected.keys()
    for name in outputs:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-5)


def no_weights_in_front():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, layers.Conv2D(1, 1)(layers.Rescaling(1 / 255)(image)))


def head_needs_the_image():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 1, trainable=False)(image)
    return keras.Model(image, layers.Add()([layers.Conv2D(1, 1)(x), layers.Conv2D(1, 1)(image)]))


def nothing_left_to_train():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, layers.Conv2D(3, 1, trainable=False)(image))


class Subclassed(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    "build", [lambda: tiny_network(frozen=False), no_weights_in_front, head_needs_the_image, nothing_left_to_train]
    + [Subclassed],
)  # fmt: skip
def test_nothing_worth_computing_once(build):
    assert split_frozen(build()) is None


def networks_with_an_encoder():
    """(name, options) of every one, frozen at least in part: those that train their encoder are told not to."""
    for name, entry in MODELS.items():
        if entry.encoder:
            trains = entry.options["trainable_from"] in ("all", "auto")
            yield name, {"trainable_from": "none"} if trains else {}
    yield "fcn8s", {"encoder": "mobilenetv2"}  # frozen by default


@pytest.mark.parametrize(("name", "options"), networks_with_an_encoder())
def test_every_network_with_an_encoder(name, options):
    """As training builds it: static input, logits, encoder frozen; a tiny one where the network takes any."""
    made = narrow if "encoder" in options else light
    model = made(name, input_shape=(64, 64, 3), activation=None, **options)
    extractor, head = split_frozen(model)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("uint8")
    features = extractor.predict_on_batch(images)
    np.testing.assert_allclose(head.predict_on_batch(features), model.predict_on_batch(images), rtol=1e-4, atol=1e-5)
    assert {v.path for v in head.trainable_variables} == {v.path for v in model.trainable_variables}
