"""What holds of every encoder: features by stride at any size, frozen as asked, equal to keras.applications."""

import keras
import numpy as np
import pytest
from keras import ops

from kseg.encoders import ENCODERS, encoder_layers, needs_padding
from kseg.encoders.dilation import steady_names
from kseg.encoders.torch_layout import OF_TORCHVISION, SUFFIX
from kseg.errors import UsageError

CHANNELS = {  # by stride, of the smallest of each family
    "alexnet": {4: 96, 8: 96, 16: 256, 32: 256},
    "convnexttiny": {4: 96, 8: 192, 16: 384, 32: 768},
    "densenet121": {2: 64, 4: 256, 8: 512, 16: 1024, 32: 1024},
    "efficientnetb0": {2: 96, 4: 144, 8: 240, 16: 672, 32: 1280},
    "efficientnetv2b0": {2: 16, 4: 32, 8: 192, 16: 672, 32: 1280},
    "mobilenet": {2: 64, 4: 128, 8: 256, 16: 512, 32: 1024},
    "mobilenetv2": {2: 96, 4: 144, 8: 192, 16: 576, 32: 1280},
    "mobilenetv2_torch": {2: 96, 4: 144, 8: 192, 16: 576, 32: 1280},
    "mobilenetv3small": {2: 16, 4: 72, 8: 96, 16: 288, 32: 576},
    "mobilenetv3small_torch": {2: 16, 4: 72, 8: 96, 16: 288, 32: 576},
    "resnet50": {2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048},
    "resnet50_torch": {2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048},
    "resnet50v2": {2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048},
    "vgg16": {2: 64, 4: 128, 8: 256, 16: 512, 32: 512},
    "xception": {2: 128, 4: 256, 8: 728, 16: 1024, 32: 2048},
}
WEIGHTS = {  # without the classifier, and without the mean and deviation that EfficientNet keeps as weights
    "alexnet": 2_334_080,
    "convnexttiny": 27_820_128, "convnextsmall": 49_454_688, "convnextbase": 87_566_464,
    "convnextlarge": 196_230_336, "convnextxlarge": 348_147_968,
    "densenet121": 7_037_504, "densenet169": 12_642_880, "densenet201": 18_321_984,
    "efficientnetb0": 4_049_571 - 7, "efficientnetb1": 6_575_239 - 7, "efficientnetb2": 7_768_569 - 7,
    "efficientnetb3": 10_783_535 - 7, "efficientnetb4": 17_673_823 - 7, "efficientnetb5": 28_513_527 - 7,
    "efficientnetb6": 40_960_143 - 7, "efficientnetb7": 64_097_687 - 7,
    "efficientnetv2b0": 5_919_312, "efficientnetv2b1": 6_931_124, "efficientnetv2b2": 8_769_374,
    "efficientnetv2b3": 12_930_622, "efficientnetv2s": 20_331_360, "efficientnetv2m": 53_150_388,
    "efficientnetv2l": 117_746_848,
    "mobilenet": 3_228_864, "mobilenetv2": 2_257_984, "mobilenetv3small": 939_120, "mobilenetv3large": 2_996_352,
    "resnet50": 23_587_712, "resnet101": 42_658_176, "resnet152": 58_370_944,
    "resnet50v2": 23_564_800, "resnet101v2": 42_626_560, "resnet152v2": 58_331_648,
    "vgg16": 14_714_688, "vgg19": 20_024_384,
    "xception": 20_861_480,
}  # fmt: skip
WEIGHTS |= {f"{name}{SUFFIX}": WEIGHTS[name] for name in map(str.lower, OF_TORCHVISION)}  # the same, read elsewhere
PAPER = {"vgg16": "block5", "resnet50": "conv5", "mobilenetv2": None, "alexnet": "conv5"}
MEAN_COLOR = {  # what preprocessing maps to zero
    "caffe": (123.68, 116.779, 103.939),
    "torch": (255 * 0.485, 255 * 0.456, 255 * 0.406),
    "symmetric": 127.5,
    "symmetric_128": 128,
}
OWN_PREPROCESSING = {  # that of `keras.applications`, which for these is a layer inside, or there is none
    "alexnet": keras.applications.densenet.preprocess_input,  # torch's
    "convnexttiny": keras.applications.densenet.preprocess_input,
    "efficientnetb0": keras.applications.densenet.preprocess_input,
    "efficientnetv2b0": keras.applications.densenet.preprocess_input,
    "mobilenetv3small": keras.applications.mobilenet_v2.preprocess_input,
}
THEIR_MODULE = {
    "densenet121": "densenet", "mobilenet": "mobilenet", "mobilenetv2": "mobilenet_v2", "resnet50": "resnet",
    "resnet50v2": "resnet_v2", "vgg16": "vgg16", "xception": "xception",
}  # fmt: skip


