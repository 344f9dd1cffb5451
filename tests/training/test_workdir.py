"""A run directory belongs to one configuration and is never half written."""

import os

import pytest

from kseg.atomic import replacing
from kseg.datasets.membership import Membership
from kseg.errors import Failure, UsageError
from kseg.training.config import TrainConfig, TrainingOptions
from kseg.training.workdir import RunInUse, WorkDir


def test_the_same_configuration_opens_it_again(tmp_path):
    WorkDir.open(tmp_path / "run", TrainConfig())
    assert WorkDir.open(tmp_path / "run", TrainConfig()).read_config() == TrainConfig().to_json()


def test_another_configuration_is_refused_and_the_difference_shown(tmp_path):
    WorkDir.open(tmp_path / "run", TrainConfig())
    with pytest.raises(UsageError, match=r"training\.seed: 1 → 2"):
        WorkDir.open(tmp_path / "run", TrainConfig(training=TrainingOptions(seed=2)))


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="not a run"):
        WorkDir.open(tmp_path, TrainConfig())
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_broken_config_says_so(tmp_path):
    workdir = WorkDir.open(tmp_path / "run", TrainConfig())
    workdir.config.write_text("{")
    with pytest.raises(Failure, match="cannot be read"):
        WorkDir.open(tmp_path / "run", TrainConfig())


def test_a_run_is_one_process_s_at_a_time(tmp_path):
    """The second process does not remove the directory either, as it would after another error."""
    path = tmp_path / "run"
    with WorkDir(path).kept_once_begun(), WorkDir.open(path, TrainConfig()).claimed():
        with (
            pytest.raises(RunInUse, match="another process trains in"),
            WorkDir(path).kept_once_begun(),
            WorkDir(path).claimed(),
        ):
            pass
        assert path.exists()
    with WorkDir(path).claimed():
        pass


def test_a_run_goes_on_with_the_splits_it_began_with_and_no_others(tmp_path):
    began = Membership({"train": {"a": "1", "b": "2"}, "validation": {"c": "3"}, "test": {"d": "4"}})
    leaks = Membership({"train": {"a": "1", "d": "4"}, "validation": {"c": "3"}, "test": {"b": "2"}})
    workdir = WorkDir.open(tmp_path / "run", TrainConfig())
    workdir.keep_splits(began, drawn=True)
    workdir.keep_splits(began, drawn=True)
    with pytest.raises(
        UsageError, match=r"not those that .*run was begun with: 2 images are in another split \(b, d\)"
    ):
        workdir.keep_splits(leaks, drawn=True)
    assert Membership.read(workdir.path) == began

    workdir.results.touch()  # a complete run is of its own images too
    with pytest.raises(UsageError, match=r"2 images are in another split"):
        workdir.keep_splits(leaks, drawn=True)
    workdir.results.unlink()

    workdir.splits.unlink()  # a run from before splits were recorded
    workdir.last.touch()
    with pytest.raises(UsageError, match="did not record its splits"):
        workdir.keep_splits(began, drawn=True)
    workdir.keep_splits(began, drawn=False)
    assert workdir.splits.exists()


def test_a_run_is_of_one_truth(tmp_path):
    pictures = {"train": {"a": "1", "b": "2"}, "test": {"c": "3"}}
    workdir = WorkDir.open(tmp_path / "run", TrainConfig())
    workdir.keep_splits(Membership(pictures, {"a": "x", "b": "y", "c": "z"}), drawn=True)
    workdir.results.touch()
    with pytest.raises(UsageError, match=r"was begun with: 2 images are labeled otherwise \(a, c\); put them back"):
        workdir.keep_splits(Membership(pictures, {"a": "X", "b": "y", "c": "Z"}), drawn=True)
    workdir.keep_splits(Membership(pictures), drawn=True)  # a record of before truths were recorded says nothing


def test_a_directory_made_meanwhile_is_another_s(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.exists", lambda self: False)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    with pytest.raises(RunInUse):
        WorkDir.open(tmp_path / "run", TrainConfig())


def test_a_place_that_cannot_hold_a_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot make"):
        WorkDir.open(tmp_path / "file" / "run", TrainConfig())


def test_replacing_leaves_the_old_file_when_writing_fails(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]


def test_a_full_disk_is_a_sentence(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(Failure, match="No space left"), replacing(path):
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"


def test_a_run_that_fails_before_its_first_checkpoint_leaves_its_name_free(tmp_path):
    workdir = WorkDir(tmp_path / "run")
    with pytest.raises(Failure), workdir.kept_once_begun():
        WorkDir.open(workdir.path, TrainConfig())
        raise Failure("a mask has values 7 and 9; pass --void")
    assert not workdir.path.exists()
    with pytest.raises(Failure), workdir.kept_once_begun():
        WorkDir.open(workdir.path, TrainConfig())
        workdir.last.write_text("an hour's work")
        raise Failure("the disk is full")
    assert workdir.last.exists()


@pytest.mark.parametrize("what", ["a run", "something else", "a file"])
def test_what_was_there_before_an_error_stays(tmp_path, what):
    workdir = WorkDir(tmp_path / "run")
    if what == "a run":
        WorkDir.open(workdir.path, TrainConfig())
    elif what == "something else":
        workdir.path.mkdir()
        (workdir.path / "letter.txt").write_text("dear")
    else:
        workdir.path.write_text("dear")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Failure), workdir.kept_once_begun():
        raise Failure("no")
    assert sorted(tmp_path.rglob("*")) == before


def test_broken_results_say_so(tmp_path):
    workdir = WorkDir.open(tmp_path / "run", TrainConfig())
    workdir.results.write_text("{")
    with pytest.raises(Failure, match=r"results\.json cannot be read .*; remove results\.json from .* and repeat"):
        workdir.read_results()
