"""Joint prediction: the largest of several probabilities by hand, and from the command line with its mIoU."""

import json
import re

import keras
import numpy as np
import pytest
from pytest import approx

from kseg.cli.main import main
from kseg.datasets import data_options, open_dataset
from kseg.datasets.images import read_image, save_image
from kseg.errors import UsageError
from kseg.inference import ModelCard, save_model
from kseg.inference.joint import joint_probabilities
from kseg.models import model_options
from kseg.postprocess import crf_parameters, dense_crf
from kseg.training.config import TrainConfig

DATA = data_options(synthetic_size=32, synthetic_counts=(4, 2, 3), parts=True)


def test_the_largest_probability_wins_if_it_exceeds_the_threshold():
    # pixels: a wins; b wins; neither exceeds ½; both are alike, so the first
    foreground = np.array([[[0.9, 0.2, 0.4, 0.7]], [[0.6, 0.8, 0.3, 0.7]]])
    found = joint_probabilities(foreground)
    assert found.shape == (1, 4, 3) and found.argmax(-1).tolist() == [[1, 2, 0, 1]]
    # q = (.1, .9, .6) / 1.6
    assert found[0, 0] == approx(np.array([0.1, 0.9, 0.6]) / 1.6)
    assert found.sum(-1) == approx(np.ones((1, 4)))
    assert joint_probabilities(foreground, threshold=0.35).argmax(-1).tolist() == [[1, 2, 1, 1]]
    assert joint_probabilities(foreground, threshold=0.75).argmax(-1).tolist() == [[1, 2, 0, 0]]
    assert joint_probabilities(np.zeros((2, 1, 1)), threshold=1e-300).argmax(-1) == 0


def channel_network(channel, path, name, *, two=False):
    """p = one color channel / 255, as one channel or as two."""
    weights = np.zeros((1, 1, 3, 1), np.float32)
    weights[0, 0, channel] = 1 / 255
    bias = np.zeros(1, np.float32)
    if two:
        weights, bias = np.concatenate([-weights, weights], -1), np.array([1, 0], np.float32)
    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(2 if two else 1, 1)
    model = keras.Model(image, layer(image))
    layer.set_weights([weights, bias])
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, path, ModelCard(("background", name), ((0, 0, 0), (9 * channel, 255, 0))))


@pytest.fixture
def runs(tmp_path):
    """Two runs on the same portraits: one finds hair where it is red, one the face where it is green."""
    for channel, name in enumerate(("hair", "face")):
        channel_network(channel, tmp_path / name / "model.keras", name, two=channel == 1)
        config = TrainConfig(data=data_options(**{**vars(DATA), "category": name}), model=model_options("unet"))
        (tmp_path / name / "config.json").write_text(json.dumps(config.to_json()))
    return tmp_path


def test_masks_of_images(runs, capsys):
    colors = np.array([[[250, 10, 0], [10, 250, 0], [10, 20, 255], [140, 200, 0]]], np.uint8)
    save_image(runs / "photo.png", colors)
    out = runs / "out"
    arguments = [
        "predict",
        str(runs / "hair"),
        str(runs / "face"),
        str(runs / "photo.png"),
        "--joint",
        "--out",
        str(out),
    ]
    (runs / "broken.png").write_bytes(b"no image")
    arguments.insert(3, str(runs / "broken.png"))
    assert main([*arguments, "--probabilities", "npy"]) == 1  # the others have theirs, as of one run
    said = capsys.readouterr()
    assert "1 mask in" in said.out and "1 of 2 images cannot be read" in said.err and said.err.count("broken.png") == 1
    assert np.load(out / "photo_probabilities.npy").argmax(-1).tolist() == [[1, 2, 0, 2]]
    assert (out / "photo.png").exists() and read_image(out / "photo_overlay.png").shape == colors.shape


