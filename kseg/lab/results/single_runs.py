"""Single runs kept under `results/`, collected from run directories.

    python -m kseg.lab.results.single_runs runs/RUN --folder results/lfw

`kseg lab report` does the same for the jobs of a recipe.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from kseg.atomic import write_json
from kseg.conventions import DEFAULT_TASK
from kseg.errors import UsageError
from kseg.training.record import RunFiles

AGAIN = "collect its run again"


@dataclass(frozen=True)
class Collect:
    """Copy what a run measured into a folder: configuration, environment, scores, per-image IoU, confusion matrix."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """run directories"""
    folder: Path
    """where the JSON files go, one per run, named as the run"""

    def run(self) -> None:
        for path in self.runs:
            files = RunFiles(path)
            if not files.is_complete:
                raise UsageError(f"{path} is not a complete run of kseg; finish it by running its command again")
            content = files.read_whole()
            content["results"]["evaluation"] = _compact(content["results"]["evaluation"])
            environment = content["environment"]
            environment["command"] = shlex.join(map(without_folders, shlex.split(environment.get("command", ""))))
            write_json(self.folder / f"{path.name}.json", _with_texts(content, without_folders))


def _compact(evaluation: dict[str, Any]) -> dict[str, Any]:
    """The evaluation without its large parts: counts per image, and classes that the images do not show.

    Label maps lose the confusion matrices of single images, objects and segments the counts behind their scores.
    """
    if evaluation.get("task", DEFAULT_TASK) == DEFAULT_TASK:
        return {name: value for name, value in evaluation.items() if name != "confusion_matrices"}
    scores = {
        name: {key: one for key, one in value.items() if one is not None} if isinstance(value, dict) else value
        for name, value in evaluation["scores"].items()
    }
    short = {name: value for name, value in evaluation.items() if not isinstance(value, list | dict)}
    return {**short, "ids": evaluation["ids"], "scores": scores}


def without_folders(text: str) -> str:
    """The last part of an absolute path, as a reader has other folders; other texts stay as they are."""
    return Path(text).name if text.startswith("/") and " " not in text else text


def _with_texts(content: Any, change: Callable[[str], str]) -> Any:
    if isinstance(content, dict):
        return {key: _with_texts(value, change) for key, value in content.items()}
    if isinstance(content, list):
        return [_with_texts(value, change) for value in content]
    return change(content) if isinstance(content, str) else content


if __name__ == "__main__":
    tyro.cli(Collect).run()
