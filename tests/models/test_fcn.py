"""The FCN family: weights counted by arithmetic, layers of the paper, its three stages, one builder for two losses."""

import keras
import numpy as np
import pytest
from counting import MOBILENETV2, RESNET50, VGG16, counts, trainable, unallocated
from keras import ops
from narrow import narrow

from kseg.errors import UsageError
from kseg.models import build, start_from

ALEXNET = 34_944 + 307_456 + 885_120 + 663_936 + 442_624
SMALL = (64, 64, 3)


@pytest.fixture(autouse=True)
def forget():
    """Variables without value must not be given one later."""
    yield
    keras.utils.clear_session(free_memory=False)


def call(model, x, **how):
    return np.asarray(model(ops.convert_to_tensor(x), **how))


def images(height=64, width=64):
    return np.random.default_rng(0).integers(0, 256, (1, height, width, 3)).astype("float32")


def test_fcn32s_alexnet_has_the_weights_of_the_paper():
    model = unallocated("fcn32s_alexnet")
    expected = {
        "fc6": 6 * 6 * 256 * 4096 + 4096,  # 37,752,832, as in the classifier
        "fc7": 4096 * 4096 + 4096,  # 16,781,312
        "score_fr": 4096 * 1 + 1,
        "upscore32": 64 * 64 * 1 * 1,
    }
    assert counts(model) == expected
    assert (expected["fc6"], expected["fc7"]) == (37_752_832, 16_781_312)
    assert model.count_params() == ALEXNET + sum(expected.values()) == 56_876_417
    assert trainable(model) == model.count_params() - expected["upscore32"]  # "performs bilinear interpolation"


def test_fcn_acc_is_fcn_iou_with_two_outputs():
    """Softmax over two scores, sigmoid of one: everything before the scores is the same."""
    one, two = (counts(unallocated("fcn32s_alexnet", outputs=outputs)) for outputs in (None, 2))
    assert two["score_fr"] == 2 * one["score_fr"] and two["upscore32"] == 2 * 2 * one["upscore32"]
    assert (two["fc6"], two["fc7"]) == (one["fc6"], one["fc7"])
    y = call(narrow("fcn32s_alexnet", outputs=2), images(33, 50), training=False)
    assert y.shape == (1, 33, 50, 2)
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)


def test_the_letter_of_rahman_and_wang():
    model = unallocated("fcn32s_alexnet", fc6_kernel=1)
    assert counts(model)["fc6"] == 256 * 4096 + 4096
    with pytest.raises(UsageError, match=r"fc6_kernel of fcn32s_alexnet is 3; it must be one of 1, 6, such as"):
        build("fcn32s_alexnet", fc6_kernel=3)


def test_an_even_kernel_is_padded_by_more_in_front():
    model = narrow("fcn32s_alexnet", input_shape=SMALL)
    assert model.get_layer("fc6_pad").padding == ((3, 2), (3, 2))
    assert model.get_layer("fc6").output.shape[1:3] == (2, 2)


C = 21  # Pascal VOC


@pytest.mark.parametrize(
    ("name", "upscoring"),
    [
        ("fcn32s", {"upscore32": 64**2 * C**2}),
        ("fcn16s", {"upscore2": 4**2 * C**2, "score_pool4": 512 * C + C, "upscore16": 32**2 * C**2}),
        (
            "fcn8s",
            {
                "upscore2": 4**2 * C**2, "score_pool4": 512 * C + C,
                "upscore_pool4": 4**2 * C**2, "score_pool3": 256 * C + C,
                "upscore8": 16**2 * C**2,
            },
        ),
    ],
)  # fmt: skip
def test_the_family_on_vgg16_has_the_weights_of_long_et_al(name, upscoring):
    model = unallocated(name, num_classes=C)
    head = {"fc6": 7 * 7 * 512 * 4096 + 4096, "fc7": 4096**2 + 4096, "score_fr": 4096 * C + C}
    assert counts(model) == head | upscoring
    assert model.count_params() == VGG16 + sum(head.values()) + sum(upscoring.values())
    last = list(upscoring)[-1]
    assert trainable(model) == model.count_params() - upscoring[last]  # section 4.3: the last one is fixed


@pytest.mark.parametrize(
    ("encoder", "weights", "channels", "width"),
    [
        ("resnet50", RESNET50, (512, 1024, 2048), 512),
        ("resnet101", 42_658_176, (512, 1024, 2048), 512),
        ("mobilenetv2", MOBILENETV2, (192, 576, 1280), 256),
    ],
)
def test_fcn8s_on_other_encoders(encoder, weights, channels, width):
    model = unallocated("fcn8s", encoder=encoder)
    pool3, pool4, last = channels
    expected = {
        "fc6": 9 * last * width + width, "fc7": width**2 + width, "score_fr": width + 1,
        "upscore2": 16, "score_pool4": pool4 + 1, "upscore_pool4": 16, "score_pool3": pool3 + 1, "upscore8": 16**2,
    }  # fmt: skip
    assert counts(model) == expected
    assert model.count_params() == weights + sum(expected.values())
    if encoder == "mobilenetv2":  # frozen, so that its features can be cached
        assert trainable(model) == sum(expected.values())
        assert expected["fc6"] + expected["fc7"] == 3_015_168


