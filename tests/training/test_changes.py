"""A run resumes with some changed options and names them; for others a command starts from its weights."""

import dataclasses

import numpy as np
import pytest
from tiny_run import tiny_run

from kseg.datasets import data_options
from kseg.errors import Failure, UsageError
from kseg.models import build, model_options
from kseg.training.callbacks import StopOnNonFiniteLoss
from kseg.training.changes import changes, new_run_command
from kseg.training.checkpoint import save_weights
from kseg.training.config import TrainConfig, TrainingOptions, from_json, resolve
from kseg.training.environment import describe_environment
from kseg.training.network import _start
from kseg.training.out_of_memory import memory_errors, training_remedy
from kseg.training.run import train
from kseg.training.workdir import RunInUse, WorkDir, weights_file


def config(**training) -> TrainConfig:
    return resolve(TrainConfig(training=TrainingOptions(**training)), image_size=(64, 64))


@pytest.fixture
def begun(tmp_path) -> WorkDir:
    """A run directory with options and a checkpoint after two epochs."""
    workdir = WorkDir.open(tmp_path / "run", config(epochs=8))
    workdir.last.write_bytes(b"")
    workdir.best.write_bytes(b"")
    workdir.journal.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    return workdir


def complete(workdir: WorkDir, *, epochs: int) -> None:
    workdir.results.write_text("{}")
    workdir.journal.write_text("".join(f'{{"epoch": {number}}}\n' for number in range(1, epochs + 1)))


def adopt(workdir: WorkDir, asked: TrainConfig) -> str | None:
    opened = WorkDir.open(workdir.path, asked, anew=True)
    with opened.claimed():
        told = opened.adopt(asked)
        opened.go_on()
    return told


def test_a_run_goes_on_with_more_epochs_and_remembers_it(begun):
    asked = config(epochs=16, patience=30, tensorboard=False)
    told = adopt(begun, asked)
    assert "goes on with training.epochs: 8 → 16; training.patience: 20 → 30; training.tensorboard: True" in told
    assert "the poly schedule spans all 16 epochs" in told
    recorded = begun.read_config()
    assert from_json(recorded) == asked
    assert recorded["changes"] == {
        "1": {
            "after_epoch": 2, "training.epochs": [8, 16], "training.patience": [20, 30],
            "training.tensorboard": [True, False],
        }
    }  # fmt: skip
    assert adopt(begun, asked) is None
    assert "schedule" not in adopt(begun, dataclasses.replace(asked, training=config(epochs=16, jit="off").training))
    assert list(begun.read_config()["changes"]) == ["1", "2"]


def test_the_directory_stays_claimed_while_its_configuration_is_replaced(begun):
    asked = config(epochs=9)
    with begun.claimed():
        begun.adopt(asked)
        begun.go_on()
        with pytest.raises(RunInUse), WorkDir(begun.path).claimed():
            pass
    with WorkDir(begun.path).claimed():
        pass


def test_what_a_run_does_not_go_on_with_comes_with_the_command_that_does(begun):
    words = ["train.py", "--learning-rate", "0.1", "--workdir", str(begun.path), "--weights=none"]
    with pytest.raises(UsageError) as error:
        WorkDir.open(begun.path, config(epochs=9, learning_rate=0.1), command=words)
    told = str(error.value)
    assert "training.learning_rate: 0.004 → 0.1)" in told and "epochs" not in told
    assert told.endswith(
        f"start a new one from its weights: python train.py --learning-rate 0.1 --init {begun.path} "
        f"--workdir {begun.path}-2"
    )
    # Another architecture has other layers.
    other = dataclasses.replace(config(epochs=8), model=model_options(model="fcn8s", image_size=(64, 64)))
    with pytest.raises(UsageError, match="name another --workdir"):
        WorkDir.open(begun.path, other)


def test_commands_that_start_anew(tmp_path):
    run = tmp_path / "a run"
    (tmp_path / "a run-2").mkdir()
    words = ["/usr/bin/kseg", "train", "--config", "x.toml", "--workdir=old", "--init", "older", "--hair"]
    assert new_run_command(run, words, encoder_weights="vgg16.npz", flags={"--learning-rate": "0.1"}) == (
        f"kseg train --config x.toml --hair --init '{run}' --workdir '{run}-3' --learning-rate 0.1 --weights none"
    )
    assert new_run_command(run, ["pytest", "-q"]).startswith("kseg train --init ")


def test_a_directory_in_which_nothing_was_trained_takes_any_options(tmp_path):
    """What a process leaves that was killed in its first epoch, for example for lack of memory."""
    workdir = WorkDir.open(tmp_path / "run", config(batch_size=64))
    asked = config(batch_size=8, seed=5)
    told = adopt(workdir, asked)
    assert "nothing was trained in" in told and "training.batch_size: 64 → 8; training.seed: 1 → 5" in told
    assert workdir.read_config() == asked.to_json()  # nothing happened with the former options


