"""Runs of the version before options had owners: `earlier/*.json` are the config.json files that it wrote."""

import json
from pathlib import Path

import pytest

from kseg.cli.flags import understood
from kseg.cli.join import read_command
from kseg.cli.train import Train
from kseg.datasets import open_dataset
from kseg.training.changes import changes
from kseg.training.config import from_record, resolve

EARLIER = Path(__file__).parent / "earlier"
SHARED = ["--synthetic-size", "64", "--synthetic-counts", "12", "4", "4", "--epochs", "2", "--batch-size", "4"]
COMMANDS = {
    "unet": ["--base-width", "4"],
    "bfcn32s": ["--model", "bfcn32s", "--trainable-from", "block5", "--cache-features", "on", "--head-width", "16"],
    "distance": ["--base-width", "4", "--loss", "bce + 0.1*boundary"],
    "colour": ["--base-width", "4", "--loss", "level_set(normalise='mean') + ce", "--colour", "0.2"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_of_an_earlier_run_still_means_that_run(name):
    line = understood([*SHARED, "--no-tensorboard", *COMMANDS[name]])
    asked = read_command(Train, line, program="train.py").options
    dataset = open_dataset(asked.data)
    asked = resolve(asked, image_size=dataset.training_size, num_classes=len(dataset.classes))
    recorded = from_record(json.loads((EARLIER / f"{name}.json").read_text()))
    assert changes(recorded, asked) == {}


def test_every_recorded_configuration_has_its_command():
    assert {path.stem for path in EARLIER.glob("*.json")} == set(COMMANDS)
