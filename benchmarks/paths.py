"""The number of files on three ways through kseg: a label to its loss, a text to its loss, a recipe to its page.

    python benchmarks/paths.py [--before CHECKOUT] [--out results/benchmarks/paths.json]

    label    from a record of a data set, in a batch, to the value of the loss in a training step
    spec     from `--loss "bce + 0.5*iou"` in a configuration to the object that is trained with
    page     from a recipe and its finished runs to report.html, files of the lab and of reports alone

`files`: files of kseg whose code runs. `back`: steps from one file into another that the way entered earlier.
Imports do not count. The same commands run in both checkouts, in a process each.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

HERE = Path(__file__).parents[1]
TRAIN = [
    "train", "--loss", "bce + 0.5*iou", "--synthetic-size", "32", "--synthetic-counts", "4", "2", "2",
    "--base-width", "2", "--batch-size", "2", "--epochs", "1", "--steps-per-epoch", "1", "--no-tensorboard",
    "--workdir", "run",
]  # fmt: skip
STUDY = ["loss_study", "--root", "study"]
MEASURED = "ways.json"
OF_PAGES = ("kseg/lab", "kseg/report")


@dataclass
class Way:
    """Files in the order in which they are entered, and steps from one into another."""

    under: Sequence[str]
    entered: list[str] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)

    def file_of(self, frame: Any) -> str | None:
        _, package, name = frame.f_code.co_filename.rpartition("/kseg/")
        name = f"kseg/{name}"
        return name if package and frame.f_code.co_name != "<module>" and name.startswith(tuple(self.under)) else None

    def __call__(self, frame: Any, event: str, _: Any) -> None:
        if event != "call" or (file := self.file_of(frame)) is None:
            return
        if file not in self.entered:
            self.entered.append(file)
        caller = frame.f_back
        while caller is not None and self.file_of(caller) is None:
            caller = caller.f_back
        if caller is not None and (step := (self.file_of(caller), file)) not in self.steps and step[0] != file:
            self.steps.append(step)  # type: ignore[arg-type]

    @property
    def back(self) -> int:
        place = {file: number for number, file in enumerate(self.entered)}
        return sum(place[into] < place.get(of, -1) for of, into in self.steps)

    @contextmanager
    def watched(self):
        before = sys.getprofile()
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(before)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watching(*args: Any, **options: Any) -> Any:
            with self.watched():
                return function(*args, **options)

        return watching

    def to_json(self) -> dict[str, Any]:
        return {"files": len(self.entered), "back": self.back, "entered": self.entered}


def measure() -> dict[str, Any]:
    """The ways through the kseg that this process imports, in an empty working directory."""
    import keras

    from kseg.cli.main import main
    from kseg.pipeline import ImageSource
    from kseg.training import stages

    label, spec, page = Way(("kseg/",)), Way(("kseg/",)), Way(OF_PAGES)
    stages.loss_stages = spec.around(stages.loss_stages)  # before the modules that take it from there
    try:
        from kseg.training.trained import Trained as trained
    except ImportError:  # before there was one, Keras' own model asked the loss
        trained = keras.Model
    ImageSource.batch = label.around(ImageSource.batch)
    trained.compute_loss = label.around(trained.compute_loss)
    assert main(TRAIN) == 0
    assert main(["lab", "run", *STUDY, "--scale", "smoke", "--processes", "1"]) == 0
    with page.watched():
        assert main(["lab", "report", *STUDY, "--scale", "smoke"]) == 0
    return {"label": label.to_json(), "spec": spec.to_json(), "page": page.to_json()}


def of_checkout(checkout: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "KSEG_CACHE": str(Path(folder, "cache"))}
        words = [sys.executable, str(Path(__file__).absolute()), "--measure"]
        subprocess.run(words, cwd=folder, env=environment, check=True)
        ways: dict[str, Any] = json.loads(Path(folder, MEASURED).read_text())
        return ways


@dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    before: Path | None = None
    """another checkout, to compare with"""
    out: Path | None = None
    """JSON file to write"""
    measure: bool = False
    """measure the kseg that this process imports, in an empty working directory"""


def main(settings: Settings) -> None:
    if settings.measure:
        Path(MEASURED).write_text(json.dumps(measure()))
        return
    checkouts = {"now": HERE} if settings.before is None else {"before": settings.before.absolute(), "now": HERE}
    result = {name: of_checkout(checkout) for name, checkout in checkouts.items()}
    for name, ways in result.items():
        print(name, ", ".join(f"{way}: {counts['files']} files, {counts['back']} back" for way, counts in ways.items()))
    if settings.out is not None:
        settings.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
