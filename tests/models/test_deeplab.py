"""DeepLab v1 and v2: weights as published, by arithmetic; what dilation and enlargement mean, by hand."""

import keras
import numpy as np
import pytest
from counting import VGG16, counts, unallocated
from keras import layers, ops

from kseg.encoders import encoder_of, transplant
from kseg.errors import UsageError
from kseg.layers import AlignedUpsample
from kseg.models import MODELS, build


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


def test_largefov_has_the_weights_of_the_paper():
    model = unallocated("deeplab_largefov", num_classes=21)
    head = {"fc6": 9 * 512 * 1024 + 1024, "fc7": 1024 * 1024 + 1024, "fc8": 1024 * 21 + 21}
    assert counts(model) == head
    assert model.count_params() == VGG16 + sum(head.values()) == 20_505_429


def test_largefov_starts_from_every_fourth_unit_of_the_classifier():
    """fc6 sees rows and columns 0, 3 and 6 of the 7×7 that fc1 reads; a tenth of the widths, the same strides."""
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(7 * 7 * 512, 32)).astype("float32")
    stored = {
        "block1_conv1": {"kernel": np.ones((3, 3, 3, 64), "float32"), "bias": np.ones(64, "float32")},
        "fc1": {"kernel": dense, "bias": np.arange(32, dtype="float32")},
        "fc2": {"kernel": np.eye(32, dtype="float32"), "bias": np.ones(32, "float32")},
    }
    model = build("deeplab_largefov", head_width=8, input_shape=(33, 33, 3))
    report = transplant(model, stored, source="file", convolutionized=MODELS["deeplab_largefov"].convolutionized)
    assert report.reshaped == ("fc6 ← fc1", "fc7 ← fc2") and "fc6" not in report.random
    kernel, bias = model.get_layer("fc6").get_weights()
    whole = dense.reshape(7, 7, 512, 32)
    for row, column, unit in ((0, 0, 0), (1, 2, 3), (2, 1, 7)):
        np.testing.assert_array_equal(kernel[row, column, :, unit], whole[3 * row, 3 * column, :, 4 * unit])
    np.testing.assert_array_equal(bias, 4 * np.arange(8))
    np.testing.assert_array_equal(model.get_layer("fc7").get_weights()[0][0, 0], np.eye(8))


def test_resnet101_has_the_weights_of_the_paper():
    model = unallocated("deeplab_resnet101", num_classes=21)
    aspp = {f"aspp{rate}": 9 * 2048 * 21 + 21 for rate in (6, 12, 18, 24)}
    assert counts(model) == aspp
    assert sum(aspp.values()) == 1_548_372
    assert model.count_params() == 42_658_176 + 1_548_372 == 44_206_548


def test_321_rows_give_41():
    with keras.StatelessScope(initialize_variables=False):
        model = build("deeplab_largefov", input_shape=(321, 321, 3))
        sizes = {name: model.get_layer(name).output.shape[1] for name in ("block3_pool", "block5_pool", "fc8")}
        assert sizes == {"block3_pool": 41, "block5_pool": 41, "fc8": 41}
        assert model.get_layer("block5_conv1").dilation_rate == (2, 2)
        assert model.get_layer("fc6").dilation_rate == (12, 12)
        resnet = build("deeplab_resnet101", input_shape=(320, 320, 3))
        assert resnet.get_layer("aspp").output.shape[1] == 40


def test_a_dilated_convolution_is_one_with_zeros_in_its_kernel():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 2, 4)).astype("float32")
    stuffed = np.zeros((7, 7, 2, 4), "float32")
    stuffed[::3, ::3] = kernel
    x = ops.convert_to_tensor(rng.normal(size=(1, 9, 11, 2)).astype("float32"))
    dilated = layers.Conv2D(4, 3, padding="same", dilation_rate=3)
    plain = layers.Conv2D(4, 7, padding="same")
    dilated.build(x.shape), plain.build(x.shape)
    dilated.set_weights([kernel, np.zeros(4)]), plain.set_weights([stuffed, np.zeros(4)])
    np.testing.assert_allclose(dilated(x), plain(x), atol=1e-6)


def test_aligned_upsampling_by_hand():
    # x = [1, 5], s = 4:  1, 1 + 1, 1 + 2, 1 + 3, then 5 and on
    x = np.array([1.0, 5.0], "float32").reshape(1, 1, 2, 1)
    found = ops.convert_to_numpy(AlignedUpsample(4)(ops.convert_to_tensor(x)))
    assert found.shape == (1, 4, 8, 1)
    np.testing.assert_allclose(found[0, 2, :, 0], [1, 2, 3, 4, 5, 5, 5, 5])


def test_frozen_layers_can_be_chosen():
    with keras.StatelessScope(initialize_variables=False):
        model = build("deeplab_largefov", input_shape=(32, 32, 3), trainable_from="block5")
    trained = [layer.name for layer in model.layers if layer.trainable and layer.weights and encoder_of(layer)]
    assert trained == ["block5_conv1", "block5_conv2", "block5_conv3"]
    with pytest.raises(UsageError, match="no layer of vgg16 is called 'blok'"):
        build("deeplab_largefov", trainable_from="blok")


def test_on_a_light_encoder():
    model = build("deeplab_resnet101", encoder="mobilenetv2", input_shape=(33, 40, 3), trainable_from="none")
    assert model.output_shape == (None, 33, 40, 1)
    assert model.get_layer("aspp").output.shape[1:3] == (8, 8)  # 64 / 8, padded to multiples of 32
