"""The real weights files, where they are at hand: `KSEG_DATA` names the folder that holds `weights/`."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from kseg.encoders import read_weights
from kseg.errors import UsageError
from kseg.models import build, build_with_report

FOLDER = Path(os.environ.get("KSEG_DATA", "")) / "weights"
pytestmark = pytest.mark.skipif("KSEG_DATA" not in os.environ, reason="KSEG_DATA is not set to a folder of real data")

# file, network, layers kept (convolutions and their normalizations), layers left random (with fc6 and fc7)
FILES = {
    "alexnet": ("alexnet_conv1-5_pruned8bit.npz.xz", "fcn32s_alexnet", 5, 2),
    "vgg16": ("vgg16_blocks1-3.npz.xz", "bfcn32s", 7, 8),
    "resnet50": ("resnet50_notop_pruned8bit.weights.h5.xz", "fcresnet", 2 * 53, 0),
    "mobilenetv2": ("mobilenet_v2_notop.weights.h5.xz", "fcmobilenet", 2 * 52, 0),
}


@pytest.mark.parametrize("encoder", FILES)
def test_loads_into_its_network(encoder):
    file, name, kept, random = FILES[encoder]
    model, report = build_with_report(name, input_shape=(64, 64, 3), head_width=4, weights=FOLDER / file)
    assert (len(report.kept), len(report.random), len(report.dropped)) == (kept, random, 0)
    if encoder == "vgg16":
        assert report.frozen == ("block4_conv1", "block4_conv2", "block4_conv3")
    stored = read_weights(FOLDER / file)
    numbers = sum(array.size for layer in stored.values() for array in layer.values())
    assert numbers == sum(model.get_layer(layer).count_params() for layer in report.kept)
    # Features of a smooth picture: neither dead nor exploding, which a wrong order of weights would give.
    picture = 127 + 100 * np.sin(np.linspace(0, 12, 64 * 64 * 3)).reshape(1, 64, 64, 3).astype("float32")
    last = {
        "alexnet": "pool5", "vgg16": "block3_pool", "resnet50": "conv5_block3_out", "mobilenetv2": "out_relu",
    }[encoder]  # fmt: skip
    feature = np.asarray(keras.Model(model.input, model.get_layer(last).output)(ops.convert_to_tensor(picture)))
    assert 0.01 < (feature > 0).mean() < 0.99
    assert feature.max() < 1e4
    keras.utils.clear_session(free_memory=False)


def test_the_file_of_another_network():
    with pytest.raises(UsageError, match="holds no weights for vgg16"):
        build("bfcn32s", input_shape=(32, 32, 3), head_width=4, weights=FOLDER / FILES["mobilenetv2"][0])
