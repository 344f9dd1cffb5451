"""DeepLab v3 and v3+: weights as published, by arithmetic; rates; the published network written plainly."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from counting import MOBILENETV2, counts, unallocated
from keras import layers, ops
from narrow import light

from kseg.datasets import data_options, open_dataset
from kseg.encoders import ENCODERS
from kseg.errors import UsageError
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.scores import miou
from kseg.models import build
from kseg.models.slim_deeplab import slim_deeplab

C = 21  # PASCAL VOC
BN = 4  # scale, shift, mean, variance


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


def test_deeplabv3_has_the_weights_of_the_paper():
    model = unallocated("deeplabv3", num_classes=C)
    pyramid = 2 * 2048 * 256 + 3 * 9 * 2048 * 256 + 5 * 256 * 256
    normalization, scores = BN * 6 * 256, 256 * C + C
    assert (pyramid, normalization, scores) == (15_532_032, 6_144, 5_397)
    assert sum(counts(model).values()) == pyramid + normalization + scores
    assert model.count_params() == 42_658_176 + 15_543_573


def test_torchvisions_head_has_a_convolution_more():
    """And its rates at every output stride; an auxiliary head only in training."""
    model = unallocated("deeplabv3", num_classes=C, head="torchvision", auxiliary=0.5)
    assert model.count_params() == 42_658_176 + 15_543_573 + 9 * 256 * 256 + BN * 256 + 2_365_717
    assert [model.get_layer(f"aspp{branch}_conv").dilation_rate[0] for branch in (1, 2, 3)] == [12, 24, 36]


@pytest.mark.parametrize("separable", [False, True])
def test_deeplabv3plus_has_the_weights_of_the_paper(separable):
    model = unallocated("deeplabv3plus", num_classes=C, separable=separable)

    def convolution(a, b):
        return (9 * a + BN * a + a * b if separable else 9 * a * b) + BN * b

    pyramid = 2 * (2048 * 256 + BN * 256) + 3 * convolution(2048, 256) + 5 * 256 * 256 + BN * 256
    decoder = (256 * 48 + BN * 48) + convolution(256 + 48, 256) + convolution(256, 256) + 256 * C + C
    assert decoder == (170_565 if separable else 1_310_165)
    assert sum(counts(model).values()) == pyramid + decoder


def test_on_mobilenet_the_map_before_its_last_convolution():
    """Sandler et al. 2018, section 6.3: 320 channels in place of 1280, and no dilated branches."""
    model = unallocated("deeplabv3", num_classes=C, encoder="mobilenetv2", branches="image")
    widening = 320 * 1280 + BN * 1280
    head = 2 * (320 * 256 + BN * 256) + (512 * 256 + BN * 256) + (256 * C + C)
    assert model.count_params() == MOBILENETV2 - widening + head


@pytest.mark.parametrize(("stride", "rates", "pyramid"), [(16, (2, 4, 8), (6, 12, 18)), (8, (4, 8, 16), (12, 24, 36))])
def test_rates(stride, rates, pyramid):
    """Multi-grid (1, 2, 4) times the rate of res5, and the pyramid's rates doubled at output stride 8."""
    with keras.StatelessScope(initialize_variables=False):
        model = build("deeplabv3", encoder="resnet50", input_shape=(64, 64, 3), output_stride=stride)
        plain = build("deeplabv3", encoder="resnet50", input_shape=(64, 64, 3), output_stride=stride, multi_grid="off")

    def rate(of, name):
        return of.get_layer(name).dilation_rate[0]

    assert tuple(rate(model, f"conv5_block{block}_2_conv") for block in (1, 2, 3)) == rates
    assert tuple(rate(plain, f"conv5_block{block}_2_conv") for block in (1, 2, 3)) == (rates[0],) * 3
    assert tuple(rate(model, f"aspp{branch}_conv") for branch in (1, 2, 3)) == pyramid
    assert model.get_layer("score").output.shape[1] == 64 // stride


