"""What holds of every encoder: features by stride at any size, frozen as asked, equal to keras.applications."""

import keras
import numpy as np
import pytest
from keras import ops

from kseg.encoders import ENCODERS, encoder_layers, needs_padding
from kseg.errors import UsageError

CHANNELS = {  # by stride
    "alexnet": {4: 96, 8: 96, 16: 256, 32: 256},
    "mobilenetv2": {2: 96, 4: 144, 8: 192, 16: 576, 32: 1280},
    "resnet50": {2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048},
    "resnet101": {2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048},
    "vgg16": {2: 64, 4: 128, 8: 256, 16: 512, 32: 512},
}
PAPER = {"vgg16": "block5", "resnet50": "conv5", "mobilenetv2": None, "alexnet": "conv5"}
MEAN_COLOUR = {  # what preprocessing maps to zero
    "alexnet": (255 * 0.485, 255 * 0.456, 255 * 0.406),
    "vgg16": (123.68, 116.779, 103.939),
    "resnet50": (123.68, 116.779, 103.939),
    "mobilenetv2": 127.5,
}
THEIR_PREPROCESSING = {
    "alexnet": keras.applications.densenet.preprocess_input,  # torch's
    "vgg16": keras.applications.vgg16.preprocess_input,
    "resnet50": keras.applications.resnet50.preprocess_input,
    "mobilenetv2": keras.applications.mobilenet_v2.preprocess_input,
}


def network(name, size, **options):
    image = keras.Input((*size, 3), name="image")
    features = ENCODERS[name](image, **options)
    return keras.Model(image, [features[stride] for stride in CHANNELS[name]], name=name)


@pytest.fixture(scope="module", params=[name for name in ENCODERS if name != "resnet101"])  # ResNet-50, at length
def built(request):
    """(name, network of any size, trained as in the paper); one build serves most tests."""
    keras.utils.set_random_seed(0)
    yield request.param, network(request.param, (None, None), trainable_from=PAPER.get(request.param))
    keras.backend.clear_session()


def images(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3)).astype("float32")


def call(model, *arguments):
    return [np.asarray(y) for y in model(*map(ops.convert_to_tensor, arguments), training=False)]


