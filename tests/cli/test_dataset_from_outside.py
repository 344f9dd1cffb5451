"""Adding a data set is one class: registered from outside the package, it has all commands and its own flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
import tiny_network

from kseg.cli.main import main
from kseg.conventions import SPLITS
from kseg.datasets import DATASETS, DataOptions, Dataset, Record, Relabel
from kseg.ranges import Range

SIDE = 32


@dataclass(frozen=True)
class DiscOptions(DataOptions):
    """Options of the discs."""

    size: Annotated[int, Range(least=2, most=15)] = 10
    """radius of a disc in pixels"""

    @property
    def variant_names(self) -> tuple[str, ...]:
        return (f"r{self.size}",)


class Discs(Dataset):
    """A bright disc on a dark ground; its option has the name of another data set's, and another type."""

    name = "discs"
    title = "bright discs on a dark ground"
    Options = DiscOptions
    options: DiscOptions
    reads_files = False
    legend = Relabel(("background", "disc"), ((0, 0, 0), (255, 200, 0)))
    training_size = (SIDE, SIDE)

    def all_records(self, split: str) -> Sequence[Record]:
        return [Record(f"{split}_{index}") for index in range(4)]

    def read_labels(self, record: Record) -> np.ndarray:
        y, x = np.mgrid[:SIDE, :SIDE]
        middle = 12 + SPLITS.index(record.id.split("_")[0]) + int(record.id[-1])
        return ((y - middle) ** 2 + (x - middle) ** 2 <= self.options.size**2).astype(np.uint8)

    def read_image(self, record: Record) -> np.ndarray:
        ground = 8 * SPLITS.index(record.id.split("_")[0])  # no two splits show one picture
        return np.repeat(self.labels(record)[..., None] * 200 + ground, 3, axis=-1).astype(np.uint8)

    def identity(self, record: Record) -> str:
        return f"disc {record.id} {self.options.size}"


@pytest.fixture
def discs(monkeypatch):
    """`DATASETS.register("discs")(Discs)`, for one test."""
    len(DATASETS)  # the package's own are found first
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    DATASETS.register("discs")(Discs)


def asked(*arguments: str) -> int | str | None:
    """The exit code, also of --help."""
    try:
        return main(list(arguments))
    except SystemExit as leaving:
        return leaving.code


def test_the_data_commands(discs, tmp_path, capsys):
    assert main(["data", "info", "discs"]) == 0
    assert "bright discs" in (shown := capsys.readouterr().out) and "1 disc" in shown
    assert main(["data", "check", "discs", "--size", "4"]) == 0
    assert "discs: 12 pairs read" in capsys.readouterr().out
    assert main(["data", "preview", "discs", "--size", "4", "--count", "2", "--out", str(tmp_path / "sheet.png")]) == 0
    assert (tmp_path / "sheet.png").is_file()
    capsys.readouterr()
    assert main(["data", "stats", "discs", "--size", "4"]) == 0
    # a disc of radius 4 has 49 of the 32 × 32 pixels
    assert f"{49 / SIDE**2:.3%}" in (told := capsys.readouterr().out) and told.startswith("discs r4, train: 4 images")


def test_its_flags_and_no_other_s(discs, capsys):
    assert asked("data", "info", "discs", "--help") == 0
    assert "radius of a disc" in (shown := capsys.readouterr().out) and "--year" not in shown
    assert asked("train", "--dataset", "discs", "--help") == 0
    assert "radius of a disc" in (shown := capsys.readouterr().out) and "--synthetic-size" not in shown
    assert asked("data", "check", "discs", "--size", "1") == 2
    assert "--size is 1; it must be at least 2 and at most 15" in capsys.readouterr().err
    assert asked("train", "--dataset", "discs", "--year", "2010") == 2
    assert "--year is an option of --dataset voc; leave it out here" in capsys.readouterr().err


@pytest.fixture
def _tiny_network():
    with tiny_network.registered():
        yield


@pytest.mark.usefixtures("_tiny_network")
def test_it_trains_and_is_measured(discs, tmp_path, capsys):
    run = tmp_path / "run"
    flags = ["--dataset", "discs", "--size", "6"]
    training = f"--model {tiny_network.NAME} --batch-size 4 --epochs 1 --no-tensorboard --workdir {run}".split()
    assert main(["train", *flags, *training]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    assert "the run's own data" in capsys.readouterr().out
    assert main(["evaluate", str(run), "--size", "9", "--split", "all"]) == 0
    assert "--size 9 instead of 6" in capsys.readouterr().out
    assert asked("evaluate", str(run), "--help") == 0
    assert "radius of a disc in pixels (default: 6)" in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_two_of_one_name_are_refused(discs):
    with pytest.raises(ValueError, match="'discs' is registered twice"):
        DATASETS.register("discs")(Discs)