def test_one_place_is_one_place_however_it_is_written(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path)

    def at(folder, weights="none"):
        return TrainConfig(data=data_options("folder", folder), model=model_options(weights=weights))

    same = [tmp_path / "data", "data", "./data", "link", str(tmp_path / "link" / "")]
    for folder in same:
        assert changes(at(tmp_path / "data"), at(folder)) == {}
    assert list(changes(at(tmp_path / "data"), at("elsewhere"))) == ["data.data_dir"]
    assert list(changes(at(None), at("data"))) == ["data.data_dir"]
    (tmp_path / "none").mkdir()
    assert list(changes(at("data", "none"), at("data", str(tmp_path / "none")))) == ["model.weights"]


def test_more_epochs_of_a_complete_run(begun):
    complete(begun, epochs=8)
    begun.report.write_text("old")
    assert adopt(begun, config(epochs=7)) is None  # it has them
    assert adopt(begun, config(epochs=8, tensorboard=False)) is None
    assert begun.results.exists() and "changes" not in begun.read_config()
    assert "goes on with training.epochs: 8 → 9" in adopt(begun, config(epochs=9))
    assert not begun.results.exists() and not begun.report.exists()


def test_a_complete_run_that_cannot_go_on_keeps_its_results(tmp_path):
    """Its checkpoint is broken, which shows only when everything else has been read."""
    path = tmp_path / "run"
    before = train(tiny_run(epochs=1), path, quiet=True).read_results()
    WorkDir(path).last.write_bytes(b"broken")
    for _ in range(2):
        with pytest.raises(Failure, match="last.npz"):
            train(tiny_run(epochs=2), path, quiet=True)
    assert WorkDir(path).read_results() == before
    assert WorkDir(path).read_config()["training"]["epochs"] == 1


def test_a_run_that_patience_ended_needs_more_of_it(begun, capsys):
    complete(begun, epochs=5)
    assert adopt(begun, config(epochs=12)) is None
    assert "ended after 5 epochs by --patience 20, not by --epochs; pass a larger --patience" in capsys.readouterr().err
    assert "training.patience: 20 → 40" in adopt(begun, config(epochs=8, patience=40))


def test_more_epochs_need_a_checkpoint(begun):
    complete(begun, epochs=8)
    begun.last.unlink()
    with pytest.raises(UsageError, match="cannot go on: its checkpoints were not kept"):
        adopt(begun, config(epochs=9))
    assert begun.results.exists()


def test_a_loss_that_is_no_number_gives_the_remedy_of_its_moment():
    stop = StopOnNonFiniteLoss(lambda: "do this")
    stop.on_epoch_begin(2)
    stop.on_train_batch_end(0, {"loss": 1.0})
    with pytest.raises(Failure, match="the loss became nan at step 8 of epoch 3; do this, or look for broken labels"):
        stop.on_train_batch_end(7, {"loss": float("nan")})


def raise_within(context, error):
    with context:
        raise error


def test_a_lack_of_memory_is_a_sentence():
    class ResourceExhaustedError(Exception):
        """An error with the name of TensorFlow's."""

    lacks = (MemoryError(), ResourceExhaustedError("OOM when allocating"), RuntimeError("RESOURCE_EXHAUSTED: Out of"))
    for error in lacks:
        with pytest.raises(Failure, match="out of memory here; .* --batch-size, such as 8, a smaller --image-size"):
            raise_within(memory_errors("here", training_remedy(16)), error)
    assert "--batch-size" not in training_remedy(1)
    for other in (ValueError("out of memory"), ResourceExhaustedError("No space left on device"), KeyboardInterrupt()):
        with pytest.raises(type(other)):
            raise_within(memory_errors("here", ""), other)


@pytest.mark.usefixtures("clean_framework")
def test_a_run_with_more_epochs_is_the_run_that_had_them_from_its_start(tmp_path, monkeypatch, capsys):
    """The learning rate does not depend on the number of epochs; the first attempt ran out of memory."""
    path, two = tmp_path / "run", tiny_run(schedule="constant", epochs=2)
    four = dataclasses.replace(two, training=dataclasses.replace(two.training, epochs=4))
    with monkeypatch.context() as patch:
        patch.setattr("kseg.training.run.fit", lambda *_, **__: np.empty(1 << 55))
        with pytest.raises(Failure, match="out of memory in training with batches of 4 images of 32×32; .* such as 2"):
            train(two, path, quiet=True)
    assert not path.exists()
    train(two, path, quiet=True)
    train(four, path, quiet=True)
    assert "goes on with training.epochs: 2 → 4" in capsys.readouterr().err
    assert WorkDir(path).read_results()["epochs"] == 4
    whole = train(four, tmp_path / "whole", quiet=True)
    with np.load(WorkDir(path).last) as one, np.load(whole.last) as other:
        for name in set(one.files) - {"state.json"}:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_a_run_that_has_not_finished_gives_its_best_weights(begun):
    networks = [build("unet", base_width=2, input_shape=(32, 32, 3)) for _ in range(2)]
    save_weights(begun.best, networks[0])
    assert weights_file(begun.path) == begun.best
    report = _start(networks[1], str(begun.path))
    assert report.source == f"{begun.path}, as far as it got" and not report.random
    for mine, theirs in zip(*(network.get_weights() for network in networks), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert describe_environment(command=[], weights="none", init=str(begun.path))["init"]["file"] == "best.npz"
    begun.model.write_bytes(b"")
    assert weights_file(begun.path) == begun.model
    with pytest.raises(UsageError, match="does not exist"):
        weights_file(begun.path / "nowhere")
