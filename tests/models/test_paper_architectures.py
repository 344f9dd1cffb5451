"""Layer names and weights as in the papers, counted by arithmetic; the full sizes are built without allocating them."""

import keras
import numpy as np
import pytest
from counting import BLOCK5, MOBILENETV2, RESNET50, VGG16, counts, head, trainable, unallocated
from keras import layers
from narrow import narrow

from kseg.encoders import encoder_of
from kseg.layers import PixelShuffle, SubpixelUpsample
from kseg.models import build


@pytest.fixture(autouse=True)
def forget():
    """Variables without value must not be given one later."""
    yield
    keras.utils.clear_session(free_memory=False)


def test_bfcn32s_has_the_weights_of_the_paper():
    model = unallocated("bfcn32s")
    expected = {
        "fc6": 7 * 7 * 512 * 4096 + 4096,  # 102,764,544
        "fc7": 4096 * 4096 + 4096,  # 16,781,312
        "score_fr": 4096 * 1 + 1,
        "upscore32": 64 * 64 * 1 * 1 + 1,
    }
    assert counts(model) == expected
    assert expected["fc6"] == 102_764_544 and expected["fc7"] == 16_781_312
    assert VGG16 == 14_714_688  # keras.applications.VGG16(include_top=False)
    assert model.count_params() == VGG16 + sum(expected.values()) == 134_268_738
    assert trainable(model) == BLOCK5 + sum(expected.values())


def test_fcresnet_has_the_weights_of_the_paper():
    """One fully convolutional layer alone has 411 million: why there is no second."""
    model = unallocated("fcresnet")
    expected = {"fc6": 7 * 7 * 2048 * 4096 + 4096, "score_fr": 4096 + 1, "upscore32": 64 * 64 + 1}
    assert counts(model) == expected
    assert expected["fc6"] == 411_045_888
    assert model.count_params() == RESNET50 + sum(expected.values())
    conv5 = {
        layer.name for layer in model.layers if layer.trainable and layer.name.startswith("conv5") and layer.weights
    }
    # res5: a 1×1, a 3×3 and a 1×1 convolution in each of three blocks, and the projection of the first
    convolutions = (
        (1024 * 512 + 512) + (9 * 512 * 512 + 512) + (512 * 2048 + 2048) + (1024 * 2048 + 2048)
        + 2 * ((2048 * 512 + 512) + (9 * 512 * 512 + 512) + (512 * 2048 + 2048))
    )  # fmt: skip
    assert sum(model.get_layer(name).count_params() for name in conv5) == convolutions
    assert trainable(model) == convolutions + sum(expected.values())


def test_the_formula_holds_for_a_network_that_is_allocated():
    w = 8
    assert counts(narrow("fcresnet")) == {"fc6": 49 * 2048 * w + w, "score_fr": w + 1, "upscore32": 64 * 64 + 1}


def test_fcmobilenet_is_narrow_and_trains_its_head_alone():
    model = unallocated("fcmobilenet")
    expected = {
        "fc6": 7 * 7 * 1280 * 256 + 256,
        "fc7": 256 * 256 + 256,
        "score_fr": 256 + 1,
        "upscore32": 64 * 64 + 1,
    }
    assert counts(model) == expected
    assert expected["fc6"] + expected["fc7"] == 16_122_368
    assert model.count_params() - trainable(model) == MOBILENETV2


def test_unet_mobilenetv2_has_a_decoder_of_well_under_a_million_weights():
    model = unallocated("unet_mobilenetv2")
    w = 128
    laterals = (1280 + 576 + 192 + 144) * w + 4 * w
    stages = 3 * (9 * w * w + 4 * w)  # convolutions without bias; scale, shift, mean and variance
    scores = (w + 1) * 16
    assert sum(counts(model).values()) == laterals + stages + scores == 727_056
    assert trainable(model) == laterals + stages + scores
    assert model.count_params() == MOBILENETV2 + 727_056


