"""Jobs: one directory per setting; runs, failures and budgets."""

import dataclasses
import functools
import json
import os
import tomllib
from pathlib import Path

import keras
import pytest

from kseg.cli.lab_run import seconds
from kseg.cli.main import main
from kseg.datasets import data_options
from kseg.errors import UsageError
from kseg.inference import load_masks
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import config_hash, make_jobs, to_toml
from kseg.lab.experiment.setting import Places, Setting, read_places
from kseg.lab.recipe import RECIPES
from kseg.lab.running.runner import run_jobs
from kseg.lab.running.worker import Images, run_job
from kseg.lab.selection import select, tag_lines
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions, from_json
from kseg.training.workdir import WorkDir

TINY = TrainConfig(
    data=data_options(synthetic_size=32, synthetic_counts=(8, 4, 4)),
    model=model_options("unet2015", base_width=4, depth=1, image_size=(32, 32)),
    training=TrainingOptions(epochs=1, batch_size=4),
)


def setting(*words: str, seeds: int = 1, **loss) -> Setting:
    return Setting(Condition.read(("dataset",), words), dataclasses.replace(TINY, loss=LossOptions(**loss)), seeds)


@pytest.fixture(autouse=True)
def _clean_framework_state(monkeypatch, tmp_path, without_graphs):
    """Jobs of two steps need no graph."""
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    yield
    keras.config.set_dtype_policy("float32")
    keras.utils.clear_session(free_memory=False)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_makes_distinct_jobs_at_every_scale(recipe):
    for scale in RECIPES[recipe].scales:
        jobs = make_jobs(Path("x"), RECIPES[recipe].at(scale, Places()))
        assert jobs and len({job.path for job in jobs}) == len(jobs)
        assert RECIPES[recipe].title.endswith((".", "?"))


def test_seeds_come_round_by_round():
    jobs = make_jobs(Path("x"), [setting("a", "iou", loss="iou", seeds=2), setting("a", "bce", loss="bce")])
    assert [(job.condition.loss, job.seed) for job in jobs] == [("iou", 1), ("bce", 1), ("iou", 2)]
    assert len(make_jobs(Path("x"), [setting("a", "iou", loss="iou", seeds=2)], seeds=5)) == 5


def test_the_hash_is_of_what_is_computed_and_not_of_where():
    def hashed(**changes):
        groups = {name: dataclasses.replace(getattr(TINY, name), **fields) for name, fields in changes.items()}
        return config_hash(dataclasses.replace(TINY, **groups))

    assert hashed(data={"data_dir": Path("/here")}) == hashed(data={"data_dir": Path("/there")}) == hashed()
    assert hashed(model={"weights": "/a/w.h5"}) == hashed(model={"weights": "/b/w.h5"}) != hashed()
    assert hashed(training={"seed": 2, "epochs": 1}) != hashed()
    # Jobs from before epsilon was an option had Keras' own, and keep their names.
    assert hashed(training={"optimizer": "rmsprop", "epsilon": 1e-7}) == hashed(training={"optimizer": "rmsprop"})
    assert hashed(training={"epsilon": 1e-14}) != hashed()
    # A field that is added to the configuration one day counts only once it is set.
    assert "synthetic_foreground" in TINY.to_json()["data"]
    assert hashed(data={"synthetic_foreground": None}) == hashed() != hashed(data={"synthetic_foreground": 0.1})


def test_only_and_shard_choose():
    jobs = make_jobs(Path("x"), [setting(data, loss, loss=loss) for data in ("a", "b") for loss in ("iou", "bce")][:2])
    jobs += make_jobs(Path("y"), [setting("b", loss, loss=loss) for loss in ("iou", "bce")])
    assert [job.condition.words for job in select(jobs, "b, iou")] == [("b", "iou")]
    parts = [select(jobs, shard=f"{part}/3") for part in (1, 2, 3)]
    assert sorted(job.title for part in parts for job in part) == sorted(job.title for job in jobs)
    with pytest.raises(UsageError, match="did you mean 'iou'"):
        select(jobs, "iuo")
    with pytest.raises(UsageError, match="no setting has all of a, b"):
        select(jobs, "a,b")
    with pytest.raises(UsageError, match="1/4"):
        select(jobs, shard="5/4")


def test_the_tags_of_a_recipe_are_listed_by_their_place(capsys):
    words = [("a", "iou"), ("a", "with x", "iou"), ("b", "iou"), ("b", "bce"), ("c", "iou")]
    conditions = [Condition.read(("dataset",), one) for one in words]
    assert tag_lines(conditions) == [
        "  2 jobs each: a, b",
        "  1 job: c",
        "  1 job: with x",
        "  4 jobs: iou",
        "  1 job: bce",
    ]
    assert main(["lab", "list", "vanbeers2019"]) == 0
    shown = capsys.readouterr().out
    assert "--scale paper  32 settings, 32 jobs; for --only:\n  16 jobs each: bfcn32s, fcresnet\n" in shown
    assert shown.startswith("van Beers et al.") and "loss_study" not in shown
    assert main(["lab", "list", "vanbeers"]) == 2


def test_budgets_are_lengths_of_time():
    assert (seconds("90s"), seconds("45m"), seconds("2h"), seconds("1h30m")) == (90, 2700, 7200, 5400)
    with pytest.raises(UsageError, match="write 90s"):
        seconds("soon")


def test_weights_are_files_by_encoder(tmp_path):
    (tmp_path / "w.h5").touch()
    places = read_places(None, [f"mobilenetv2={tmp_path / 'w.h5'}"])
    assert places.weights_of("mobilenetv2") == str(tmp_path / "w.h5")
    assert places.weights_of("vgg16") == "imagenet"
    with pytest.raises(UsageError, match="there is no file"):
        read_places(None, ["mobilenetv2=nowhere.h5"])


