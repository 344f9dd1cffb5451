"""Panoptic FPN itself, with the detector in it, narrow and on a frozen encoder: stopped runs, and cached features."""

import json

import numpy as np
import pytest
from narrow import tiny_registered

from kseg.datasets import data_options
from kseg.inference import load_model
from kseg.lab.recipes.panoptic import NARROW
from kseg.models import model_options
from kseg.training.callbacks import BestWeights
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions
from kseg.training.run import train

SMALL = {name: value for name, value in NARROW.items() if name != "base_width"} | {"head_width": 8}
"""Without the width of the small network, in whose place the tiny encoder stands."""


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path, without_graphs):
    """An encoder of five convolutions, and a cache of features."""
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    with tiny_registered():
        yield


def config(cache="on"):
    return TrainConfig(
        data=data_options("synthetic", people=2, synthetic_size=64, synthetic_counts=(4, 2, 2)),
        model=model_options(
            "panoptic_fpn", encoder="tiny", weights="none", trainable_from="none", image_size=(64, 64), **SMALL
        ),
        loss=LossOptions(loss="mask=bce; semantic=ce", loss_reduction="mean"),
        training=TrainingOptions(
            epochs=2, batch_size=2, optimizer="sgd", learning_rate=0.01, cache_features=cache, tensorboard=False
        ),
    )


def outcome(workdir):
    """The entries of the epochs without their seconds, and the weights that were kept."""
    entries = [json.loads(line) for line in workdir.journal.read_text().splitlines()]
    for entry in entries:
        del entry["seconds"]
    return entries, load_model(workdir.path)[0].get_weights()


def test_stopped_runs_and_runs_without_a_cache_are_the_same(tmp_path, monkeypatch):
    # 1. a run on cached features
    whole = train(config(), tmp_path / "whole", quiet=True)
    entries, weights = outcome(whole)
    assert len(list((tmp_path / "cache" / "features").iterdir())) == 2  # of training and validation images

    # 2. stopped in its second epoch
    save = BestWeights.on_test_end

    def stop(self, logs=None):
        if len(self.history.entries) == 1:
            raise KeyboardInterrupt
        save(self, logs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(BestWeights, "on_test_end", stop)
        train(config(), tmp_path / "stopped", quiet=True)
    again, weights_again = outcome(train(config(), tmp_path / "stopped", quiet=True))
    assert again == entries
    for one, other in zip(weights_again, weights, strict=True):
        np.testing.assert_array_equal(one, other)

    # 3. through the whole network
    plain, _ = outcome(train(config(cache="off"), tmp_path / "plain", quiet=True))
    for name in ("loss", "loss_mask", "loss_semantic", "val_loss"):
        assert plain[0][name] == pytest.approx(entries[0][name], rel=1e-4)
