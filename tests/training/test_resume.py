"""Stopping and going on gives what an uninterrupted run gives: weights, optimizer, order, rate, early stopping."""

import json
import time

import numpy as np
import pytest
import warm
from tiny_run import TINY_FLAGS, TRAIN_TINY, tiny_run

from kseg.errors import Failure
from kseg.pipeline import Augmentation
from kseg.training.callbacks import Progress
from kseg.training.run import train
from kseg.training.workdir import WorkDir

pytestmark = pytest.mark.usefixtures("clean_framework", "optimized_graphs")


def state(workdir: WorkDir) -> tuple[dict, list]:
    """Every array of the last checkpoint, and the history without its seconds."""
    with np.load(workdir.last) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "state.json"}
    history = [json.loads(line) for line in workdir.journal.read_text().splitlines()]
    return arrays, [{key: value for key, value in entry.items() if key != "seconds"} for entry in history]


def assert_same_run(one: WorkDir, other: WorkDir) -> None:
    (arrays, history), (other_arrays, other_history) = state(one), state(other)
    assert history == other_history
    assert arrays.keys() == other_arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, other_arrays[name], err_msg=name)
    scores = [json.loads(workdir.results.read_text())["evaluation"]["confusion_matrix"] for workdir in (one, other)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    "changes",
    [
        # Whatever draws random numbers or keeps state of its own:
        {"augment": Augmentation(flip=True, scale=(0.8, 1.2), color=0.3), "ema": 0.9, "accumulate": 2,
         "schedule": "cosine", "warmup_epochs": 1.0, "steps_per_epoch": 2, "dropout": 0.3},
        {"precision": "mixed_float16", "positives_per_batch": 2, "optimizer": "sgd", "momentum": 0.9, "clip_norm": 1.0},
        # Stopped after two epochs: an epoch before the loss changes, and just where it does.
        {"loss": "bce for 3 epochs, then bce + 0.1*boundary", "ema": 0.9, "schedule": "poly"},
        {"loss": "bce for 2 epochs, then bce + iou", "pixel_weights": "border", "ema": 0.9,
         "precision": "mixed_float16"},
    ],
    ids=["everything random", "loss scaling", "loss changes later", "loss changes here"],
)  # fmt: skip
def test_an_interrupted_run_continues_as_if_nothing_had_happened(tmp_path, monkeypatch, changes):
    config = tiny_run(epochs=4, **changes)
    whole = train(config, tmp_path / "whole")

    with monkeypatch.context() as patch:
        original = Progress.on_epoch_end

        def stop_after_two(self, epoch, logs=None):
            original(self, epoch, logs)
            if epoch == 1:
                raise KeyboardInterrupt

        patch.setattr(Progress, "on_epoch_end", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / "parts")
    parts = train(config, tmp_path / "parts")
    assert_same_run(parts, whole)
    results = parts.read_results()
    assert results["wall_seconds"] >= results["train_seconds"] - 0.2  # both rounded; the first two epochs are in both


def test_a_killed_run_continues(tmp_path):
    """`kill -9` at any moment; the resumed run ends with the same bits."""
    config = tiny_run(epochs=6)
    whole = train(config, tmp_path / "whole")

    workdir = WorkDir(tmp_path / "killed")
    process = warm.start(["-c", TRAIN_TINY, *TINY_FLAGS, "--epochs", "6", "--workdir", workdir.path])
    deadline = time.monotonic() + 120
    while not workdir.last.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    assert not workdir.results.exists()
    assert_same_run(train(config, workdir.path), whole)


def test_half_a_checkpoint_is_a_sentence_and_is_left_alone(finished):
    config, workdir = tiny_run(tensorboard=True), finished
    workdir.results.unlink()
    half = workdir.last.read_bytes()[:1000]
    workdir.last.write_bytes(half)
    with pytest.raises(Failure, match=r"is broken .*; remove .*checkpoints to start"):
        train(config, workdir.path)
    assert workdir.last.read_bytes() == half
