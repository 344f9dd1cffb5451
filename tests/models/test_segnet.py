"""SegNet and the decoders of its table 1: weights by arithmetic, sizes as Caffe's, VGG16's weights, what a row is."""

import itertools

import keras
import numpy as np
import pytest
from counting import VGG16, VGG16_CHANNELS, unallocated
from keras import layers, ops

from kseg.errors import UsageError
from kseg.layers import MaxUnpool
from kseg.models import build, build_with_report

C = 11  # CamVid


@pytest.fixture(autouse=True)
def forget():
    yield
    keras.utils.clear_session(free_memory=False)


def convolution_weights(model):
    return sum(layer.count_params() for layer in model.layers if isinstance(layer, layers.Conv2D))


def test_segnet_has_the_weights_of_the_paper():
    model = unallocated("segnet", num_classes=C)
    back = (*VGG16_CHANNELS[:0:-1], C)  # 512 … 64, then the classes
    decoder = sum(9 * a * b + b for a, b in itertools.pairwise(back))
    assert convolution_weights(model) == VGG16 + decoder == 29_433_483
    normalized = [*VGG16_CHANNELS[1:], *back[1:-1]]  # all but the last
    assert sum(w.size for w in _trained(model)) == 29_433_483 + 2 * sum(normalized) == 29_449_355
    assert model.count_params() == 29_433_483 + 4 * sum(normalized) == 29_465_227


def _trained(model):
    return [np.empty(w.shape, bool) for w in model.trainable_weights]


def test_the_decoder_mirrors_the_encoder_by_the_papers_names():
    model = unallocated("segnet", num_classes=C)
    filters = {layer.name: layer.filters for layer in model.layers if layer.name.endswith("_D") and layer.weights}
    assert filters == {
        "conv5_3_D": 512, "conv5_2_D": 512, "conv5_1_D": 512,
        "conv4_3_D": 512, "conv4_2_D": 512, "conv4_1_D": 256,
        "conv3_3_D": 256, "conv3_2_D": 256, "conv3_1_D": 128,
        "conv2_2_D": 128, "conv2_1_D": 64, "conv1_2_D": 64, "conv1_1_D": C,
    }  # fmt: skip


def test_camvid_is_neither_padded_nor_cropped_before_the_odd_map():
    """360 rows: 180, 90, 45, then 23 with a half-empty last window, 12; unpooled to 23, 45 … 360, as Caffe does."""
    with keras.StatelessScope(initialize_variables=False):
        model = build("segnet", num_classes=C, input_shape=(360, 480, 3), base_width=8)
    down = [model.get_layer(f"block{block}_pool").output[0].shape[1] for block in range(1, 6)]
    assert down == [180, 90, 45, 23, 12]
    up = {f"upsample{block}": model.get_layer(f"upsample{block}").output.shape[1] for block in range(5, 0, -1)}
    assert up == {"upsample5": 24, "upsample4": 46, "upsample3": 90, "upsample2": 180, "upsample1": 360}
    crops = {layer.name: layer.output.shape[1] for layer in model.layers if isinstance(layer, layers.Cropping2D)}
    assert crops == {"upsample5_crop": 23, "upsample4_crop": 45}


def test_unpooling_takes_the_places_of_its_own_level():
    model = build("segnet", base_width=4, input_shape=(64, 96, 3))
    for block in range(1, 6):
        unpool = model.get_layer(f"upsample{block}")
        assert isinstance(unpool, MaxUnpool)
        assert unpool.input[1] is model.get_layer(f"block{block}_pool").output[1]


def test_vgg16_weights_go_into_the_encoder(tmp_path):
    rng = np.random.default_rng(0)
    stored = {}
    channels = iter(itertools.pairwise(VGG16_CHANNELS))
    for block, count in enumerate((2, 2, 3, 3, 3), start=1):
        for part in range(1, count + 1):
            a, b = next(channels)
            stored[f"block{block}_conv{part}/kernel"] = rng.normal(0, 0.01, (3, 3, a, b)).astype("float32")
            stored[f"block{block}_conv{part}/bias"] = rng.normal(size=b).astype("float32")
    np.savez(tmp_path / "vgg16.npz", **stored)
    model, report = build_with_report("segnet", input_shape=(32, 32, 3), weights=tmp_path / "vgg16.npz")
    assert (len(report.kept), report.random, report.dropped) == (13, (), ())
    np.testing.assert_array_equal(model.get_layer("block5_conv3").get_weights()[0], stored["block5_conv3/kernel"])