def their_preprocessing(name):
    if name.endswith(SUFFIX):
        return keras.applications.densenet.preprocess_input  # torch's
    if name in OWN_PREPROCESSING:
        return OWN_PREPROCESSING[name]
    return getattr(keras.applications, THEIR_MODULE[name]).preprocess_input


def network(name, size, **options):
    image = keras.Input((*size, 3), name="image")
    features = ENCODERS[name](image, **options)
    return keras.Model(image, [features[stride] for stride in sorted(features)], name=name)


@pytest.fixture(scope="module", params=list(CHANNELS))
def built(request):
    """(name, network of any size, trained as in the paper); one build serves most tests."""
    keras.utils.set_random_seed(0)
    yield request.param, network(request.param, (None, None), trainable_from=PAPER.get(request.param))
    keras.utils.clear_session(free_memory=False)


def images(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3)).astype("float32")


def call(model, *arguments):
    return [np.asarray(y) for y in model(*map(ops.convert_to_tensor, arguments), training=False)]


def test_strides_channels_and_weights(built):
    name, model = built
    assert model.count_params() == WEIGHTS[name]
    for (stride, channels), feature in zip(CHANNELS[name].items(), call(model, images(64, 64)), strict=True):
        assert feature.shape == (1, 64 // stride, 64 // stride, channels)
        assert np.isfinite(feature).all()


def test_odd_sizes_are_padded_below_and_to_the_right(built):
    """65×43 becomes 96×64, with zeros after preprocessing: as if the picture went on in the mean color."""
    name, model = built
    if ENCODERS[name].rebuilt:
        pytest.skip("padded by the same lines as the others")
    picture = images(65, 43)
    larger = np.empty((1, 96, 64, 3), "float32")
    larger[:] = MEAN_COLOR[ENCODERS[name].preprocessing]
    larger[:, :65, :43] = picture
    features, expected = call(model, picture), call(model, larger)
    for (stride, channels), found, same in zip(CHANNELS[name].items(), features, expected, strict=True):
        assert found.shape == (1, 96 // stride, 64 // stride, channels)
        np.testing.assert_allclose(found, same, rtol=1e-3, atol=1e-4 * np.abs(same).max())


def test_denser_features_are_the_same_between(built):
    """At output stride 8, one in 2 × 2 or 4 × 4 positions of the last features is what the strided network computes.

    Two kinds look elsewhere in between, so there it holds to a few parts in a hundred: squeeze and excitation averages
    over the whole map, and Xception's pooling and its shortcut are half a position apart.
    """
    name, model = built
    if name == "alexnet":
        pytest.skip("keras.applications has no AlexNet, and nobody dilates it")
    dense = network(name, (64, 64), output_stride=8)
    assert [layer.name for layer in encoder_layers(dense) if layer.weights] == [
        layer.name for layer in encoder_layers(model) if layer.weights
    ]
    dense.set_weights(model.get_weights())
    tolerance = 5e-2 if name.startswith(("efficientnet", "xception")) else 1e-5
    for stride, sparse, found in zip(
        CHANNELS[name], call(model, images(64, 64)), call(dense, images(64, 64)), strict=True
    ):
        denser = max(1, stride // 8)
        assert found.shape == (1, 64 // min(stride, 8), 64 // min(stride, 8), CHANNELS[name][stride])
        apart = [
            np.abs(found[:, start::denser, start::denser] - sparse).max() / np.abs(sparse).max()
            for start in range(denser)
        ]
        assert min(apart) <= tolerance, stride
        assert denser == 1 or np.abs(np.diff(found, axis=1)).max() > 0  # not the same value over and over


def test_output_stride_16_dilates_the_last_stage_alone():
    model = network("resnet50", (64, 64), output_stride=16)
    assert [shape[1] for shape in model.output_shape] == [32, 16, 8, 4, 4]
    rates = {layer.name: layer.dilation_rate[0] for layer in model.layers if "_2_conv" in layer.name}
    # conv5_block1's 3×3 convolution follows the 1×1 that no longer strides; the paper's res5 has dilation 2
    assert {rate for name, rate in rates.items() if name.startswith("conv5")} == {2}
    assert {rate for name, rate in rates.items() if not name.startswith("conv5")} == {1}


def test_another_output_stride_is_refused():
    with pytest.raises(UsageError, match="output_stride is 4; wanted 32, 16 or 8"):
        network("vgg16", (32, 32), output_stride=4)


def test_no_padding_layer_where_none_is_needed():
    assert not needs_padding((None, 64, 96, 3))
    assert needs_padding((None, 64, 97, 3))
    assert needs_padding((None, None, 64, 3))
    image = keras.Input((32, 64, 3))
    assert "pad" not in {layer.name for layer in keras.Model(image, ENCODERS["vgg16"](image)[32]).layers}


def test_equals_keras_applications(built):
    """The same weights give the same last feature: preprocessing inside, nothing lost in the flat graph."""
    name, model = built
    if name == "xception":
        pytest.skip("its stem has padding here")
    theirs = ENCODERS[name].application(include_top=False, weights=None, input_shape=(64, 96, 3))
    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    if any(isinstance(layer, scaling) for layer in theirs.layers):  # EfficientNet, untrained, divides by 255 alone
        theirs = keras.Model(theirs.get_layer("stem_conv_pad").input, theirs.output)
    weighted = [layer for layer in encoder_layers(model) if layer.weights]
    steady = steady_names(name, [layer.name for layer in theirs.layers])
    assert [layer.name for layer in weighted] == [
        steady.get(layer.name, layer.name) for layer in theirs.layers if layer.weights
    ]
    theirs.set_weights([array for layer in weighted for array in layer.get_weights()])
    expected = np.asarray(theirs(their_preprocessing(name)(images(64, 96).copy()), training=False))
    assert expected.std() > 0
    found = call(model, images(64, 96))[-1]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_trained_as_in_the_paper(built):
    name, model = built
    if name not in PAPER:
        assert not model.trainable_weights
        return
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


@pytest.mark.parametrize("name", [name for name in ENCODERS if name not in CHANNELS])
def test_weights_of_every_larger_encoder(name):
    """As published without the classifier; ResNet-101 is ResNet-50 with seventeen blocks more."""
    with keras.StatelessScope(initialize_variables=False):
        model = network(name, (64, 64))
    assert model.count_params() == WEIGHTS[name]
    assert [64 // shape[1] for shape in model.output_shape] == sorted(ENCODERS[name].features)
    if name == "resnet101":
        block = (1024 * 256 + 256) + (9 * 256**2 + 256) + (256 * 1024 + 1024) + 4 * (256 + 256 + 1024)  # with its BN
        assert model.count_params() == WEIGHTS["resnet50"] + (23 - 6) * block == 42_658_176
    keras.utils.clear_session(free_memory=False)


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

    def normalized(x):
        return tf.nn.local_response_normalization(x, depth_radius=2, bias=1, alpha=1e-4 / 5, beta=0.75)

    x = convolved(their_preprocessing("alexnet")(images(64, 96)), "conv1", 4)
    x = convolved(pooled(normalized(x)), "conv2", groups=2)
    x = convolved(pooled(normalized(x)), "conv3")
    expected = pooled(convolved(convolved(x, "conv4", groups=2), "conv5", groups=2))
    assert expected.std() > 0
    found = call(model, images(64, 96))[-1]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_everything_can_be_trained_but_batch_normalization():
    model = network("mobilenetv2", (32, 32), trainable_from="all")
    normalizations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(normalizations) == 52
    assert not any(layer.trainable for layer in normalizations)
    assert all(layer.trainable for layer in model.layers if layer.weights and layer not in normalizations)


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
        UsageError, match="did you mean 'vgg1[69]'.*valid: alexnet, convnextbase, .*vgg16, vgg19, xception"
    ):
        ENCODERS["vgg17"]
