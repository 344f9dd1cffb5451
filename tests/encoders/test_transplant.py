"""Weights from a file into the encoder of a model: what is kept, reshaped, left random, and what is refused."""

import dataclasses
import json
import socket
import sys

import keras
import numpy as np
import pytest
from weight_files import VGG16_CONVOLUTIONS, compressed, vgg16_weights, write_keras2, write_npz

from kseg.encoders import (
    ENCODERS,
    TransplantReport,
    encoder_layers,
    imagenet_problem,
    load_encoder_weights,
    transplant,
)
from kseg.errors import Failure, UsageError
from kseg.models import build, build_with_report

WIDTH = 4


@pytest.fixture(scope="module")
def network():
    """BFCN-32s, narrow; its encoder takes up what each test brings."""
    yield build("bfcn32s", input_shape=(32, 32, 3), head_width=WIDTH)
    keras.utils.clear_session(free_memory=False)


def has(network, layer, weights):
    return all(
        np.array_equal(found, expected)
        for found, expected in zip(network.get_layer(layer).get_weights(), weights[layer].values(), strict=True)
    )


def test_a_partial_file(network, tmp_path):
    """VGG16 blocks 1–3 alone, in the layout of the file that is shared: blocks 4 and 5 stay random and are told."""
    weights = vgg16_weights(blocks=3)
    block4 = [layer for layer in VGG16_CONVOLUTIONS if layer.startswith("block4")]
    block5 = [layer for layer in VGG16_CONVOLUTIONS if layer.startswith("block5")]
    before = network.get_layer("block4_conv1").get_weights()
    report = load_encoder_weights(network, compressed(write_npz(tmp_path / "vgg16_blocks1-3.npz", weights)))

    assert report == TransplantReport(
        source="vgg16_blocks1-3.npz.xz",
        kept=tuple(weights),
        reshaped=(),
        random=(*block4, *block5),
        dropped=(),
        frozen=tuple(block4),  # block 5 is trained, block 4 would stay noise for ever
    )
    assert len(report.kept) == 7
    assert all(has(network, layer, weights) for layer in weights)
    for old, new in zip(before, network.get_layer("block4_conv1").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_report_reads_well(network, tmp_path):
    text = str(load_encoder_weights(network, write_npz(tmp_path / "part.npz", vgg16_weights(blocks=3))))
    assert text.splitlines() == [
        "weights from part.npz: 7 layers kept",
        "  left random: block4_conv1, block4_conv2, block4_conv3, block5_conv1, block5_conv2, block5_conv3",
        "  random and frozen: block4_conv1, block4_conv2, block4_conv3; train them with --trainable-from block4_conv1",
    ]


def test_a_long_report_is_cut(network):
    stored = vgg16_weights() | {f"extra{i}": {"kernel": np.zeros(1)} for i in range(20)}
    report = transplant(network, stored, source="big")
    assert report.random == report.frozen == ()
    assert len(report.dropped) == 20
    assert str(report).splitlines()[1].endswith("extra11 and 8 more")


def test_the_remedy_of_the_report_works(tmp_path):
    path = write_npz(tmp_path / "part.npz", vgg16_weights(blocks=3))
    model, report = build_with_report(
        "bfcn32s", input_shape=(32, 32, 3), head_width=WIDTH, weights=path, trainable_from="block4_conv1"
    )
    assert report.frozen == ()
    assert len(report.random) == 6 + 2  # fc6 and fc7
    assert model.get_layer("block4_conv1").trainable and not model.get_layer("block3_conv3").trainable


def test_whole_files_of_keras_2(network, tmp_path):
    weights = vgg16_weights()
    report = load_encoder_weights(network, write_keras2(tmp_path / "vgg16_notop.h5", weights))
    assert report.kept == tuple(weights)
    assert report.random == report.dropped == ()
    assert all(has(network, layer, weights) for layer in weights)


@pytest.mark.parametrize("name", ["mobilenetv2", "convnexttiny", "xception", "efficientnetb0"])
def test_files_of_keras_3(name, tmp_path):
    """What `keras.applications` writes by `save_weights`: batch normalization, layers in layers, numbered names."""
    keras.layers.Conv2D(1, 1), keras.layers.BatchNormalization()  # so that numbers do not begin at the beginning
    theirs = ENCODERS[name].application(include_top=False, weights=None, input_shape=(96, 96, 3))
    theirs.set_weights([array + 0.5 for array in theirs.get_weights()])
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    keras.utils.clear_session(free_memory=False)
    image = keras.Input((32, 32, 3), name="image")
    model = keras.Model(image, ENCODERS[name](image)[32])
    report = load_encoder_weights(model, tmp_path / "theirs.weights.h5")
    assert report.random == ()
    assert report.dropped == (("normalization",) if name == "efficientnetb0" else ())
    expected = [a for layer in theirs.layers if layer.name != "normalization" for a in layer.get_weights()]
    found = [a for layer in encoder_layers(model) for a in layer.get_weights()]
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_classifier_becomes_convolutions(network, tmp_path):
    """fc1 of VGG16 is a dense layer over the flattened 7×7×512 map: fc6 is the same numbers in the same order."""
    dense = np.random.default_rng(0).normal(size=(7 * 7 * 512, WIDTH)).astype("float32")
    weights = vgg16_weights(blocks=1) | {
        "fc1": {"kernel": dense, "bias": np.arange(WIDTH, dtype="float32")},
        "fc2": {"kernel": np.eye(WIDTH, dtype="float32"), "bias": np.ones(WIDTH, "float32")},
        "predictions": {"kernel": np.ones((WIDTH, 10), "float32"), "bias": np.ones(10, "float32")},
    }
    report = load_encoder_weights(
        network, write_npz(tmp_path / "vgg16.npz", weights), convolutionized={"fc6": "fc1", "fc7": "fc2"}
    )
    assert report.reshaped == ("fc6 ← fc1", "fc7 ← fc2")
    assert report.dropped == ("predictions",)
    assert "  reshaped: fc6 ← fc1, fc7 ← fc2" in str(report).splitlines()
    kernel, bias = network.get_layer("fc6").get_weights()
    feature = np.random.default_rng(1).normal(size=(7, 7, 512)).astype("float32")
    convolved = (kernel * feature[..., None]).sum((0, 1, 2))
    np.testing.assert_allclose(convolved, feature.ravel() @ dense, rtol=1e-3, atol=1e-2)
    np.testing.assert_array_equal(bias, [0, 1, 2, 3])
    np.testing.assert_array_equal(network.get_layer("fc7").get_weights()[0][0, 0], np.eye(WIDTH))


def test_a_classifier_of_another_width_is_dropped(network, tmp_path):
    weights = vgg16_weights(blocks=1) | {"fc1": {"kernel": np.zeros((9, 2), "float32"), "bias": np.zeros(2, "float32")}}
    before = network.get_layer("fc6").get_weights()[0]
    report = load_encoder_weights(network, write_npz(tmp_path / "w.npz", weights), convolutionized={"fc6": "fc1"})
    assert report.reshaped == () and report.dropped == ("fc1",)
    np.testing.assert_array_equal(network.get_layer("fc6").get_weights()[0], before)


def test_another_architecture_is_refused(network, tmp_path):
    weights = {"conv1_conv": {"kernel": np.zeros((7, 7, 3, 64), "float32"), "bias": np.zeros(64, "float32")}}
    sentence = "resnet.npz holds no weights for vgg16: its layers are conv1_conv, wanted block1_conv1.*--weights none"
    with pytest.raises(UsageError, match=sentence):
        load_encoder_weights(network, write_npz(tmp_path / "resnet.npz", weights))


def test_an_empty_archive_is_refused(network, tmp_path):
    with pytest.raises(UsageError, match="its layers are none"):
        load_encoder_weights(network, write_npz(tmp_path / "empty.npz", {}))


def test_wrong_shapes_are_named_and_nothing_is_changed(network, tmp_path):
    weights = vgg16_weights(blocks=2)
    weights["block2_conv1"]["kernel"] = np.zeros((5, 5, 64, 128), "float32")
    before = network.get_weights()
    wrong = r"w.npz is of another architecture: block2_conv1/kernel is \(5, 5, 64, 128\), wanted \(3, 3, 64, 128\)"
    with pytest.raises(UsageError, match=wrong):
        load_encoder_weights(network, write_npz(tmp_path / "w.npz", weights))
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_half_a_layer_is_left_random(network, tmp_path):
    """A kernel without its bias is not kept: a layer is either the file's or random, never a mixture."""
    weights = vgg16_weights(blocks=2)
    del weights["block2_conv2"]["bias"]
    before = network.get_layer("block2_conv2").get_weights()[0]
    report = load_encoder_weights(network, write_npz(tmp_path / "w.npz", weights))
    assert "block2_conv2" in report.random and "block2_conv2" in report.dropped
    np.testing.assert_array_equal(network.get_layer("block2_conv2").get_weights()[0], before)


def test_a_failed_download_is_one_sentence(network, monkeypatch):
    def offline(*_, **__):
        raise Exception("URL fetch failure on https://example.org/w.h5:\n None -- unreachable")  # as Keras does

    monkeypatch.setattr("keras.utils.get_file", offline)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", offline)
    with pytest.raises(Failure, match="ImageNet weights of vgg16 could not be downloaded.*unreachable") as caught:
        load_encoder_weights(network, "imagenet")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("pass --weights PATH or --weights none")
    assert caught.value.exit_code == 1


def test_downloaded_weights_are_put_in(network, monkeypatch, tmp_path):
    """The download replaced by a file in the layout that Keras downloads."""
    weights = vgg16_weights()
    path = write_keras2(tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", weights)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(path))
    report = load_encoder_weights(network, "imagenet")
    assert report.source == "imagenet"
    assert report.kept == tuple(weights) and report.random == ()
    assert all(has(network, layer, weights) for layer in weights)


@pytest.mark.parametrize(("convolutionized", "whole"), [({"fc6": "fc1", "fc7": "fc2"}, True), (None, False)])
def test_the_classifier_is_downloaded_where_it_is_wanted(network, monkeypatch, convolutionized, whole):
    asked = {}

    def application(**arguments):
        asked.update(arguments)
        raise OSError("offline")

    vgg16 = ENCODERS["vgg16"]
    module = sys.modules[load_encoder_weights.__module__]  # the package has a function of the same name
    monkeypatch.setattr(module, "encoder_of", lambda layer: dataclasses.replace(vgg16, application=application))
    with pytest.raises(Failure, match="could not be downloaded"):
        load_encoder_weights(network, "imagenet", convolutionized=convolutionized)
    assert asked["include_top"] is whole


def test_the_report_of_a_model(tmp_path):
    assert build_with_report("unet", input_shape=(8, 8, 3), base_width=2)[1] is None
    assert build_with_report("unet", input_shape=(8, 8, 3), base_width=2, weights="none")[1] is None
    path = write_npz(tmp_path / "w.npz", vgg16_weights(blocks=1))
    report = build_with_report("bfcn32s", input_shape=(32, 32, 3), head_width=WIDTH, weights=str(path))[1]
    assert report.kept == ("block1_conv1", "block1_conv2")
    assert json.dumps(str(report))  # goes into env.json


def test_whether_the_imagenet_weights_can_be_had(monkeypatch):
    waited = []

    def download(encoder):
        waited.append(socket.getdefaulttimeout())
        if encoder == "vgg16":
            raise Failure("the ImageNet weights of vgg16 could not be downloaded (no network); pass --weights PATH")
        return {}

    module = sys.modules[imagenet_problem.__module__]  # the package has a function of the same name
    monkeypatch.setattr(module, "download_imagenet", download)
    assert imagenet_problem("mobilenetv2") is None
    assert "no network" in imagenet_problem("vgg16")
    assert None not in waited and socket.getdefaulttimeout() is None  # a firewall cannot hold a run up for ever
