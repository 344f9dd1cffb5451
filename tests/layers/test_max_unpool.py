"""Pool indices: against plain loops, with ties, odd sizes, sizes known at run time only; gradients; both exports."""

import doctest
import importlib
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from kseg.layers import CropLike, MaxPoolWithIndices, MaxUnpool

tf = pytest.importorskip("tensorflow")  # the gradients are taken with its tape
sys.path.append(str(Path(__file__).parents[1] / "export"))


def pooled_by_loops(x):
    count, height, width, channels = x.shape
    shape = (count, (height + 1) // 2, (width + 1) // 2, channels)
    maxima, places = np.empty(shape, x.dtype), np.empty(shape, int)
    for n, i, j, c in np.ndindex(shape):
        found = [
            (x[n, 2 * i + a, 2 * j + b, c], -(2 * a + b))
            for a in (0, 1)
            for b in (0, 1)
            if 2 * i + a < height and 2 * j + b < width
        ]
        value, place = max(found)  # of equals the one with the smaller place
        maxima[n, i, j, c], places[n, i, j, c] = value, -place
    return maxima, places


def unpooled_by_loops(x, places):
    count, height, width, channels = x.shape
    y = np.zeros((count, 2 * height, 2 * width, channels), x.dtype)
    for n, i, j, c in np.ndindex(x.shape):
        y[n, 2 * i + places[n, i, j, c] // 2, 2 * j + places[n, i, j, c] % 2, c] = x[n, i, j, c]
    return y


def numbers(*shape, levels=None):
    """Normal, or of a few levels, so that most windows hold their maximum more than once."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) if levels is None else rng.integers(-levels, 0, shape)
    return x.astype("float32")


@pytest.mark.parametrize("levels", [None, 2], ids=["no ties", "ties"])
@pytest.mark.parametrize("size", [(4, 6), (5, 7), (4, 5), (1, 1), (2, 1)], ids=str)
def test_against_loops(size, levels):
    x = numbers(2, *size, 3, levels=levels)
    maxima, places = MaxPoolWithIndices()(ops.convert_to_tensor(x))
    expected, where = pooled_by_loops(x)
    np.testing.assert_array_equal(maxima, expected)
    np.testing.assert_array_equal(places, where)
    np.testing.assert_array_equal(MaxUnpool()([maxima, places]), unpooled_by_loops(expected, where))


def test_maxima_are_those_of_max_pooling():
    x = ops.convert_to_tensor(numbers(1, 7, 6, 2))
    np.testing.assert_array_equal(MaxPoolWithIndices()(x)[0], layers.MaxPooling2D(padding="same")(x))


@pytest.mark.parametrize("size", [(6, 4), (5, 7)], ids=str)
def test_every_value_is_back_in_its_place_and_there_is_one_a_window(size):
    x = ops.convert_to_tensor(np.abs(numbers(1, *size, 2)) + 1)
    maxima, places = MaxPoolWithIndices()(x)
    back = np.asarray(CropLike()([MaxUnpool()([maxima, places]), x]))
    assert back.shape == x.shape
    np.testing.assert_array_equal(back[back > 0], np.asarray(x)[back > 0])
    again, same = MaxPoolWithIndices()(ops.convert_to_tensor(back))
    np.testing.assert_array_equal(again, maxima)
    np.testing.assert_array_equal(same, places)
    assert (back > 0).sum() == np.asarray(maxima).size


def test_gradients_go_where_the_values_came_from():
    """Of equals the first alone moves the maximum, so the gradient of Σ w·max is w, unpooled."""
    x = tf.Variable(numbers(2, 5, 4, 3, levels=2))
    weight = numbers(2, 3, 2, 3)
    with tf.GradientTape() as tape:
        maxima, places = MaxPoolWithIndices()(x)
        total = ops.sum(maxima * weight)
    expected = unpooled_by_loops(weight, np.asarray(places))[:, :5]
    np.testing.assert_array_equal(tape.gradient(total, x), expected)


def test_the_gradient_of_unpooling_is_what_lies_at_the_places():
    x, places = tf.Variable(numbers(1, 3, 2, 2)), np.random.default_rng(1).integers(0, 4, (1, 3, 2, 2))
    weight = numbers(1, 6, 4, 2)
    with tf.GradientTape() as tape:
        total = ops.sum(MaxUnpool()([x, ops.convert_to_tensor(places, "int32")]) * weight)
    found = np.asarray(tape.gradient(total, x))
    for n, i, j, c in np.ndindex(found.shape):
        a, b = divmod(int(places[n, i, j, c]), 2)
        assert found[n, i, j, c] == weight[n, 2 * i + a, 2 * j + b, c]


def round_trip(size):
    """Pooling twice and unpooling twice, cropped to the sizes on the way, with a convolution in between."""
    image = keras.Input((*size, 3), name="image")
    x, sizes, all_places = layers.Conv2D(4, 1)(image), [], []
    for _ in range(2):
        sizes.append(x)
        x, places = MaxPoolWithIndices()(x)
        all_places.append(places)
    x = layers.Conv2D(4, 1)(x)
    for like, places in zip(sizes[::-1], all_places[::-1], strict=True):
        x = CropLike()([MaxUnpool()([x, places]), like])
    return keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))


def test_sizes_known_at_run_time_only_in_a_graph_and_in_fit():
    model = round_trip((None, None))
    assert model.output_shape == (None, None, None, 1)
    model.compile("sgd", "binary_crossentropy")
    for size in ((6, 9), (13, 10)):
        x = numbers(2, *size, 3)
        assert model.predict(x, verbose=0).shape == (2, *size, 1)
        assert np.isfinite(model.fit(x, np.ones((2, *size, 1)), verbose=0).history["loss"]).all()


@pytest.mark.parametrize("format", ["saved_model", "onnx", "litert"])
def test_exported_by_our_own_exporter(format, tmp_path):
    from exported_network import Card

    from kseg.export import FORMATS, export_model

    keras.utils.set_random_seed(0)
    name = {"saved_model": "net", "onnx": "net.onnx", "litert": "net.tflite"}[format]
    any_size = FORMATS[format].batches
    model = round_trip((None, None) if any_size else (33, 45))
    card = Card(image_size=None if any_size else (33, 45))
    report = export_model(model, card, tmp_path / name, format, any_size=True)
    assert report.max_difference < 1e-5
    assert "select ops" not in report.note


@pytest.mark.parametrize("module", ["max_unpool", "adaptive_pooling"])
def test_examples_of_the_docstrings(module):
    found = doctest.testmod(importlib.import_module(f"kseg.layers.{module}"))
    assert found.attempted > 1 and not found.failed
