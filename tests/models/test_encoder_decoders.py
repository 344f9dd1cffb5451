"""FPN, LinkNet and U-Net on any encoder: weights as published, by arithmetic, and where their maps lie."""

from contextlib import contextmanager

import keras
import numpy as np
import pytest
from counting import MOBILENETV2, RESNET50, counts, unallocated
from keras import layers, ops

from kseg.encoders import ENCODERS, Encoder
from kseg.models import FINE_TUNED, MODELS, build
from kseg.models.fpn import groups_of
from kseg.models.linknet import transposed

RESNET50_FEATURES = {2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048}
BN = 4  # scale, shift, mean, variance


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


@contextmanager
def encoder_with(features):
    """A registered encoder of one convolution a stage, whose features have these channels by stride."""

    def application(*, include_top=False, weights=None, input_tensor=None, input_shape=None):
        x = image = keras.Input(input_shape) if input_tensor is None else input_tensor
        for stride in (2, 4, 8, 16, 32):
            x = layers.Conv2D(features[stride], 3, strides=2, padding="same", name=f"stage{stride}")(x)
        return keras.Model(image, x)

    len(ENCODERS)  # the room is imported now
    ENCODERS._entries["of_test"] = Encoder("of_test", application, "unit", {s: f"stage{s}" for s in features})
    try:
        yield "of_test"
    finally:
        del ENCODERS._entries["of_test"]


def test_fpn_has_the_weights_of_the_paper():
    """Kirillov et al.: 256 channels in the pyramid, 128 in the head, 54 classes on COCO (53 stuff and "things")."""
    classes = 54
    model = unallocated("fpn", num_classes=classes)
    laterals = (2048 + 1024 + 512 + 256) * 256 + 4 * 256
    outputs = 4 * (9 * 256 * 256 + 256)
    # P5 has three convolutions, P4 two, P3 and P2 one: four of them are the first of their level
    head = 4 * 9 * 256 * 128 + 3 * 9 * 128 * 128 + 7 * 2 * 128
    scores = 128 * classes + classes
    assert (laterals, outputs, head, scores) == (984_064, 2_360_320, 1_623_808, 6_966)
    assert sum(counts(model).values()) == laterals + outputs + head + scores
    assert model.count_params() == RESNET50 + laterals + outputs + head + scores


def test_fpn_sums_all_levels_at_a_quarter():
    model = unallocated("fpn", num_classes=3)
    convolved = {
        level: [layer.name for layer in model.layers if layer.name.startswith(f"head{level}_") and layer.weights]
        for level in (4, 8, 16, 32)
    }
    assert {level: len(names) for level, names in convolved.items()} == {4: 2, 8: 2, 16: 4, 32: 6}  # with their GN
    assert {tensor.shape[1] for tensor in model.get_layer("levels").input} == {56}
    assert model.get_layer("score").output.shape[1:3] == (56, 56)


@pytest.mark.parametrize(("channels", "groups"), [(128, 32), (256, 32), (48, 24), (8, 8), (7, 7), (37, 1)])
def test_groups_divide_the_channels(channels, groups):
    assert groups_of(channels) == groups


def test_linknet_has_the_weights_of_the_paper():
    """On ResNet-18, whose 11,176,512 trained weights are public, the paper says 11.5 million."""
    resnet18, classes = {2: 64, 4: 64, 8: 128, 16: 256, 32: 512}, 20

    def block(m, n, moments):
        q = m // 4
        return m * q + 9 * q * q + q * n + moments * (2 * q + n)

    def decoder(moments):
        blocks = sum(block(m, n, moments) for m, n in ((512, 256), (256, 128), (128, 64), (64, 64)))
        return blocks + 9 * 64 * 32 + 9 * 32 * 32 + moments * 2 * 32 + 4 * 32 * classes + classes

    with encoder_with(resnet18) as encoder:
        model = unallocated("linknet", num_classes=classes, encoder=encoder)
    assert sum(counts(model).values()) == decoder(BN) == 361_364
    assert round((11_176_512 + decoder(2)) / 1e6, 1) == 11.5


