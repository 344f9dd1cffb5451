"""Single runs under `results/`: what is committed is complete and agrees with itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from kseg.errors import UsageError
from kseg.lab.pages.single_runs import markdown
from kseg.lab.results.single_runs import Collect

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


def test_every_committed_run_of_objects_agrees_with_itself():
    files = sorted((ROOT / "results" / "objects").glob("*.json"))
    assert files
    for path in files:
        content = json.loads(path.read_text())
        assert content["environment"]["command"] and "seed" in content["config"]["training"], path
        scores = content["results"]["evaluation"]["scores"]
        name = "PQ" if content["results"]["evaluation"]["task"] == "panoptic" else "AP"
        assert np.mean(list(scores[f"{name}_class"].values())) == pytest.approx(scores[name]), path


def test_runs_of_objects_and_segments_share_a_table(tmp_path):
    for name, task, scores in (
        ("a", "instance", {"AP": 0.5, "AP50": 0.8, "box_AP": None, "AP_class": {"person": 0.5}}),
        ("b", "panoptic", {"PQ": 0.7, "SQ": 0.9, "RQ": 0.75, "PQ_things": 0.6, "PQ_stuff": 0.8}),
    ):
        evaluation = {"task": task, "split": "test", "ids": ["1", "2"], "scores": scores}
        results = {
            "model": name, "loss": "mask=bce", "dataset": "synthetic", "epochs": 9, "best_epoch": 8,
            "wall_seconds": 60.0, "evaluation": evaluation,
        }  # fmt: skip
        config = {"model": {"image_size": [96, 64]}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"config": config, "results": results}))
    _, _, a, b = markdown(tmp_path).splitlines()
    assert a == "| a | synthetic | 96×64 | 2 test | mask=bce | 0.500 | 0.800 | – | – | – | – | – | – | 8 of 9 | 60 s |"
    assert b.startswith("| b | synthetic | 96×64 | 2 test | mask=bce | – | – | – | 0.700 | 0.900 | 0.750 | 0.600 |")


def test_an_unfinished_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a complete run"):
        Collect((tmp_path,), tmp_path / "results").run()


def test_seeds_of_one_setting_share_a_row(tmp_path):
    for seed, weights, miou in ((1, "none", 0.5), (2, "none", 0.7), (1, "median", 0.4)):
        scores = {
            "iou_dataset": miou,
            "iou_image": miou,
            "images": 3,
            "miou": miou,
            "accuracy": 0.8,
            "mean_accuracy": 0.9,
        }
        scores["iou_class"] = {"sky": miou + 0.1, "road": miou, "tree": miou - 0.1}
        row = {
            "config": {"model": {}, "data": {"dataset": "camvid"}, "loss": {"class_weights": weights}},
            "results": {
                "model": "fcn8s", "loss": "ce", "epochs": 9, "best_epoch": 5 + seed, "wall_seconds": 60.0,
                "evaluation": {"classes": ["sky", "road", "tree"], "scores": scores},
            },
        }  # fmt: skip
        (tmp_path / f"{weights}-s{seed}.json").write_text(json.dumps(row))
    _, _, median, none = markdown(tmp_path).splitlines()
    assert median == "| fcn8s | ce | median | 1 | 0.400 | 0.800 | 0.900 | 6 of 9 | 0.50 | 0.40 | 0.30 |"
    assert none == "| fcn8s | ce | none | 2 | 0.600 [0.500, 0.700] | 0.800 | 0.900 | 6, 7 of 9 | 0.70 | 0.60 | 0.50 |"
