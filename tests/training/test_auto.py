"""`--preset auto`: the rule by numbers, explicit flags win, and the printed flags repeat and resume the run."""

import shlex
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from kseg.atomic import write_json
from kseg.cli.main import _parse
from kseg.datasets import data_options, open_dataset
from kseg.errors import Failure
from kseg.models import MODELS, model_options
from kseg.pipeline import Augmentation
from kseg.training import auto, run
from kseg.training.auto import (
    batch_size,
    choose,
    choose_network,
    choose_settings,
    epochs,
    is_automatic,
    training_size,
)
from kseg.training.config import TrainConfig, TrainingOptions, resolve
from kseg.training.workdir import WorkDir

REASON = "the ImageNet weights of mobilenetv2 could not be downloaded"


@pytest.fixture(params=["weights", "no weights"])
def network(request, monkeypatch):
    """Whether the ImageNet weights can be downloaded."""
    monkeypatch.setattr(auto, "imagenet_problem", lambda encoder: None if request.param == "weights" else REASON)
    return request.param


def paired_folder(folder, count=12, classes=("background", "cell")):
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for i in range(count):
        labels = np.zeros((40, 60), np.uint8)
        labels[:, 10 + i : 16 + i] = 1
        Image.fromarray(labels).save(folder / "masks" / f"{i:02d}.png")
        image = labels[..., None] * 120 + rng.integers(0, 60, (40, 60, 3))
        Image.fromarray(image.astype(np.uint8)).save(folder / "images" / f"{i:02d}.png")
    return data_options("folder", folder, classes=classes)


@pytest.mark.parametrize(
    ("native", "width", "size"),
    [
        ((512, 512), 7.8, (512, 512)),  # membranes: narrow, so as they are
        ((360, 480), 7.2, (352, 480)),  # pedestrians
        ((600, 800), 24.0, (288, 384)),  # half, where structures of 24 pixels become 12
        ((375, 500), 200.0, (192, 256)),  # 224 × 224 pixels in the image's shape
        ((96, 96), 3.0, (224, 224)),  # never fewer than the encoders know
        ((3000, 4000), 10.0, (544, 736)),  # nor more than an evening allows
        ((360, 480), None, (192, 256)),  # no mask has a border
    ],
)
def test_the_size_keeps_narrow_structures(native, width, size):
    assert training_size(native, width) == size


def test_a_network_from_scratch_takes_small_images_as_they_are():
    assert training_size((96, 128), 3.0, smallest=False) == (96, 128)


@pytest.mark.parametrize(
    ("count", "pixels", "own", "batch"),
    [(1000, 224**2, 16, 16), (100, 224**2, 16, 8), (20, 224**2, 16, 4), (3, 224**2, 16, 3), (1000, 640**2, 16, 4),
     (1000, 224**2, 100, 16), (1000, 224**2, 8, 8)],
)  # fmt: skip
def test_the_batch(count, pixels, own, batch):
    assert batch_size(count, pixels, own) == batch


@pytest.mark.parametrize(
    ("steps", "pixels", "own", "number"),
    [
        (25, 4 * 512**2, 14, 20),  # 500 updates
        (63, 16 * 224**2, 14, 14),  # a thousand images: the model's own
        (1250, 16 * 224**2, 14, 3),  # twenty thousand: an evening
        (25, 8 * 224**2, 1000, 1000),  # ends by patience
    ],
)
def test_the_epochs(steps, pixels, own, number):
    assert epochs(steps, pixels, own) == number


def test_auto_is_the_default_for_folders_alone():
    asked = {None: (True, False), "auto": (True, True), "paper": (False, False)}
    for preset, expected in asked.items():
        configs = [
            TrainConfig(data_options(name), training=TrainingOptions(preset=preset)) for name in ("folder", "lfw")
        ]
        assert tuple(map(is_automatic, configs)) == expected


def test_the_network_and_its_weights(network):
    there = network == "weights"
    found = choose_network(TrainConfig())
    expected = ("unet_mobilenetv2", "imagenet") if there else ("unet", "none")
    assert (found.config.model.model, found.config.model.weights) == expected
    assert (REASON in found.why) != there  # a fallback is said
    named = choose_network(TrainConfig(model=model_options("fcn8s", encoder="mobilenetv2")))
    assert (named.config.model.model, named.config.model.weights) == ("fcn8s", "imagenet" if there else "none")
    assert (REASON in named.why) != there


@pytest.mark.parametrize(
    ("given", "model"),
    [
        (model_options(weights="w.npz"), "unet_mobilenetv2"),
        (model_options(weights="none"), "unet"),
        (MODELS["unet"].Options(model=None, base_width=8), "unet"),  # an option of unet alone
        (model_options("unet"), "unet"),
    ],
)
def test_what_is_given_needs_no_download(given, model, monkeypatch):
    monkeypatch.setattr(auto, "imagenet_problem", lambda encoder: pytest.fail("asked for weights"))
    found = choose_network(TrainConfig(model=given)).config.model
    assert (found.model, found.weights, found.given) == (model, given.weights, given.given)


