"""Bad input: one sentence, the right exit code, nothing half written. `cases.py` has the table."""

import shutil
import signal
import sys
from pathlib import Path

import pytest
from cases import TABLE, Row, words_of
from making import image, pair_folder

from kseg.cli.main import main
from kseg.encoders import read_weights
from kseg.errors import KsegError
from kseg.report import write_report

ONE_FUNCTION = {"report": write_report, "read-weights": read_weights}


class StillAtIt(BaseException):
    """Nobody catches it: an OSError such as TimeoutError would pass for a broken file."""


PATIENCE = 20
"""Seconds after which a command is taken to hang."""

ROWS = [
    pytest.param(row, id=f"{kind}: {row.command[:60]} #{i}")
    for kind, rows in TABLE.items()
    for i, row in enumerate(rows)
]


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """A finished run, its model, a photo, a folder of pairs and a recipe's results, by the names of the table."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
    from small_run import make_run

    root = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        make_run(root / "run")
        shutil.copy(root / "run" / "model.keras", root)
        image("photo.png")()
        pair_folder()
        shutil.copy(Path(__file__).parents[2] / "results" / "amadi" / "results.json", root)
    return root


@pytest.fixture
def place(sound, tmp_path, monkeypatch):
    """A copy of the sound files, and the current folder of the test."""
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "KSEG_CACHE", "KSEG_DATA"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("TF_CONFIG", raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def no_waiting():
    """A command that hangs is a failure of one case, not of the suite."""

    def give_up(*_):
        raise StillAtIt(f"still at it after {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "KSEG_CACHE" not in path.parts}


def assert_one_sentence(said: str, words: str) -> None:
    lines = said.strip().splitlines()
    assert lines and lines[0].startswith("kseg: "), said
    assert all(line.startswith("  ") for line in lines[1:]), said  # of several pictures one line each
    assert words in said, said
    assert len(lines[0]) < 1000, said


def answer(words: list[str]) -> int:
    """A command of kseg, or one function, for files that a command reaches only after building a network."""
    if words[0] not in ONE_FUNCTION:
        return main(words)
    try:
        ONE_FUNCTION[words[0]](words[1])
    except KsegError as error:
        print(f"kseg: {error}", file=sys.stderr)
        return error.exit_code
    return 0


@pytest.mark.parametrize("row", ROWS)
def test_one_sentence_and_nothing_half_written(row: Row, place, capfd, monkeypatch):
    row.make()
    for name, value in row.environment.items():
        monkeypatch.setenv(name, value)
    before = files_in(place)
    capfd.readouterr()
    code = answer(words_of(row))
    said = capfd.readouterr().err
    assert code == row.code, said
    assert_one_sentence(said, row.says)
    assert files_in(place) == before
