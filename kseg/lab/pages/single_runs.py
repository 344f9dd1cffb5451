"""Single runs kept under `results/`: collected from run directories, and the README's table of them.

    python -m kseg.lab.measured runs/bfcn32s-iou-lfw-hair --folder results/lfw

`kseg lab report` does the same for the jobs of a recipe.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any, TypedDict

import tyro

from kseg.atomic import write_json
from kseg.errors import UsageError
from kseg.lab.recipes.vanbeers2019_paper import TABLES
from kseg.lab.table import md
from kseg.reading import read_json
from kseg.training.record import Config
from kseg.training.workdir import WorkDir

COLUMNS = (
    "model", "loss", "split", "hair", "flips", "IoU", "mean image IoU", "accuracy", "best epoch", "wall time",
    "paper's IoU", "paper's accuracy",
)  # fmt: skip

AGAIN = "collect its run again"


class MeasuredScores(TypedDict):
    """Of a single run, as the tables show them."""

    iou_dataset: float
    iou_image: float
    accuracy: float
    mean_accuracy: float
    miou: float
    iou_class: dict[str, float]


class MeasuredEvaluation(TypedDict):
    """Without the confusion matrix of each image."""

    classes: list[str]
    scores: MeasuredScores


class MeasuredResults(TypedDict):
    """What a run's results.json has of them."""

    model: str
    loss: str
    epochs: int
    best_epoch: int
    wall_seconds: float
    evaluation: MeasuredEvaluation


class Measured(TypedDict):
    """A file that `Collect` writes."""

    config: Config
    results: MeasuredResults


@dataclass(frozen=True)
class Collect:
    """Copy what a run measured into a folder: configuration, environment, scores, per-image IoU, confusion matrix."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """run directories"""
    folder: Path
    """where the JSON files go, one per run, named as the run"""

    def run(self) -> None:
        for path in self.runs:
            workdir = WorkDir(path)
            if not workdir.results.exists():
                raise UsageError(f"{path} is not a complete run of kseg; finish it by running its command again")
            workdir.read_results()  # is it sound?
            results: dict[str, Any] = read_json(workdir.results, dict[str, Any], remedy=AGAIN)
            evaluation = results["evaluation"]
            # The confusion matrices per image follow from nothing else, but are large; IoU per image is kept.
            evaluation.pop("confusion_matrices")
            workdir.read_environment()
            environment: dict[str, Any] = read_json(workdir.environment, dict[str, Any], remedy=AGAIN)
            content = {"config": workdir.read_config(), "environment": environment, "results": results}
            environment["command"] = shlex.join(map(without_folders, shlex.split(environment.get("command", ""))))
            write_json(self.folder / f"{path.name}.json", _with_texts(content, without_folders))


def without_folders(text: str) -> str:
    """The last part of an absolute path, for a reader who has other folders; any other text as it is."""
    return Path(text).name if text.startswith("/") and " " not in text else text


def _with_texts(content: Any, change: Callable[[str], str]) -> Any:
    if isinstance(content, dict):
        return {key: _with_texts(value, change) for key, value in content.items()}
    if isinstance(content, list):
        return [_with_texts(value, change) for value in content]
    return change(content) if isinstance(content, str) else content


def markdown(folder: Path) -> str:
    """Faces: a row per result, with the paper's figures. Data sets of many classes: the IoU of each, over the seeds."""
    rows: list[Measured] = [read_json(path, Measured, remedy=AGAIN) for path in folder.glob("*.json")]
    rows.sort(key=_sort_key)
    binary = all(len(row["results"]["evaluation"]["classes"]) == 2 for row in rows)
    return faces_table(rows) if binary else classes_table(rows)


def classes_table(rows: list[Measured]) -> str:
    """A row per setting: means over its seeds, of mIoU with the range too; test split, original size."""
    classes = rows[0]["results"]["evaluation"]["classes"]
    columns = ("model", "loss", "class weights", "seeds", "mIoU", "accuracy", "mean accuracy", "best epoch", *classes)
    lines = [f"| {' | '.join(map(md, columns))} |", "|---" * len(columns) + "|"]
    for (*setting, epochs), alike in groupby(sorted(rows, key=_setting), key=_setting):
        results = [row["results"] for row in alike]
        scores = [result["evaluation"]["scores"] for result in results]
        miou = [score["miou"] for score in scores]
        spread = f" [{min(miou):.3f}, {max(miou):.3f}]" if len(miou) > 1 else ""
        cells = [
            *setting, str(len(results)), f"{fmean(miou):.3f}{spread}",
            *(f"{fmean(score[key] for score in scores):.3f}" for key in ("accuracy", "mean_accuracy")),
            f"{', '.join(str(result['best_epoch']) for result in results)} of {epochs}",
            *(f"{fmean(score['iou_class'][one] for score in scores):.2f}" for one in classes),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(map(md, cells))} |")
    return "\n".join(lines)


def _setting(row: Measured) -> tuple[str, str, str, int]:
    """What the seeds of one setting have in common: network, loss, class weights, epochs."""
    encoder, results = row["config"]["model"].get("encoder"), row["results"]
    name = results["model"] + (f" on {encoder}" if encoder else "")
    return name, results["loss"], row["config"]["loss"]["class_weights"], results["epochs"]


def faces_table(rows: list[Measured]) -> str:
    """Setting, test accuracy and IoU, epochs, seconds, the paper's figures."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for row in rows:
        data, results = row["config"]["data"], row["results"]
        scores = results["evaluation"]["scores"]
        setting = (results["model"], "lfw", data["size"], "hair" if data["hair"] else "no hair")
        paper = TABLES.get(setting, {}).get(results["loss"])
        name = results["model"] + (f" (head {width})" if (width := row["config"]["model"]["head_width"]) else "")
        hair, flips = ("yes" if asked else "no" for asked in (data["hair"], row["config"]["augment"]["flip"]))
        lines.append(
            f"| {md(name)} | {md(results['loss'])} | {data['size']} | {hair} | {flips} "
            f"| {scores['iou_dataset']:.3f} | {scores['iou_image']:.3f} | {scores['accuracy']:.3f} "
            f"| {results['best_epoch']} of {results['epochs']} | {results['wall_seconds']:.0f} s "
            f"| {f'{paper.iou:.3f}' if paper else '–'} | {f'{paper.accuracy:.3f}' if paper else '–'} |"
        )
    return "\n".join(lines)


def _sort_key(row: Measured) -> tuple:
    data, results = row["config"]["data"], row["results"]
    return results["model"], data["size"], not data["hair"], results["loss"], results["epochs"]


if __name__ == "__main__":
    tyro.cli(Collect).run()
