"""What holds of every architecture. To register one is to test it.

What holds of scores of pixels alone is asked of the networks of the task "semantic"; those of another task have it in
tests of their own, and in those of their loss. An architecture with a new width option adds its test value to
`narrow.NARROW`.
"""

import dataclasses
import pickle

import keras
import numpy as np
import pytest
from keras import ops
from narrow import FITTING, light, narrow_options

from kseg.conventions import DEFAULT_TASK
from kseg.datasets import DATASETS
from kseg.encoders import encoder_layers
from kseg.models import MODELS, build, model_names, transfer_weights
from kseg.pipeline import Augmentation
from kseg.training.config import LossOptions, TrainingOptions

ODD = (43, 37)


@pytest.fixture(scope="module", params=model_names())
def name(request):
    keras.utils.set_random_seed(0)
    yield request.param
    keras.utils.clear_session(free_memory=False)


@pytest.fixture(scope="module")
def dynamic(name):
    """Any size, two classes, probabilities: what a user loads."""
    return light(name)


@pytest.fixture(scope="module")
def static(name):
    """One odd size, two classes, logits: what training builds, but without dropout, which on so few features would
    drown what three steps gain."""
    steady = {"dropout": 0.0} if "dropout" in MODELS[name].options else {}
    return light(name, input_shape=(*ODD, 3), activation=None, **steady)


def images(height, width, count=1, dtype="float32"):
    return np.random.default_rng(height).integers(0, 256, (count, height, width, 3)).astype(dtype)


def call(model, x):
    """The array that a network gives, or those by name."""
    given = model(ops.convert_to_tensor(x), training=False)
    return keras.tree.map_structure(np.asarray, given)


def assert_same(found, expected, **tolerance):
    keras.tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), found, expected)


@pytest.fixture
def scores_pixels(name):
    if MODELS[name].task != DEFAULT_TASK:
        pytest.skip(f"{name} gives no scores of pixels")


def test_narrow_options_cover_every_width(name):
    assert {option for option in MODELS[name].options if "width" in option} == set(narrow_options(name))


@pytest.mark.parametrize("size", [ODD, (64, 32), (1, 1)], ids=str)
def test_output_has_the_size_of_the_input(scores_pixels, dynamic, size):
    x = images(*size)
    y = call(dynamic, x)
    assert y.shape == (1, *size, 1)
    assert y.dtype == "float32"
    assert y.min() >= 0 and y.max() <= 1 and np.isfinite(y).all()


def test_output_shape_is_known_beforehand(scores_pixels, dynamic, static):
    assert dynamic.output_shape == (None, None, None, 1)
    assert static.output_shape == (None, *ODD, 1)


def test_fixed_sizes_do_not_look_at_the_image_again(static):
    """The crop at the end has fixed numbers: the head of a frozen encoder can be cut off and fed with features."""
    assert not any(type(layer).__name__ == "CropLike" for layer in static.layers)
    (image,) = static.inputs
    readers = [operation.name for operation in static.operations if any(t is image for t in _inputs(operation))]
    assert readers == ["preprocess"]


def _inputs(operation):
    return [tensor for node in operation._inbound_nodes for tensor in node.input_tensors]


def test_sizes_that_fit_are_neither_padded_nor_cropped(name):
    names = {layer.name for layer in light(name, input_shape=(*FITTING.get(name, (32, 64)), 3)).layers}
    assert not names & {"pad", "crop"}


def test_transferred_weights_give_the_same_numbers(scores_pixels, static, dynamic):
    """From the fixed size of training to any size, from logits to probabilities: sigmoid(logits) = probabilities."""
    transfer_weights(static, dynamic)
    logits, probabilities = (call(model, images(*ODD)) for model in (static, dynamic))
    assert logits.std() > 0
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits.astype("float64"))), atol=1e-5)


def test_bytes_and_floats_are_the_same_image(dynamic):
    assert_same(call(dynamic, images(16, 24, dtype="uint8")), call(dynamic, images(16, 24)), rtol=1e-5, atol=1e-6)


