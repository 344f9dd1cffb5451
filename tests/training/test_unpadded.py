"""A network without padding in training: labels are of the center, and the finished network answers for all of it."""

import json

import numpy as np
import pytest
from tiny_run import tiny_run

from kseg.errors import UsageError
from kseg.inference import load_model
from kseg.pipeline.centered import CenteredTargets
from kseg.pipeline.maps import PixelWeights
from kseg.pipeline.targets import LabelTargets
from kseg.structures import LabelMap
from kseg.training.run import train

pytestmark = pytest.mark.usefixtures("clean_framework")

UNPADDED = {
    "model": "unet2015", "base_width": 4, "depth": 2, "dropout": 0.0, "borders": "cropped", "image_size": (60, 64),
}  # fmt: skip


def test_targets_are_those_of_the_whole_truth_at_the_center():
    """Border weights are those of the whole image, also if the second object lies in the margin."""
    label = np.zeros((20, 24), np.uint8)
    label[8:12, 2:9], label[8:12, 11:13] = 1, 1  # the first begins in the margin
    whole = LabelTargets(("distance", "image"), weights=PixelWeights((1.0, 1.0), border=10.0))
    image = np.arange(20 * 24 * 3, dtype=np.uint8).reshape(20, 24, 3)
    expected = whole(LabelMap(label), image)
    found = CenteredTargets(whole, 4)(LabelMap(label), image)
    assert {*found} == {*expected} == {"label", "distance", "weight", "image"}
    for name, target in found.items():
        np.testing.assert_array_equal(target, expected[name][4:-4, 4:-4])
    specs = CenteredTargets(whole, 4).specs((20, 24))
    assert {name: spec.shape for name, spec in specs.items()} == {name: t.shape for name, t in found.items()}
    assert CenteredTargets(whole, 4).specs((None, None))["distance"].shape == (None, None, 1)


@pytest.mark.parametrize("keep", ["everything", "measurements"])
def test_trained_on_centers_measured_at_full_size(tmp_path, keep):
    config = tiny_run(**UNPADDED, epochs=1, loss="bce", keep=keep, tensorboard=keep == "everything")
    workdir = train(config, tmp_path / "run")
    results = json.loads(workdir.results.read_text())
    assert np.sum(results["evaluation"]["confusion_matrix"]) == 4 * 32 * 32  # every pixel of the four test images
    if keep == "everything":
        model, _ = load_model(workdir.path)
        assert model(np.zeros((1, 37, 45, 3), "float32")).shape == (1, 37, 45, 1)


def test_sizes_that_cannot_go_through_are_refused_before_training(tmp_path):
    with pytest.raises(UsageError, match="take 60 or 64"):
        train(tiny_run(**{**UNPADDED, "image_size": (62, 64)}), tmp_path / "run")