def settings(folder, **groups):
    data = paired_folder(folder, classes=groups.pop("classes", ("background", "cell")))
    config = TrainConfig(data, **{"model": model_options("unet_mobilenetv2", weights="none"), **groups})
    dataset = open_dataset(data)
    return choose_settings(config, dataset, dataset.records("train"))


def test_few_small_images(tmp_path, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    found = settings(tmp_path / "a")
    assert found.values == {
        "model.image_size": (192, 288), "training.batch_size": 4, "training.learning_rate": 1e-3,
        "training.steps_per_epoch": 25, "training.epochs": 20, "augment.flip": True,
    }  # fmt: skip
    assert "training images of 40×60, narrowest structures about 6 pixels wide" in found.why


def test_what_is_given_wins_and_moves_the_rest(tmp_path, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    found = settings(
        tmp_path / "a", training=TrainingOptions(batch_size=1, epochs=7, optimizer="sgd"), augment=Augmentation("none")
    )
    assert found.values == {"model.image_size": (192, 288), "training.steps_per_epoch": 25}
    thin = settings(tmp_path / "c", model=model_options("unet", image_size=(32, 32)))  # 6 pixels · √(32²/(40·60))
    assert "about 6 pixels wide and 3.9 at the training size" in thin.why
    upright = settings(tmp_path / "d", augment=Augmentation(flip=False))
    assert "augment.flip" not in upright.values and settings(
        tmp_path / "e", augment=Augmentation(color=0.2)
    ).values["augment.flip"]  # fmt: skip
    sided = settings(tmp_path / "b", classes=("background", "left_lung"))
    assert "augment.flip" not in sided.values and "'left_lung'" in sided.why


def test_the_printed_flags_are_the_choice(tmp_path, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    found = settings(tmp_path / "a", model=model_options("unet"))
    words = ["train", "--dataset", "folder", "--data-dir", str(tmp_path / "a"), "--model", "unet"]
    pasted = _parse([*words, "--classes", "background", "cell", *shlex.split(found.flags)], program="kseg").options
    assert not is_automatic(pasted)
    assert resolve(pasted, image_size=(224, 224)) == resolve(found.config, image_size=(224, 224))


def stopped(*arguments, **options):
    raise KeyboardInterrupt


def test_a_run_goes_on_with_what_it_chose(tmp_path, monkeypatch, clean_framework):
    monkeypatch.chdir(tmp_path)
    data = paired_folder(tmp_path / "a")
    asked = TrainConfig(
        data,
        MODELS["unet"].Options(model=None, base_width=4, image_size=(32, 32)),
        training=TrainingOptions(epochs=1, steps_per_epoch=2, tensorboard=False, keep="measurements"),
    )
    monkeypatch.setattr(run, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        run.train(asked, tmp_path / "run", quiet=True)
    workdir = WorkDir(tmp_path / "run")
    config, chosen = workdir.read_config(), workdir.read_environment()["auto"]
    assert (config["model"]["model"], config["training"]["batch_size"], config["augment"]["flip"]) == ("unet", 4, True)
    assert chosen["options"] == ["augment.flip", "model.model", "training.batch_size", "training.learning_rate"]

    # The rule is another one now, as after new images or an update of kseg: the run stays what it was.
    monkeypatch.setattr(auto, "SMALLEST_BATCH", 2)
    monkeypatch.setattr(auto, "STEPS_OF_A_PASS", 80)
    settle = partial(resolve, image_size=(224, 224))
    again = choose(asked, open_dataset(data), None, settle=settle, path_of=lambda config: workdir.path)
    assert again.config.training.batch_size == 4 and "as chosen when" in again.why
    assert settle(again.config).to_json() == config
    # A settled configuration, such as a job's of the lab, has nothing left to choose.
    assert choose(settle(again.config), open_dataset(data), None, settle=settle, path_of=None) is None
    # A flag that was given wins over the record.
    other = replace(asked, training=replace(asked.training, batch_size=2))
    assert choose(other, open_dataset(data), workdir.path, settle=settle, path_of=None).config.training.batch_size == 2


def test_a_record_with_nonsense_is_not_taken(tmp_path):
    workdir = WorkDir.open(tmp_path / "run", resolve(TrainConfig(), image_size=(64, 64)))
    asked = TrainConfig(data_options("folder"))
    write_json(workdir.environment, {})
    assert auto.recorded(asked, workdir.path) is None
    for stored in (3, {}, {"options": 3}):
        write_json(workdir.environment, {"auto": stored})
        with pytest.raises(Failure, match="env.json"):
            auto.recorded(asked, workdir.path)
    names = ["model.nonsense", "x", "training.batch_size"]
    write_json(workdir.environment, {"auto": {"options": names, "flags": "", "why": ""}})
    assert auto.recorded(asked, workdir.path).values == {"training.batch_size": 8}