def test_saved_and_loaded_in_safe_mode(dynamic, tmp_path):
    path = tmp_path / "model.keras"
    dynamic.save(path)
    again = keras.models.load_model(path, safe_mode=True)
    assert_same(call(again, images(*ODD)), call(dynamic, images(*ODD)), rtol=0)
    trained, before = (
        [layer.name for layer in m.layers if layer.trainable and layer.weights] for m in (again, dynamic)
    )
    assert trained == before
    path.unlink()  # some have a hundred megabytes


def test_flat_with_unique_names(name, dynamic):
    names = [layer.name for layer in dynamic.layers]
    assert len(set(names)) == len(names)
    assert not any(isinstance(layer, keras.Model) for layer in dynamic.layers)
    assert dynamic.name == name


def test_layer_names_do_not_depend_on_the_size(static, dynamic):
    """By them weights move; a second build in the same process must not count on from the first."""
    weighted = [[layer.name for layer in model.layers if layer.weights] for model in (static, dynamic)]
    assert weighted[0] == weighted[1]


def test_steps_lower_the_loss(scores_pixels, name, static):
    """Foreground everywhere but in a corner, with the paper's optimizer; only what is trainable moves."""
    x = images(*ODD, count=2)
    y = np.ones((2, *ODD, 1), "float32")
    y[:, :10, :10] = 0
    frozen = [(w.path, np.array(w)) for layer in static.layers if not layer.trainable for w in layer.weights]
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    # RMSprop moves every weight by its rate, so where a whole encoder is trained the outputs move further.
    rate = 1e-5 if MODELS[name].options.get("trainable_from") in ("all", "auto") else 1e-4
    static.compile(keras.optimizers.RMSprop(rate), loss, run_eagerly=True)
    losses = [float(static.train_on_batch(x, y)) for _ in range(3)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    after = {w.path: w for w in static.weights}
    for path, before in frozen:
        np.testing.assert_array_equal(after[path], before, err_msg=path)


def test_many_classes_in_half_precision(scores_pixels, name):
    """Softmax over five classes; the output is float32, so that its rows sum to 1 and losses see no rounding."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = light(name, num_classes=5, input_shape=(33, 20, 3))
        y = call(model, images(33, 20))
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.config.dtype_policy() == before
    assert y.shape == (1, 33, 20, 5)
    assert y.dtype == "float32"
    np.testing.assert_allclose(y.sum(-1), 1, atol=1e-6)
    assert {w.dtype for w in model.trainable_weights} == {"float32"}
    assert any(layer.compute_dtype == "bfloat16" for layer in model.layers)


def test_options_have_defaults(name):
    """`build(name)` alone is the network of its paper, and every option is one that the builder's text explains."""
    text = MODELS[name].function.__doc__
    for option in MODELS[name].options:
        assert f"{option}:" in text
    assert "Source:" in text


def test_registry_and_build_agree(name, static):
    assert name in model_names()
    assert (MODELS[name].encoder is None) == (not encoder_layers(static))
    assert build.__doc__


def test_options_are_fields_of_a_dataclass_that_pickles(name):
    """What `build` takes is what flags, files and other processes give; unset means the signature's default."""
    kind = MODELS[name].Options
    assert tuple(kind.own_names) == tuple(MODELS[name].options)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    assert all(fields[option].default is None and fields[option].metadata["help"] for option in kind.own_names)
    options = kind(**narrow_options(name), image_size=(32, 64))
    assert pickle.loads(pickle.dumps(options)) == options
    assert (options.model, options.given) == (name, narrow_options(name))
    groups = (LossOptions, Augmentation, TrainingOptions)
    settable = {field.name for group in groups for field in dataclasses.fields(group)}
    settable |= {field.name for dataset in DATASETS.values() for field in dataclasses.fields(dataset.Options)}
    assert {*MODELS[name].preset} <= settable