def test_the_normalization_is_trained_with_its_convolution():
    model = build("segnet", base_width=4, input_shape=(32, 32, 3), trainable_from="block4")
    trained = {
        layer.name: layer.trainable for layer in model.layers if layer.name.startswith("block") and layer.weights
    }
    assert {name for name, is_trained in trained.items() if is_trained} == {
        f"block{block}_conv{part}{end}" for block in (4, 5) for part in (1, 2, 3) for end in ("", "_bn")
    }
    with pytest.raises(UsageError, match="no layer of vgg16 is called 'conv5'"):
        build("segnet", base_width=4, trainable_from="conv5")


W = 64
ENCODER = 49 * 3 * W + 3 * 49 * W * W + 4 * 4 * W
SCORE = W * C + C

# weights beside the encoder's
DECODERS = {
    "max_unpooling": 4 * 49 * W * W + 4 * 4 * W + SCORE,
    "encoder_addition": 4 * 49 * W * W + 4 * 4 * W + SCORE,
    "single_channel": 4 * 49 * W + 4 * 4 * W + SCORE,
    "fcn": 5 * SCORE + 4 * 64 * C * C,
    "fcn_no_addition": SCORE + 4 * 64 * C * C,
    "fcn_no_dim_reduction": 4 * 64 * W * W + SCORE,
    "fcn_no_addition_no_dim_reduction": 4 * 64 * W * W + SCORE,
    "bilinear": SCORE + 4 * 16 * C * C,
}


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_row_of_table_1(decoder):
    """Weights; that every variant runs at an odd size; what it adds from the encoder."""
    assert unallocated("segnet_basic", num_classes=C, decoder=decoder).count_params() == ENCODER + DECODERS[decoder]
    model = build("segnet_basic", num_classes=3, decoder=decoder, base_width=4, input_shape=(23, 30, 3))
    y = np.asarray(model(ops.convert_to_tensor(np.random.default_rng(0).uniform(0, 255, (1, 23, 30, 3)))))
    assert y.shape == (1, 23, 30, 3)
    np.testing.assert_allclose(y.sum(-1), 1, atol=1e-5)
    added = {layer.name for layer in model.layers if isinstance(layer, layers.Add)}
    adds = decoder in ("encoder_addition", "fcn", "fcn_no_dim_reduction")
    assert added == ({f"add{level}" for level in (1, 2, 3, 4)} if adds else set())
    assert any(isinstance(layer, MaxUnpool) for layer in model.layers) == (
        "fcn" not in decoder and decoder != "bilinear"
    )


def test_any_size_gives_what_a_fixed_size_gives():
    x = ops.convert_to_tensor(np.random.default_rng(0).uniform(0, 255, (1, 37, 29, 3)).astype("float32"))
    for decoder in ("max_unpooling", "fcn"):
        fixed = build("segnet_basic", decoder=decoder, base_width=4, input_shape=(37, 29, 3))
        dynamic = build("segnet_basic", decoder=decoder, base_width=4)
        dynamic.set_weights(fixed.get_weights())
        np.testing.assert_allclose(dynamic(x), fixed(x), atol=1e-6)


def test_bilinear_has_nothing_to_learn_but_the_scores():
    model = unallocated("segnet_basic", num_classes=C, decoder="bilinear")
    fixed = [name for name, layer in ((layer.name, layer) for layer in model.layers) if not layer.trainable]
    assert [name for name in fixed if name.startswith("upsample")] == [f"upsample{level}" for level in (4, 3, 2, 1)]


def test_the_context_of_the_deepest_map_is_106_pixels():
    """Section 3.2. A 7×7 convolution adds 6 positions, a 2×2 pooling one, at strides 1, 2, 4, 8: 1 + 7·15."""
    model = build("segnet_basic", base_width=2, input_shape=(160, 160, 3))
    deepest = keras.Model(model.input, model.get_layer("pool4").output[0])
    image = np.full((161, 160, 160, 3), 100, "float32")
    image[np.arange(160), np.arange(160)] += 100  # one row of each copy differs from the last copy
    maps = np.asarray(deepest(ops.convert_to_tensor(image)))[:, 5]
    seen = np.flatnonzero(np.abs(maps[:-1] - maps[-1]).max((1, 2)) > 1e-6)
    assert 1 + 7 * (1 + 2 + 4 + 8) == 106
    assert 90 < np.ptp(seen) + 1 <= 106
