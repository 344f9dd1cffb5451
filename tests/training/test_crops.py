"""Crops of images that are not resized: trained in windows, validated and measured as wholes of their own sizes."""

import json

import numpy as np
import pytest
from PIL import Image
from tiny_run import tiny_run

from kseg.cli.main import main
from kseg.inference import load_model
from kseg.pipeline import Augmentation
from kseg.training.run import train

SIZES = ((40, 56), (72, 48), (33, 35))


@pytest.fixture
def folder(tmp_path):
    """Twelve images of three sizes, one of them smaller than the crops, with a brighter box to find."""
    rng = np.random.default_rng(0)
    for index in range(12):
        height, width = SIZES[index % 3]
        mask = np.zeros((height, width), np.uint8)
        mask[8:24, 10:30] = 1
        image = rng.integers(0, 90, (height, width, 3)) + 120 * mask[..., None]
        for name, pixels in (("images", image.astype(np.uint8)), ("masks", mask)):
            (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{index:02}.png")
    return tmp_path / "data"


@pytest.mark.parametrize("keep", ["everything", "measurements"])
def test_wholes_of_their_own_sizes_are_measured(folder, tmp_path, capsys, keep):
    changes = {"dataset": "folder", "data_dir": folder, "augment": Augmentation(crop=(48, 48), scale=(0.5, 2.0))}
    workdir = train(tiny_run(epochs=1, keep=keep, preset="paper", **changes), tmp_path / "run")
    told = capsys.readouterr().err
    assert "random crops of 48×48 of images that are not resized, with void around smaller ones" in told
    evaluation = workdir.read_results()["evaluation"]
    assert evaluation["input_size"] == "original"
    pixels = [Image.open(folder / "masks" / f"{name}.png").size for name in evaluation["ids"]]
    assert np.sum(evaluation["confusion_matrix"]) == sum(width * height for width, height in pixels)
    if keep == "everything":
        _, card = load_model(workdir.path)
        assert (card.image_size, card.input_size) == (None, "original")
        assert main(["evaluate", str(workdir.path)]) == 0
        (again,) = workdir.path.glob("evaluation-*/evaluation.json")
        assert json.loads(again.read_text())["confusion_matrix"] == evaluation["confusion_matrix"]
