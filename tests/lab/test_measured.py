"""Measured results: collected from runs, printed as a table, and the README shows just that table."""

import json
from pathlib import Path

import pytest

from kseg.errors import UsageError
from kseg.lab.measured import Collect, markdown

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "lfw"


def test_the_readme_shows_the_committed_results():
    assert markdown(RESULTS) in (ROOT / "README.md").read_text()


def test_every_committed_result_says_how_it_was_made():
    files = sorted(RESULTS.glob("*.json"))
    assert files
    for path in files:
        content = json.loads(path.read_text())
        environment, results = content["environment"], content["results"]
        assert environment["command"] and environment["device"] and environment["git"]["commit"], path
        assert environment["weights"]["sha256"], path
        assert "seed" in content["config"]["training"], path
        matrix = results["evaluation"]["confusion_matrix"]
        (_, false_positive), (false_negative, true_positive) = matrix
        iou = true_positive / (true_positive + false_positive + false_negative)
        assert results["evaluation"]["scores"]["iou_dataset"] == pytest.approx(iou), path


def test_an_unfinished_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a complete run"):
        Collect((tmp_path,), tmp_path / "results").run()