def test_strides_and_channels(built):
    name, model = built
    for (stride, channels), feature in zip(CHANNELS[name].items(), call(model, images(64, 64)), strict=True):
        assert feature.shape == (1, 64 // stride, 64 // stride, channels)
        assert np.isfinite(feature).all()


def test_odd_sizes_are_padded_below_and_to_the_right(built):
    """65×43 becomes 96×64, with zeros after preprocessing: as if the picture went on in the mean colour."""
    name, model = built
    picture = images(65, 43)
    larger = np.empty((1, 96, 64, 3), "float32")
    larger[:] = MEAN_COLOUR[name]
    larger[:, :65, :43] = picture
    features, expected = call(model, picture), call(model, larger)
    for (stride, channels), found, same in zip(CHANNELS[name].items(), features, expected, strict=True):
        assert found.shape == (1, 96 // stride, 64 // stride, channels)
        np.testing.assert_allclose(found, same, rtol=1e-3, atol=1e-4 * np.abs(same).max())


def test_a_fixed_size_is_the_same_network(built):
    name, model = built
    fixed = network(name, (33, 50))
    for (stride, channels), shape in zip(CHANNELS[name].items(), fixed.output_shape, strict=True):
        assert shape == (None, 64 // stride, 64 // stride, channels)
    fixed.set_weights(model.get_weights())
    for a, b in zip(call(fixed, images(33, 50)), call(model, images(33, 50)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def test_no_padding_layer_where_none_is_needed():
    assert not needs_padding((None, 64, 96, 3))
    assert needs_padding((None, 64, 97, 3))
    assert needs_padding((None, None, 64, 3))
    image = keras.Input((32, 64, 3))
    assert "pad" not in {layer.name for layer in keras.Model(image, ENCODERS["vgg16"](image)[32]).layers}


def test_equals_keras_applications(built):
    """The same weights give the same last feature: preprocessing inside, nothing lost in the flat graph."""
    name, model = built
    theirs = ENCODERS[name].application(include_top=False, weights=None, input_shape=(64, 96, 3))
    weighted = [layer for layer in encoder_layers(model) if layer.weights]
    assert [layer.name for layer in weighted] == [layer.name for layer in theirs.layers if layer.weights]
    theirs.set_weights([array for layer in weighted for array in layer.get_weights()])
    expected = np.asarray(theirs(THEIR_PREPROCESSING[name](images(64, 96).copy()), training=False))
    assert expected.std() > 0
    found = call(model, images(64, 96))[-1]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_trained_as_in_the_paper(built):
    name, model = built
    trained = {layer.name for layer in model.layers if layer.trainable and layer.trainable_weights}
    convolutions = {layer.name for layer in model.layers if layer.weights and "_bn" not in layer.name}
    if PAPER[name] is None:
        assert not trained
    else:
        assert trained == {layer for layer in convolutions if layer.startswith(PAPER[name])}
    if name == "vgg16":
        assert trained == {"block5_conv1", "block5_conv2", "block5_conv3"}
    if name == "resnet50":  # res5: three blocks of three convolutions and the projection of the first
        assert len(trained) == 10


def test_resnet101_is_resnet50_with_seventeen_blocks_more():
    with keras.StatelessScope(initialize_variables=False):
        model = network("resnet101", (64, 64))
    assert model.output_shape == [(None, 64 // s, 64 // s, c) for s, c in CHANNELS["resnet101"].items()]
    block = (1024 * 256 + 256) + (9 * 256**2 + 256) + (256 * 1024 + 1024) + 4 * (256 + 256 + 1024)  # with its BN
    assert model.count_params() == 23_587_712 + (23 - 6) * block == 42_658_176
    keras.backend.clear_session()


def test_alexnet_is_what_its_equations_say():
    """Against TensorFlow's own operations, the groups convolved one by one."""
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = network("alexnet", (64, 96))
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    # 11²·3·96 + 96 + 5²·48·256 + 256 + 3²·256·384 + 384 + 3²·192·384 + 384 + 3²·192·256 + 256
    assert {name: kernel.shape for name, (kernel, _) in weights.items()} == {
        "conv1": (11, 11, 3, 96), "conv2": (5, 5, 48, 256), "conv3": (3, 3, 256, 384), "conv4": (3, 3, 192, 384),
        "conv5": (3, 3, 192, 256),
    }  # fmt: skip
    assert model.count_params() == 34_944 + 307_456 + 885_120 + 663_936 + 442_624 == 2_334_080

    def convolved(x, name, strides=1, groups=1):
        kernel, bias = weights[name]
        parts = zip(np.split(x, groups, -1), np.split(kernel, groups, -1), strict=True)
        return tf.nn.relu(tf.concat([tf.nn.conv2d(a, k, strides, "SAME") for a, k in parts], -1) + bias).numpy()

    def pooled(x):
        return tf.nn.max_pool2d(x, 3, 2, "SAME").numpy()

    def normalised(x):
        return tf.nn.local_response_normalization(x, depth_radius=2, bias=1, alpha=1e-4 / 5, beta=0.75)

    x = convolved(THEIR_PREPROCESSING["alexnet"](images(64, 96)), "conv1", 4)
    x = convolved(pooled(normalised(x)), "conv2", groups=2)
    x = convolved(pooled(normalised(x)), "conv3")
    expected = pooled(convolved(convolved(x, "conv4", groups=2), "conv5", groups=2))
    assert expected.std() > 0
    found = call(model, images(64, 96))[-1]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_everything_can_be_trained_but_batch_normalisation():
    model = network("mobilenetv2", (32, 32), trainable_from="all")
    normalisations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(normalisations) == 52
    assert not any(layer.trainable for layer in normalisations)
    assert all(layer.trainable for layer in model.layers if layer.weights and layer not in normalisations)


def test_nothing_is_trained_if_none_is_asked_for():
    assert not network("vgg16", (32, 32), trainable_from="none").trainable_weights


def test_frozen_statistics_do_not_move_in_training(built):
    name, model = built
    before = [np.array(w) for w in model.non_trainable_weights]
    model(ops.convert_to_tensor(images(32, 32)), training=True)
    for old, new in zip(before, model.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_unknown_layer_names_the_stages():
    with pytest.raises(UsageError, match=r"no layer of vgg16 is called 'blok5'.*all, none.*block1, block2.*block5"):
        network("vgg16", (32, 32), trainable_from="blok5")


def test_unknown_encoder_names_the_nearest():
    with pytest.raises(
        UsageError, match="did you mean 'vgg16'.*valid: alexnet, mobilenetv2, resnet101, resnet50, vgg16"
    ):
        ENCODERS["vgg19"]