def test_masks_behind_tiles_the_mean_over_mirror_images_and_a_crf(runs, capsys):
    """Each network sees a single pixel, so that only the CRF changes an answer."""
    colors = np.random.default_rng(0).integers(0, 256, (40, 70, 3), dtype=np.uint8)
    save_image(runs / "photo.png", colors)
    arguments = ["predict", str(runs / "hair"), str(runs / "face"), str(runs / "photo.png"), "--joint", "--out"]
    flags = ["--probabilities", "npy", "--no-overlays"]
    assert main([*arguments, str(runs / "plain"), "--input-size", "original", *flags]) == 0
    assert main([*arguments, str(runs / "tiles"), "--tiles", "64", "--tta", "flips", *flags]) == 0
    assert (
        main([*arguments, str(runs / "crf"), "--tiles", "64", "--crf", "--crf-parameters", "iterations=2", *flags]) == 0
    )
    plain, tiles, crf = (
        np.load(runs / folder / "photo_probabilities.npy").astype(float) for folder in ("plain", "tiles", "crf")
    )
    np.testing.assert_allclose(tiles, plain, atol=1e-5)
    np.testing.assert_allclose(crf, dense_crf(colors, plain, crf_parameters(["iterations=2"])), atol=1e-3)
    assert np.abs(crf - plain).max() > 0.1


def test_the_runs_own_test_images_are_measured_without_images(runs, capsys):
    out = runs / "out"
    assert main(["predict", str(runs / "hair"), str(runs / "face"), "--joint", "--out", str(out)]) == 0
    result = json.loads((out / "evaluation.json").read_text())
    assert result["classes"] == ["background", "hair", "face"] and "miou" in capsys.readouterr().out
    # the same by hand
    truth = open_dataset(DATA).only((1, 2))
    counts = np.zeros((3, 3), int)
    for record in truth.records("test"):
        red, green = truth.image(record)[..., 0] / 255, truth.image(record)[..., 1] / 255
        guess = np.where(np.maximum(red, green) <= 0.5, 0, np.where(red >= green, 1, 2))
        np.add.at(counts, (truth.labels(record), guess), 1)
    assert result["confusion_matrix"] == counts.tolist()


def test_truth_of_some_categories():
    whole = open_dataset(DATA)
    some = whole.only([whole.classes.index("face")])
    record = some.records("test")[0]
    assert some.classes == ("background", "face") and len(some.palette) == 2
    face = whole.labels(record) == whole.classes.index("face")
    assert (some.labels(record) == face).all()
    assert some.label_counts([record])[0, :2].tolist() == [(~face).sum(), face.sum()]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["hair"], "at least two runs of one category each, received 1"),
        (["hair", "hair"], "both find 'hair'; leave one of them out"),
        (["hair", "parts"], r"parts\S* tells 3 classes apart \(background, hair, face\); --joint joins runs of one"),
        (
            ["hair", "face/model.keras", "other"],
            "hair and .*other were trained on different data .*synthetic_size: 32 → 64",
        ),
        (["hair", "alone.keras"], "alone.keras is no run and does not say what it was trained on; name images"),
    ],
)
def test_what_cannot_be_joined(runs, names, sentence, capsys):
    channel_network(2, runs / "alone.keras", "dog")
    channel_network(2, runs / "other" / "model.keras", "cat")
    config = TrainConfig(data=data_options(**{**vars(DATA), "synthetic_size": 64}))
    (runs / "other" / "config.json").write_text(json.dumps(config.to_json()))
    image = keras.Input((None, None, 3))
    (runs / "parts").mkdir()
    (runs / "parts" / "config.json").write_text("{}")
    three = keras.Model(image, keras.layers.Conv2D(3, 1, activation="softmax")(image))
    save_model(three, runs / "parts" / "model.keras", ModelCard(("background", "hair", "face"), ((0,) * 3,) * 3))
    arguments = [str(runs / name) for name in names]
    assert main(["predict", *arguments, "--joint", "--out", str(runs / "out")]) == UsageError("").exit_code
    message = capsys.readouterr().err
    assert re.search(sentence, message), message
    assert not (runs / "out").exists()
