"""Probabilities at each image's own size, whatever the network's."""

import keras
import numpy as np
import pytest
from keras import ops

from kseg.datasets.images import resize_image, resize_probabilities
from kseg.errors import Failure, UsageError
from kseg.inference import predict_probabilities
from kseg.inference.predict import network_size


def brightness(size=(None, None), channels=1):
    """A model whose probability is red / 255: its outputs show its inputs."""
    inputs = keras.Input((*size, 3))
    layer = keras.layers.Conv2D(channels, 1, use_bias=False)
    model = keras.Model(inputs, layer(inputs))
    kernel = np.zeros((1, 1, 3, channels), np.float32)
    kernel[0, 0, 0] = 1 / 255
    layer.set_weights([kernel])
    return model


def images(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def test_each_image_comes_back_at_its_own_size_and_in_order():
    given = images((20, 30), (33, 17), (20, 30), (8, 64), (41, 41))
    found = list(predict_probabilities(brightness(), given, (32, 48), batch_size=2))
    for image, probabilities in zip(given, found, strict=True):
        seen = resize_image(image, (32, 48))[..., :1] / np.float32(255)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, resize_probabilities(seen, image.shape[:2]), atol=1e-6)


def test_at_network_size_nothing_is_resized_back():
    (found,) = predict_probabilities(brightness(), images((20, 30)), (32, 48), original_size=False)
    assert found.shape == (32, 48, 1)


def test_without_a_size_images_keep_their_own_rounded_to_the_stride():
    seen = []
    model = brightness()
    call = model.call
    model.call = lambda inputs, *args, **kwargs: seen.append(tuple(inputs.shape)) or call(inputs, *args, **kwargs)
    (found,) = predict_probabilities(model, images((64, 96)), None)  # a multiple of 32: nothing is resampled at all
    np.testing.assert_allclose(found[..., 0], images((64, 96))[0][..., 0] / 255, atol=1e-6)
    shapes = [p.shape for p in predict_probabilities(model, images((70, 90), (10, 10)), None, original_size=False)]
    assert shapes == [(64, 96, 1), (32, 32, 1)]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.function is TensorFlow's")
def test_the_graph_is_traced_once_for_all_sizes():
    model = brightness()
    traces = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            traces.append(tuple(x.shape))
            return x

    model = keras.Model(model.inputs, Counting()(model.outputs[0]))
    traces.clear()
    list(predict_probabilities(model, images((64, 96), (32, 32), (32, 32), (90, 31)), None, batch_size=2))
    assert len(traces) == 1


def test_batches_are_full_and_images_are_read_one_batch_ahead_at_most():
    read = []

    def reading():
        for i, image in enumerate(images(*[(16, 16)] * 10)):
            read.append(i)
            yield image

    results = predict_probabilities(brightness(), reading(), (16, 16), batch_size=4)
    next(results)
    assert len(read) <= 5


def test_the_batch_size_does_not_change_the_result():
    given = images((20, 30), (33, 17), (25, 25))
    for one, other in zip(
        predict_probabilities(brightness(), given, (32, 32), batch_size=1),
        predict_probabilities(brightness(), given, (32, 32), batch_size=16),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_half_precision_models_give_float32():
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(2, 1, activation="softmax", dtype="mixed_bfloat16")(inputs)
    (found,) = predict_probabilities(keras.Model(inputs, outputs), images((8, 8)), (8, 8))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-2)


def test_a_model_of_one_size_takes_that_size():
    assert network_size(brightness((32, 48)), None) == (32, 48)
    (found,) = predict_probabilities(brightness((32, 48)), images((10, 12)), None)
    assert found.shape == (10, 12, 1)
    with pytest.raises(UsageError, match="32×48 pixels only, not 64×64"):
        list(predict_probabilities(brightness((32, 48)), images((10, 12)), (64, 64)))


def test_original_means_that_nothing_is_resized():
    given = images((20, 30), (33, 17), (33, 17))
    found = list(predict_probabilities(brightness(), given, "original"))
    for image, probabilities in zip(given, found, strict=True):
        np.testing.assert_allclose(probabilities[..., 0], image[..., 0] / 255, atol=1e-6)
    with pytest.raises(UsageError, match="32×48 pixels only, not of their original sizes"):
        list(predict_probabilities(brightness((32, 48)), given, "original"))


def test_logits_and_nan_are_refused():
    inputs = keras.Input((None, None, 3))
    logits = keras.Model(inputs, inputs[..., :1] - 300.0)
    with pytest.raises(UsageError, match="add a sigmoid"):
        list(predict_probabilities(logits, images((8, 8)), (8, 8)))
    nan = keras.Model(inputs, ops.log(inputs[..., :1] * 0.0 - 1.0))
    with pytest.raises(Failure, match="nan"):
        list(predict_probabilities(nan, images((8, 8)), (8, 8)))


@pytest.mark.parametrize("layer", [keras.layers.Conv2D(1, 5), keras.layers.MaxPooling2D(5)])
def test_an_image_too_small_for_the_model_is_one_sentence(layer):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer(inputs)[..., :1] * 0)
    assert next(predict_probabilities(model, images((9, 9)), "original")).shape == (9, 9, 1)
    with pytest.raises(UsageError, match="images of 3×9 pixels are too small for the model; feed larger ones"):
        list(predict_probabilities(model, images((3, 9)), "original"))


@pytest.mark.parametrize("image", [np.zeros((8, 8, 3)), np.zeros((8, 8), np.uint8), "photo.jpg"])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(UsageError, match="uint8 arrays"):
        list(predict_probabilities(brightness(), [image], (8, 8)))


def test_senseless_sizes_are_refused():
    with pytest.raises(UsageError, match="batch size"):
        list(predict_probabilities(brightness(), images((8, 8)), (8, 8), batch_size=0))
    with pytest.raises(UsageError, match="image size"):
        list(predict_probabilities(brightness(), images((8, 8)), (0, 8)))


@pytest.mark.parametrize("original_size", [True, False])
def test_refinement_sees_each_image_at_the_size_of_its_probabilities(original_size):
    given, seen = images((20, 30), (33, 17), (20, 30)), []

    def refine(image, probabilities):
        seen.append(image)
        assert image.shape[:2] == probabilities.shape[:2]
        return 1 - probabilities

    settings = {"batch_size": 2, "original_size": original_size}
    refined = list(predict_probabilities(brightness(), given, (32, 48), refine=refine, **settings))
    plain = list(predict_probabilities(brightness(), given, (32, 48), **settings))
    for image, shown, after, before in zip(given, seen, refined, plain, strict=True):
        np.testing.assert_array_equal(shown, image if original_size else resize_image(image, (32, 48)))
        np.testing.assert_array_equal(after, 1 - before)