def test_aligned_corners_have_a_pixel_more():
    """33 rows give 3 at 1/16, the first and the last on the first and last pixel; 32 rows are padded to them."""
    with keras.StatelessScope(initialize_variables=False):
        models = {
            rows: build("deeplabv3", encoder="mobilenetv2", input_shape=(rows, 65, 3), corners="aligned")
            for rows in (33, 32)
        }
    assert {rows: model.get_layer("score").output.shape[1:3] for rows, model in models.items()} == {
        33: (3, 5), 32: (3, 5)
    }  # fmt: skip
    assert "pad" not in {layer.name for layer in models[33].layers}


@pytest.mark.parametrize("name", ["deeplabv3", "deeplabv3plus"])
@pytest.mark.parametrize("corners", ["auto", "aligned"])
def test_any_size_gives_what_a_fixed_size_gives(name, corners):
    x = ops.convert_to_tensor(np.random.default_rng(0).uniform(0, 255, (1, 45, 34, 3)).astype("float32"))
    fixed, dynamic = (light(name, corners=corners, **size) for size in ({"input_shape": (45, 34, 3)}, {}))
    dynamic.set_weights(fixed.get_weights())
    expected = np.asarray(fixed(x))
    assert expected.std() > 0
    np.testing.assert_allclose(dynamic(x), expected, atol=1e-6)


def test_an_encoder_of_half_the_width():
    """12 filters where Keras' alpha has 16, and weights of ImageNet are refused."""
    encoder = ENCODERS["mobilenetv2"].having(depth_multiplier=0.5)
    image = keras.Input((32, 32, 3))
    filters = {
        layer.name: layer.filters
        for layer in keras.Model(image, encoder(image)[32]).layers
        if type(layer) is layers.Conv2D and layer.name in ("Conv1", "block_1_project", "block_16_project")
    }
    assert filters == {"Conv1": 16, "block_1_project": 12, "block_16_project": 160}
    with pytest.raises(UsageError, match="depth_multiplier"):
        build("deeplabv3", encoder="mobilenetv2", depth_multiplier=0)


# TensorFlow's network: stride of each inverted residual where not 1, input → output channels at multiplier 1
CHANNELS = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)
STRIDES = {1: 2, 3: 2, 6: 2, 13: 2}


def folded_weights(multiplier=1 / 8, classes=3, width=5):
    """Random weights in the layout of the published file."""
    rng = np.random.default_rng(0)
    stored = {}

    def convolution(name, side, inputs, filters):
        shape = (side, side, inputs, filters)
        stored[f"{name}/kernel"] = rng.normal(0, np.sqrt(2 / (side * side * inputs)), shape).astype("float32")
        stored[f"{name}/bias"] = rng.normal(0, 0.1, (filters,)).astype("float32")

    x = round(32 * multiplier)
    convolution("Conv", 3, 3, x)
    for block, filters in enumerate(round(filters * multiplier) for filters in CHANNELS):
        name = f"expanded_conv_{block}" if block else "expanded_conv"
        inner = x if block == 0 else 6 * x
        if block:
            convolution(f"{name}/expand", 1, x, inner)
        stored[f"{name}/depthwise/kernel"] = rng.normal(0, 0.4, (3, 3, inner, 1)).astype("float32")
        stored[f"{name}/depthwise/bias"] = rng.normal(0, 0.1, (inner,)).astype("float32")
        convolution(f"{name}/project", 1, inner, filters)
        x = filters
    convolution("aspp0", 1, x, width)
    convolution("image_pooling", 1, x, width)
    convolution("concat_projection", 1, 2 * width, width)
    convolution("logits", 1, width, classes)
    return stored


