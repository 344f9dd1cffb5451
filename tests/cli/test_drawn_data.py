"""A model file without its run holds the options of its drawn images, and is measured on such images."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kseg.cli.run_data import NOT_GIVEN, RunData
from kseg.datasets import DataOptions, data_options
from kseg.datasets.opening import drawn_with
from kseg.errors import UsageError
from kseg.inference import ModelCard


def test_a_model_file_knows_what_it_was_drawn_with():
    """A model of drawn people is measured on as many people, not on portraits."""
    options = data_options("synthetic", people=3, synthetic_counts=(8, 4, 4), limit=2)
    card = ModelCard(("background", "person"), ((0, 0, 0), (9, 9, 9)), dataset="synthetic", data=drawn_with(options))
    assert card.data == {"people": 3, "synthetic_counts": (8, 4, 4)}
    card = ModelCard.from_json(json.loads(json.dumps(card.to_json())))
    found = RunData(None, card).defaults(DataOptions(NOT_GIVEN), Path("model.keras"))
    assert found == replace(options, limit=None)
    assert (
        drawn_with(data_options("synthetic")) == {} == drawn_with(data_options("folder", Path("mine"), binary="auto"))
    )
    for wrong in ({"persons": 3}, {"people": "three"}, {"people": 99}):
        with pytest.raises(UsageError, match="names options that synthetic does not have"):
            RunData(None, replace(card, data=wrong)).defaults(DataOptions(NOT_GIVEN), Path("model.keras"))
