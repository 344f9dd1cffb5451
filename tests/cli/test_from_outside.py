"""A data set, a model and an encoder registered from outside of kseg train by `kseg train`."""

import json
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
import pytest

from kseg.cli.main import main
from kseg.datasets import DATASETS, DataOptions, Dataset, Record, Relabel
from kseg.encoders import ENCODERS, Encoder, encoder_named
from kseg.models import MODELS, architecture
from kseg.signature import Width


@dataclass(frozen=True)
class StripeOptions(DataOptions):
    """Stripes, and how they lie."""

    stripes: Literal["upright", "lying"] = "upright"
    """how they lie"""


class Stripes(Dataset):
    name, title, Options, reads_files = "stripes", "half of every image is a stripe", StripeOptions, False
    legend = Relabel(("background", "stripe"), ((0, 0, 0), (255, 255, 255)))
    training_size = (32, 32)

    def all_records(self, split):
        return tuple(Record(f"{split}{number}") for number in range(4))

    def read_labels(self, record):
        upright = np.zeros((32, 32), np.uint8)
        upright[:, 8 + len(record.id) % 8 :] = 1
        return upright if self.options.stripes == "upright" else upright.T

    def read_image(self, record):
        return np.repeat(self.labels(record)[..., None] * np.uint8(200), 3, axis=-1)

    def identity(self, record):
        return f"{record.id} {self.options.stripes}"


def pyramid(*, include_top=False, weights=None, input_tensor=None, input_shape=None, filters: Width = 4):
    """Five strided convolutions.

    Args:
      filters: feature maps of each.
    """
    x = image = keras.Input(input_shape) if input_tensor is None else input_tensor
    for stage in range(1, 6):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", name=f"down{stage}")(x)
    return keras.Model(image, x)


def flat(image, channels, *, encoder: str = "pyramid", depth: Width = 8):
    """Scores of features at 1/32, enlarged.

    Args:
      encoder: any.
      depth: feature maps of the layer before the scores. That is all.
    """
    x = keras.layers.Conv2D(depth, 1, name="head")(encoder_named(encoder)(image, trainable_from="all")[32])
    return keras.layers.UpSampling2D(32, name="upscore")(keras.layers.Conv2D(channels, 1, name="score")(x))


@pytest.fixture
def registered(monkeypatch):
    """Registered as by a plug-in; unregistered after the test."""
    for registry in (DATASETS, MODELS, ENCODERS):
        len(registry)  # the room is imported now, and not into the copy
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    DATASETS.register("stripes")(Stripes)
    ENCODERS.register("pyramid")(Encoder("pyramid", pyramid, "unit", {32: "down5"}, options=("filters",)))
    architecture("flat", encoder="pyramid", preset={
        "optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant", "batch_size": 2, "epochs": 1,
        "patience": 5, "loss_reduction": "mean",
    })(flat)  # fmt: skip


CHOSEN = ["train", "--dataset", "stripes", "--model", "flat", "--encoder", "pyramid"]


def test_they_train_with_options_of_theirs(registered, tmp_path):
    workdir = tmp_path / "run"
    own = ["--stripes", "lying", "--depth", "3", "--filters", "2"]
    assert main([*CHOSEN, *own, "--no-tensorboard", "--workdir", str(workdir)]) == 0
    config = json.loads((workdir / "config.json").read_text())
    assert (config["data"]["stripes"], config["model"]["depth"], config["model"]["filters"]) == ("lying", 3, 2)
    assert config["training"]["batch_size"] == 2  # the preset's
    # down1: 3²·3·2 + 2; down2 to 5: 3²·2·2 + 2 each; head: 2·3 + 3; score: 3 + 1
    assert json.loads((workdir / "results.json").read_text())["parameters"]["total"] == 56 + 4 * 38 + 9 + 4


def test_their_options_are_in_the_help_and_refused_elsewhere(registered, capsys):
    with pytest.raises(SystemExit):
        main([*CHOSEN, "--help"])
    page = capsys.readouterr().out
    assert "--stripes upright|lying" in page and "--depth INT" in page and "--filters INT" in page
    assert "feature maps of the layer before the scores (unset: 8)" in " ".join(page.split())
    for flag, owner in (("--depth", "--model flat"), ("--filters", "--encoder pyramid"), ("--stripes", "--dataset")):
        assert main(["train", flag, "3"]) == 2
        assert f"{flag} is an option of {owner}" in capsys.readouterr().err
    assert main([*CHOSEN, "--depth", "0"]) == 2
    assert "--depth is 0; it must be at least 1" in capsys.readouterr().err