def test_a_job_leaves_measurements_and_masks_alone(tmp_path):
    (job,) = make_jobs(tmp_path, [setting("tiny", "iou", loss="iou")])
    outcome = run_job(job, Images())
    assert outcome.error is None and job.state == "complete"
    names = {path.name for path in job.path.iterdir()}
    assert names == {"config.json", "env.json", "metrics.jsonl", "results.json", "splits.json", "test_masks.npz"}
    evaluation = json.loads((job.path / "results.json").read_text())["evaluation"]
    assert outcome.score == f"IoU {evaluation['scores']['iou_dataset']:.4f}"
    masks = load_masks(job.path / "test_masks.npz")
    assert list(masks) == evaluation["ids"]
    matrix = evaluation["confusion_matrix"]
    assert sum(int(mask.sum()) for mask in masks.values()) == matrix[0][1] + matrix[1][1]  # what was predicted
    assert {mask.shape for mask in masks.values()} == {(32, 32)}


def test_the_command_of_a_job_is_the_job(tmp_path, capsys):
    """`kseg lab commands` prints the command, a cluster runs it, and `kseg lab run` finds the job complete."""
    (job,) = make_jobs(tmp_path, [setting("tiny", "iou", loss="bce + 0.5*iou(pooling='batch')")])
    job.write_config()
    assert main(job.command[1:]) == 0
    assert job.state == "complete" and not (job.path / "report.html").exists()
    tally = run_jobs([job], write=lambda line: None)
    assert (tally.complete, tally.failed, tally.left) == (1, [], 0)
    assert json.loads((job.path / "config.json").read_text()) == job.config.to_json()


def test_failures_are_recorded_and_do_not_stop_the_rest(tmp_path):
    settings = [setting("tiny", loss, loss=loss) for loss in ("iou(pooling='nowhere')", "bce")]
    wrong, right = jobs = make_jobs(tmp_path, settings)
    lines: list[str] = []
    tally = run_jobs(jobs, write=lines.append)
    assert (tally.complete, tally.failed) == (1, [wrong])
    assert "nowhere" in wrong.failure() and right.failure() is None
    assert any("FAILED" in line for line in lines) and any("[2/2]" in line for line in lines)
    before = (right.path / "results.json").stat().st_mtime_ns

    assert run_jobs(jobs, write=lines.append).failed == [wrong]  # skipped, and still told
    assert (right.path / "results.json").stat().st_mtime_ns == before


def test_a_budget_leaves_what_does_not_fit(tmp_path):
    jobs = make_jobs(tmp_path, [setting("tiny", loss, loss=loss) for loss in ("iou", "bce")])
    done, left = jobs
    done.path.mkdir()
    scores = {"iou_dataset": 0.5, "iou_image": 0.5, "accuracy": 0.5, "images": 0}
    evaluation = {
        "dataset": "tiny", "split": "test", "classes": ["a", "b"], "ids": [], "scores": scores,
        "confusion_matrix": [], "confusion_matrices": [], "iou_image": [], "histogram": None, "original_size": True,
        "seconds": 0.0,
    }  # fmt: skip
    results = {"best_epoch": 1, "epochs": 1, "evaluation": evaluation, "wall_seconds": 100.0}
    WorkDir(done.path).results.write_text(json.dumps(results))
    tally = run_jobs(jobs, budget=60, write=lambda line: None)
    assert (tally.complete, tally.left) == (1, 1)
    assert left.state == "new"


def test_a_job_of_unknown_length_stops_after_an_epoch_when_the_budget_is_over(tmp_path):
    training = dataclasses.replace(TINY.training, epochs=40, patience=40)
    long = Setting(
        Condition.read(("dataset",), ("tiny", "iou")),
        dataclasses.replace(TINY, training=training, loss=LossOptions(loss="iou")),
    )
    (job,) = make_jobs(tmp_path, [long])
    lines: list[str] = []
    tally = run_jobs([job], budget=1, write=lines.append)
    done = job.files.epochs_done
    assert (tally.complete, tally.failed, tally.left) == (0, [], 1)
    assert 1 <= done < 40 and job.state == "started"
    assert lines[-1].startswith(f"tiny iou seed 1  stopped after epoch {done}")
    tally = run_jobs([job], write=lines.append)
    assert (tally.complete, tally.left) == (1, 0)
    entries = [json.loads(line) for line in (job.path / "metrics.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in entries] == list(range(1, 41))


def test_the_process_of_a_job_may_die(tmp_path):
    (job,) = make_jobs(tmp_path, [setting("tiny", "iou", loss="iou")])
    tally = run_jobs([job], prepare=functools.partial(os._exit, 9), write=lambda line: None)
    assert tally.failed == [job]
    assert "its process ended" in job.failure()


def test_a_job_under_way_elsewhere_is_left_to_the_other(tmp_path):
    busy, done = jobs = make_jobs(tmp_path, [setting("tiny", loss, loss=loss) for loss in ("iou", "bce")])
    assert run_job(done, Images()).error is None
    lines: list[str] = []
    with WorkDir.open(busy.path, busy.config).claimed():
        tally = run_jobs(jobs, write=lines.append)
    assert (tally.complete, tally.failed, tally.elsewhere) == (1, [], [busy])
    assert busy.state == "started" and "is under way in another process" in lines[1]


def test_configurations_survive_toml():

    config = dataclasses.replace(TINY, loss=LossOptions(loss="bce + 0.5*iou(pooling='batch')"))
    assert from_json(tomllib.loads(to_toml(config))) == config
