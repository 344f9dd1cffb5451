"""Single runs under `results/`: what is committed is complete and agrees with itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from kseg.errors import UsageError
from kseg.lab.measured import Collect

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "results" / name for name in ("lfw", "camvid")]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_committed_result_says_how_it_was_made(folder):
    files = sorted(folder.glob("*.json"))
    assert files
    for path in files:
        content = json.loads(path.read_text())
        environment, results = content["environment"], content["results"]
        assert environment["command"] and environment["device"] and environment["git"]["commit"], path
        assert environment["weights"]["sha256"], path
        assert "seed" in content["config"]["training"], path
        matrix = np.array(results["evaluation"]["confusion_matrix"], float)
        iou = np.diag(matrix) / (matrix.sum(0) + matrix.sum(1) - np.diag(matrix))
        scores = results["evaluation"]["scores"]
        assert list(scores["iou_class"].values()) == pytest.approx(list(iou)), path
        assert scores["miou"] == pytest.approx(iou.mean()), path


def test_an_unfinished_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a complete run"):
        Collect((tmp_path,), tmp_path / "results").run()