def test_unet_is_amadis():
    model = unallocated("unet")
    stages = {  # name: (channels in, filters)
        "encoder1": (3, 64), "encoder2": (64, 128), "encoder3": (128, 256), "bottleneck": (256, 256),
        "decoder3": (256 + 256, 128), "decoder2": (128 + 128, 64), "decoder1": (64 + 64, 64),
    }  # fmt: skip
    for stage, (into, filters) in stages.items():
        assert model.get_layer(f"{stage}_1_conv").kernel.shape == (3, 3, into, filters)
        assert model.get_layer(f"{stage}_2_conv").kernel.shape == (3, 3, filters, filters)
    convolutions = sum(9 * into * filters + 9 * filters**2 for into, filters in stages.values())
    normalizations = sum(2 * 4 * filters for _, filters in stages.values())
    assert model.count_params() == convolutions + normalizations + 64 + 1
    # resolutions: 1, ½, ¼, ⅛ and back
    sizes = {name: model.get_layer(f"{name}_2_relu").output.shape[1] for name in stages}
    assert sizes == {"encoder1": 224, "encoder2": 112, "encoder3": 56, "bottleneck": 28,
                     "decoder3": 56, "decoder2": 112, "decoder1": 224}  # fmt: skip
    assert all(layer.interpolation == "nearest" for layer in model.layers if isinstance(layer, layers.UpSampling2D))
    assert trainable(model) == model.count_params()


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("bfcn32s", ["fc6", "fc7", "score_fr", "upscore32"]),
        ("fcmobilenet", ["fc6", "fc7", "score_fr", "upscore32"]),
        ("fcresnet", ["fc6", "score_fr", "upscore32"]),
    ],
)
def test_heads_in_the_order_of_the_paper(name, order):
    model = narrow(name, input_shape=(224, 224, 3))
    assert list(head(model)) == order
    assert model.get_layer("fc6").output.shape[1:3] == (7, 7)  # the map that fixes 224×224
    assert model.get_layer("fc6").kernel_size == (7, 7)
    for layer in order[:-2]:
        assert model.get_layer(layer).activation is keras.activations.relu
    assert model.get_layer("score_fr").kernel_size == (1, 1)
    assert model.get_layer("score_fr").activation is keras.activations.linear
    upscore = model.get_layer("upscore32")
    assert isinstance(upscore, SubpixelUpsample) and upscore.stride == 32 and upscore.trainable


@pytest.mark.parametrize("name", ["bfcn32s", "fcresnet", "fcmobilenet"])
def test_two_starts_of_the_last_upsampling(name):
    """Bilinear over scores of zero, so that every pixel begins at ½; or Keras' Glorot, as the paper's artifacts show.

    Glorot's limit is √(6 / (inputs + outputs)), for a kernel of 64×64 on one map √(6 / (2·64²)) = 0.0271.
    """
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    smooth, rough = (
        build(name, head_width=8, input_shape=(64, 64, 3), upscore_start=start) for start in ("bilinear", "glorot")
    )
    assert (keras.ops.convert_to_numpy(smooth(image)) == 0.5).all()
    kernel = rough.get_layer("upscore32").get_weights()[0]
    limit = np.sqrt(6 / (2 * 64**2))
    assert np.abs(kernel).max() <= limit and kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)
    assert rough.get_layer("score_fr").get_weights()[0].std() > 0
    unlike = smooth.get_layer("upscore32").get_weights()[0]
    assert unlike.max() == pytest.approx((1 - 0.5 / 32) ** 2)


def test_widths_of_more_classes():
    w, c = 8, 5
    model = narrow("bfcn32s", num_classes=c, input_shape=(32, 32, 3))
    assert counts(model) == {
        "fc6": 49 * 512 * w + w, "fc7": w * w + w, "score_fr": w * c + c, "upscore32": 64 * 64 * c * c + c,
    }  # fmt: skip
    model = narrow("unet_mobilenetv2", num_classes=c, input_shape=(32, 32, 3))
    assert model.get_layer("score").kernel.shape == (1, 1, w, 16 * c)
    assert isinstance(model.get_layer("upscore4"), PixelShuffle)


def test_frozen_layers_can_be_chosen():
    model = narrow("bfcn32s", input_shape=(32, 32, 3), trainable_from="block4_conv2")
    trained = [layer.name for layer in model.layers if layer.trainable and layer.weights and encoder_of(layer)]
    assert trained == ["block4_conv2", "block4_conv3", "block5_conv1", "block5_conv2", "block5_conv3"]
    frozen = narrow("bfcn32s", input_shape=(32, 32, 3), trainable_from=None)
    assert trainable(frozen) == sum(counts(frozen).values())
