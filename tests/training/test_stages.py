"""One loss after another in a run, and losses that read more than the label."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_run import tiny_run

from kseg.errors import UsageError
from kseg.training.callbacks import StopWhenStale
from kseg.training.config import resolve
from kseg.training.inputs import Inputs
from kseg.training.kept_epoch import best_entry
from kseg.training.plan import default_path, name_of_loss
from kseg.training.run import train
from kseg.training.stages import loss_schedule, loss_stages
from kseg.training.workdir import WorkDir


def entries(workdir: WorkDir) -> list[dict]:
    return [json.loads(line) for line in workdir.journal.read_text().splitlines()]


def test_the_loss_changes_and_nothing_else(tmp_path):
    """Up to the change it is the run with the first loss; after it, the optimizer goes on and its rate falls on."""
    shared = {"epochs": 3, "schedule": "cosine", "ema": 0.9}
    plain = train(tiny_run(loss="bce", **shared), tmp_path / "plain")
    changed = train(tiny_run(loss="bce for 2 epochs, then bce + 0.5*iou", **shared), tmp_path / "changed")
    without_seconds = [{**entry, "seconds": 0} for entry in entries(plain)]
    found = entries(changed)
    assert [entry.pop("stage") for entry in found] == [1, 1, 2]
    assert [{**entry, "seconds": 0} for entry in found[:2]] == without_seconds[:2]
    assert found[2]["learning_rate"] == without_seconds[2]["learning_rate"] < found[1]["learning_rate"]
    for before in ("", "val_"):
        parts = found[2][f"{before}loss_bce"] + 0.5 * found[2][f"{before}loss_iou"]
        assert found[2][f"{before}loss"] == pytest.approx(parts, rel=1e-4)
    # The step counter and the averages of weights were not begun anew: both would show here.
    with np.load(changed.last) as one, np.load(plain.last) as other:
        assert one["optimizer/0000"] == other["optimizer/0000"] == 9
    # The last epoch's first gradient is of the new loss, and its weights are near the plain run's.
    assert found[2]["loss_bce"] == pytest.approx(without_seconds[2]["loss"], rel=0.1)


def test_every_stage_has_its_epochs():
    config = resolve(
        tiny_run(loss="bce for 1 epoch, then iou for 2 epochs, then bce + dice", epochs=5), image_size=(32, 32)
    )
    stages = loss_stages(config, loss_schedule(config))
    assert [(stage.spec, stage.first, stage.end) for stage in stages] == [
        ("bce", 0, 1), ("iou", 1, 3), ("bce + dice", 3, 5),
    ]  # fmt: skip
    assert {stage.loss.loss.reduction for stage in stages[:2]} == {"sum_over_batch_size"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loss": "bce for 3 epochs, then iou", "epochs": 3}, "--epochs 4 or more"),
        ({"loss": "bce for 3 epochs, then iuo"}, "did you mean 'iou'"),
        (
            {"loss": "bce + mumford_shah", "pixel_weights": "border"},
            "'mumford_shah' has no meaning for --pixel-weights",
        ),
        ({"border_sigma": 0.0}, "--border-sigma"),
        ({"loss": "bce", "pixel_weights": "balance", "class_weights": "median"}, "leave out --class-weights"),
        ({"loss": "bce for 1 epoch, then iou", "class_weights": "median"}, "'iou' takes no class weights"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(tmp_path, changes, says):
    with pytest.raises(UsageError, match=says):
        train(tiny_run(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_patience_counts_in_the_last_stage():
    epochs = [{"epoch": n, "val_iou": score} for n, score in enumerate((0.1, 0.9, 0.2, 0.2, 0.2, 0.2), start=1)]

    def stale_after(count, first):
        history = SimpleNamespace(entries=epochs[:count], best=best_entry(epochs[:count]))
        return StopWhenStale(history, patience=2, first=first).is_stale()

    # Best is epoch 2. Alone, epoch 4 is two later; of a loss that begins at epoch 4 (first = 3), epoch 5 is the second.
    assert [stale_after(n, 0) for n in range(1, 7)] == [False, False, False, True, True, True]
    assert [stale_after(n, 3) for n in range(1, 7)] == [False, False, False, False, True, True]


def test_distances_of_the_pipeline_train_like_those_of_the_graph(tmp_path, monkeypatch):
    """The loss before and after one step; longer trainings of two code paths drift apart, and scores are counts."""
    one_step = {"epochs": 1, "steps_per_epoch": 1, "optimizer": "sgd", "learning_rate": 0.1}
    config = tiny_run(loss="bce + 0.01*boundary + 1e-3*hausdorff", **one_step)
    given = entries(train(config, tmp_path / "given"))
    monkeypatch.setattr(Inputs, "for_loss", lambda self, reads: self)
    for one, other in zip(given, entries(train(config, tmp_path / "graph")), strict=True):
        for name in one.keys() - {"seconds", "iou", "accuracy", "val_iou", "val_accuracy"}:
            assert one[name] == pytest.approx(other[name], rel=1e-4, abs=1e-5), name


def test_pixel_weights_weigh_the_loss_and_its_parts_and_no_score(tmp_path):
    shared = {"loss": "bce + 0.5*iou", "epochs": 1, "learning_rate": 0.0}
    plain, weighted = (
        entries(train(tiny_run(pixel_weights=kind, **shared), tmp_path / kind))[0] for kind in ("none", "border")
    )
    for before in ("", "val_"):
        parts = weighted[f"{before}loss_bce"] + 0.5 * weighted[f"{before}loss_iou"]
        assert weighted[f"{before}loss"] == pytest.approx(parts, rel=1e-5)
        assert abs(weighted[f"{before}loss_bce"] - plain[f"{before}loss_bce"]) > 1e-3
        assert weighted[f"{before}iou"] == plain[f"{before}iou"]


def test_a_run_without_the_newer_options_is_resumed(tmp_path):
    config = tiny_run(epochs=1)
    workdir = train(config, tmp_path / "run")
    stored = json.loads(workdir.config.read_text())
    for name in ("pixel_weights", "border_weight", "border_sigma"):
        del stored["loss"][name]
    workdir.config.write_text(json.dumps(stored))
    assert train(config, tmp_path / "run").path == workdir.path


def test_the_name_of_a_run_says_its_loss():
    assert name_of_loss("iou") == "iou"
    assert name_of_loss("bce + 0.5*iou") == "bce_0.5_iou"
    schedule = "bce for 3 epochs, then 0.5*bce + 2*tversky(alpha=0.3, beta=0.7) + 1e-4*level_set"
    assert str(default_path(tiny_run(loss=schedule))).startswith("runs/tiny-bce_for_3_epochs_then_0.5_bce_2_tversky")
    assert len(name_of_loss(schedule)) < 80
    assert name_of_loss(schedule) != name_of_loss(schedule.replace("1e-4", "1e-5"))
