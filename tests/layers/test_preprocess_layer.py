"""Preprocess against the preprocessing functions of keras.applications, by hand, and in half precision."""

import keras
import numpy as np
import pytest

from kseg.layers import Preprocess

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype="uint8")

THEIRS = {  # our mode: a network that Keras preprocesses for in that way
    "caffe": keras.applications.vgg16,  # and resnet50
    "symmetric": keras.applications.mobilenet_v2,  # "tf"
    "torch": keras.applications.densenet,
}


@pytest.mark.parametrize("mode", THEIRS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_equals_keras_applications(mode, dtype):
    expected = THEIRS[mode].preprocess_input(IMAGES.astype("float32"), data_format="channels_last")
    found = Preprocess(mode)(IMAGES.astype(dtype))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_by_hand():
    pixel = np.array([255, 127.5, 0]).reshape(1, 1, 1, 3)
    assert np.asarray(Preprocess("unit")(pixel)).ravel() == pytest.approx([1, 0.5, 0])
    assert np.asarray(Preprocess("symmetric")(pixel)).ravel() == pytest.approx([1, 0, -1])
    #                                                                    B − 103.939, G − 116.779, R − 123.68
    assert np.asarray(Preprocess("caffe")(pixel)).ravel() == pytest.approx([-103.939, 127.5 - 116.779, 255 - 123.68])
    # (R/255 − .485)/.229 …
    expected = [(1 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0 - 0.406) / 0.225]
    assert np.asarray(Preprocess("torch")(pixel)).ravel() == pytest.approx(expected)


def test_raw_values_are_not_rounded_before_they_are_centered():
    """bfloat16 has 8 bits: 255 → 256, 123 − 123.68 would be lost in steps of 1."""
    layer = Preprocess("caffe", dtype="mixed_bfloat16")
    y = layer(np.full((1, 1, 1, 3), [123, 116, 103], "float32"))
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    found = np.asarray(keras.ops.cast(y, "float32")).ravel()
    np.testing.assert_allclose(found, [103 - 103.939, 116 - 116.779, 123 - 123.68], rtol=2**-8)


def test_unknown_mode_names_the_valid_ones():
    with pytest.raises(ValueError, match="mode is 'imagenet'; valid: caffe, symmetric, torch, unit"):
        Preprocess("imagenet")