@pytest.mark.parametrize(("centered", "middle"), [(True, 4), (False, 4.5)])
def test_linknet_enlarges_from_where_windows_lie(centered, middle):
    """Position 2 of a centered map is pixel 4; of another it is the middle of pixels 4 and 5."""
    x = keras.Input((5, 5, 1))
    y = transposed(x, 1, centered=centered, name="up")
    network = keras.Model(x, y)
    network.get_layer("up_conv").set_weights([np.ones((3, 3, 1, 1), "float32")])
    image = np.zeros((1, 5, 5, 1), "float32")
    image[0, 2, 2] = 1
    found = np.asarray(network(image))[0, :, 5, 0]
    assert found.shape == (10,)
    reached = np.flatnonzero(found)
    assert len(reached) == 3
    assert abs(reached.mean() - middle) <= 0.5


def test_unet_on_resnet50_has_as_many_weights_as_elsewhere():
    """The decoder known from segmentation_models: 256, 128, 64, 32, 16 maps; 9,013,073 weights on ResNet-50."""
    model = unallocated("unet", encoder="resnet50")
    entering = (2048 + 1024, 256 + 512, 128 + 256, 64 + 64, 32)
    filters = (256, 128, 64, 32, 16)
    convolutions = sum(9 * a * b + 9 * b * b for a, b in zip(entering, filters, strict=True))
    trained = convolutions + 2 * 2 * sum(filters) + 9 * 16 + 1
    assert trained == 9_013_073
    assert sum(counts(model).values()) == trained + 2 * 2 * sum(filters)  # and the moving statistics
    assert model.count_params() == RESNET50 + trained + 2 * 2 * sum(filters)


def test_unet_without_an_encoder_is_amadis():
    assert "encoder1_1_conv" in counts(build("unet", base_width=4))
    assert "encoder1_1_conv" not in counts(build("unet", base_width=4, encoder="mobilenetv2"))


def test_unet_on_an_encoder_without_a_feature_at_a_half():
    """AlexNet and ConvNeXt go to 1/4 at once: the stage at 1/2 has nothing to concatenate."""
    model = unallocated("unet", encoder="alexnet")
    names = {layer.name for layer in model.layers}
    assert {"skip16", "skip8", "skip4"} <= names
    assert "skip2" not in names
    assert model.output.shape[1:3] == (224, 224)


def positive(rng, shape):
    return rng.uniform(0.5, 1.5, shape) / max(1, np.prod(shape[:-1]))


def test_unet_on_an_encoder_from_outside_trains_as_on_ours():
    with encoder_with(RESNET50_FEATURES) as encoder:
        assert MODELS["unet"].preset_for(encoder) == MODELS["unet"].preset_for("mobilenetv2") == FINE_TUNED
    assert MODELS["unet"].preset_for(None) != FINE_TUNED


@pytest.mark.parametrize("name", ["fpn", "linknet", "unet"])
def test_any_size_gives_what_a_fixed_size_gives(name):
    x = ops.convert_to_tensor(np.random.default_rng(0).uniform(0, 255, (1, 45, 34, 3)).astype("float32"))
    channels = {2: 4, 4: 4, 8: 8, 16: 8, 32: 12}
    with encoder_with(channels) as encoder:
        fixed, dynamic = (
            build(name, encoder=encoder, activation=None, **size) for size in ({"input_shape": (45, 34, 3)}, {})
        )
    rng = np.random.default_rng(1)
    # Positive, so that no ReLU is silent; kernels that sum to 1 keep the features of every stage within float32.
    fixed.set_weights([positive(rng, w.shape) for w in fixed.get_weights()])
    dynamic.set_weights(fixed.get_weights())
    expected = np.asarray(fixed(x))
    assert expected.shape == (1, 45, 34, 1)
    assert expected.std() > 0
    np.testing.assert_allclose(dynamic(x), expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["fpn", "linknet", "unet"])
def test_on_mobilenetv2(name):
    model = unallocated(name, encoder="mobilenetv2", num_classes=5)
    assert model.count_params() == MOBILENETV2 + sum(counts(model).values())
    assert model.output.shape == (None, 224, 224, 5)