@pytest.mark.parametrize(("name", "scores"), [("fcn32s", 43_029), ("fcn16s", 21_525), ("fcn8s", 10_773)])
def test_scores_straight_on_the_stages_of_resnet101(name, scores):
    """Kim et al. 2019 to the letter: no fc6 and fc7; scores of stages of 2048, 1024 and 512 channels."""
    found = counts(unallocated(name, num_classes=C, encoder="resnet101", fully_connected=False))
    assert found["score_fr"] == 43_029 and "fc6" not in found and "fc7" not in found
    assert found[{"fcn32s": "score_fr", "fcn16s": "score_pool4", "fcn8s": "score_pool3"}[name]] == scores


def test_maps_and_dropout_of_the_paper():
    model = unallocated("fcn8s")  # of 224×224
    sizes = {name: model.get_layer(name).output.shape[1] for name in ("score_fr", "fuse_pool4", "fuse_pool3")}
    assert sizes == {"score_fr": 7, "fuse_pool4": 14, "fuse_pool3": 28}
    assert (model.get_layer("drop6").rate, model.get_layer("drop7").rate) == (0.5, 0.5)
    assert model.get_layer("fc6").kernel_size == (7, 7) and model.get_layer("fc7").kernel_size == (1, 1)


def test_every_score_starts_at_zero():
    model = build("fcn8s", num_classes=3, head_width=4, input_shape=SMALL, activation=None)
    assert not call(model, images(), training=False).any()


def test_stages_follow_one_another():
    """The new skip begins at zero: the second stage begins with the first one's scores, enlarged in two steps."""
    first = narrow("fcn32s", input_shape=SMALL, activation=None)
    second = build("fcn16s", head_width=8, input_shape=SMALL, activation=None)
    report = start_from(second, first, name="runs/first")
    assert {"block5_conv3", "fc6", "fc7", "score_fr"} <= set(report.kept)
    assert len(report.kept) == 13 + 3
    assert report.random == ("upscore2", "score_pool4")  # upscore16 is fixed, complete as it is
    assert (report.reshaped, report.dropped, report.frozen) == ((), ("upscore32",), ())
    before, after = (call(model, images(), training=False).ravel() for model in (first, second))
    assert np.corrcoef(before, after)[0, 1] > 0.95

    third = build("fcn8s", head_width=8, input_shape=SMALL, activation=None)
    report = start_from(third, second, name="runs/second")
    assert {"upscore2", "score_pool4"} <= set(report.kept)
    assert report.random == ("upscore_pool4", "score_pool3") and report.dropped == ("upscore16",)


def test_started_from_other_classes_and_from_a_dense_layer():
    target = build("fcn32s", num_classes=5, head_width=8, input_shape=SMALL)
    report = start_from(target, narrow("fcn32s", input_shape=SMALL), name="binary")
    assert report.random == ("score_fr",) and "fc7" in report.kept
    dense = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, name="fc7")])
    report = start_from(target, dense, name="dense")
    assert (report.kept, report.reshaped) == ((), ("fc7",))
    expected = dense.get_layer("fc7").get_weights()[0]
    np.testing.assert_array_equal(target.get_layer("fc7").get_weights()[0][0, 0], expected)
    with pytest.raises(UsageError, match="unet shares no layer with fcn32s; start from a run of the same encoder"):
        start_from(target, narrow("unet"), name="unet")


def test_at_once_scales_the_skips():
    """Everything but the skips at zero: the score of constant features 10 is scaled by 0.01 and 0.0001."""
    model = narrow("fcn8s", input_shape=SMALL, skips="at_once")
    scales = {name: model.get_layer(name).scale for name in ("scale_pool4", "scale_pool3")}
    assert scales == {"scale_pool4": 0.01, "scale_pool3": 0.0001}
    staged = narrow("fcn8s", input_shape=SMALL)
    assert counts(staged) == counts(model)


def test_upscore_is_fixed_or_learned():
    fixed, learned = (narrow("fcn32s", input_shape=SMALL, upscore=upscore) for upscore in ("auto", "learned"))
    assert [model.get_layer("upscore32").trainable for model in (fixed, learned)] == [False, True]
    kernel = fixed.get_layer("upscore32").get_weights()[0]
    np.testing.assert_array_equal(kernel, learned.get_layer("upscore32").get_weights()[0])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"encoder": "vgg17"}, "unknown encoder 'vgg17'; did you mean 'vgg1[69]'.*valid: alexnet, convnextbase"),
        ({"skips": "at_onse"}, "unknown skips of fcn8s 'at_onse'; did you mean 'at_once'"),
        ({"upscore": "bilinear"}, "unknown upscore of fcn8s 'bilinear'; .*valid: auto, fixed, learned"),
        ({"dropout": 1.0}, "dropout of fcn8s is 1.0; it must be at least 0 and below 1, such as the default, 0.5"),
        ({"head_width": 0}, "head_width of fcn8s is 0; it must be at least 1 and at most 65536, or left out"),
        ({"outputs": 3}, "outputs is 3 for 2 classes; wanted 1 or 2"),
        ({"num_classes": 5, "outputs": 2}, "outputs is 2 for 5 classes; wanted 5"),
    ],
)
def test_refused_in_one_sentence(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        build("fcn8s", **options)