def plainly(stored, image, output_stride):
    """Logits of the published network at 1/16 or 1/8, written down layer by layer."""

    def convolution(x, name, stride=1, rate=1, last=lambda x: ops.minimum(ops.relu(x), 6)):
        kernel, bias = stored[f"{name}/kernel"], stored[f"{name}/bias"]
        if name.endswith("depthwise"):
            y = ops.depthwise_conv(x, kernel, strides=stride, padding="same", dilation_rate=rate)
        else:
            y = ops.conv(x, kernel, strides=stride, padding="same")
        return last(y + bias)

    x = convolution(image / 127.5 - 1, "Conv", stride=2)
    reached, rate = 2, 1
    for block in range(17):
        name, entering, stride = f"expanded_conv_{block}" if block else "expanded_conv", x, STRIDES.get(block, 1)
        if block:
            x = convolution(x, f"{name}/expand")
        dense = reached == output_stride and stride > 1
        reached = reached if dense else reached * stride
        x = convolution(x, f"{name}/depthwise", stride=1 if dense else stride, rate=rate)
        rate *= stride if dense else 1
        x = convolution(x, f"{name}/project", last=lambda x: x)
        x = x + entering if x.shape == entering.shape else x
    pooled = convolution(ops.mean(x, axis=(1, 2), keepdims=True), "image_pooling", last=ops.relu)
    parts = [pooled + ops.zeros_like(x[..., :1]), convolution(x, "aspp0", last=ops.relu)]
    x = convolution(ops.concatenate(parts, axis=-1), "concat_projection", last=ops.relu)
    return convolution(x, "logits", last=lambda x: x)


@pytest.fixture
def float64():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.mark.parametrize("stride", [16, 8])
def test_the_published_network_layer_by_layer(stride, tmp_path, float64):
    """Probabilities at every s-th pixel are the softmax of its logits: aligned corners take them as they are.

    In float64 only the scale √(1 + ε) of each of 52 normalizations and the enlarged scores are rounded to float32, by
    6e-8 at most. A scale left out (ε = 1e-3) changes probabilities by 1e-2.
    """
    stored = folded_weights()
    np.savez(tmp_path / "slim.npz", **stored)
    model = slim_deeplab(tmp_path / "slim.npz", output_stride=stride)
    image = ops.convert_to_tensor(np.random.default_rng(1).uniform(0, 255, (1, 65, 97, 3)))
    precise = {name: array.astype("float64") for name, array in stored.items()}
    expected = np.asarray(ops.softmax(plainly(precise, image, stride)))
    assert expected.std() > 0.01
    found = np.asarray(model(image))
    assert found.shape == (1, 65, 97, 3)
    np.testing.assert_allclose(found[:, ::stride, ::stride], expected, atol=52 * 6e-8)


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", **{"fc/kernel": np.zeros((2, 2), "float32")})
    with pytest.raises(
        UsageError, match=r"other.npz has no layer Conv, aspp0, image_pooling, logits; wanted TensorFlow"
    ):
        slim_deeplab(tmp_path / "other.npz")
    stored = {**folded_weights(), "aspp9/kernel": np.zeros((1, 1, 2, 2)), "aspp9/bias": np.zeros(2)}
    np.savez(tmp_path / "more.npz", **stored)
    with pytest.raises(UsageError, match="aspp9"):
        slim_deeplab(tmp_path / "more.npz")


@pytest.mark.skipif("KSEG_DATA" not in os.environ, reason="KSEG_DATA is not set to a folder of real data")
@pytest.mark.parametrize(
    ("file", "stride"),
    [("deeplabv3_mnv2_voc_8bit.npz.xz", 16), ("deeplabv3_mnv2_dm05_voc_float.npz.xz", 8)],
)
def test_the_real_segmenter_finds_the_objects(file, stride):
    """Four photographs; all hundred are `benchmarks/deeplab_voc.py`."""
    data = Path(os.environ["KSEG_DATA"])
    dataset = open_dataset(data_options("voc", data_dir=data / "voc", split_scheme="official", limit=4))
    model = slim_deeplab(data / "weights" / file, output_stride=stride)
    counted = np.zeros((C, C), np.int64)
    for record in dataset.records("validation"):
        image = ops.convert_to_tensor(dataset.image(record)[None].astype("float32"))
        answer = np.asarray(model(image))[0].argmax(-1).astype(np.uint8)
        counted += confusion_matrix(dataset.truth(record).ids, answer, C)
    assert miou(counted) > 0.7
