"""The marked tables of single runs, from the files that `kseg.lab.results.single_runs` collects."""

from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any, NotRequired, TypedDict

from kseg.conventions import DEFAULT_TASK
from kseg.lab.recipes.vanbeers2019.printed import TABLES, face
from kseg.lab.results.single_runs import AGAIN
from kseg.lab.tables.table import md
from kseg.reading import read_json
from kseg.training.record import Config
from kseg.wording import DASH

COLUMNS = (
    "model", "loss", "split", "hair", "flips", "IoU", "mean image IoU", "accuracy", "best epoch", "wall time",
    "paper's IoU", "paper's accuracy",
)  # fmt: skip


class MeasuredScores(TypedDict):
    """The scores of a single run that the tables show."""

    iou_dataset: float
    iou_image: float
    accuracy: float
    mean_accuracy: float
    miou: float
    iou_class: dict[str, float]


class MeasuredEvaluation(TypedDict):
    """The evaluation of a single run, without the confusion matrices of its images."""

    classes: list[str]
    scores: MeasuredScores


class MeasuredResults(TypedDict):
    """The part of a run's results.json that the tables show."""

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


class AnyEvaluation(TypedDict):
    """The task of an evaluation; files from before there were tasks have none."""

    task: NotRequired[str]


class AnyResults(TypedDict):
    """The evaluation of a single run, whatever its task."""

    evaluation: AnyEvaluation


class AnyRun(TypedDict):
    """A single run, whatever its task."""

    results: AnyResults


OF_OBJECTS = {
    "AP": "mask AP", "AP50": "AP50", "box_AP": "box AP", "PQ": "PQ", "SQ": "SQ", "RQ": "RQ",
    "PQ_things": "PQ of things", "PQ_stuff": "PQ of stuff",
}  # fmt: skip
"""Score of an evaluation of objects or segments → column."""


class TaskEvaluation(TypedDict):
    """The evaluation of a run that finds objects or segments."""

    task: str
    split: str
    ids: list[str]
    scores: dict[str, Any]


class TaskResults(TypedDict):
    """The part of such a run's results.json that the table shows."""

    model: str
    loss: str
    dataset: str
    epochs: int
    best_epoch: int
    wall_seconds: float
    evaluation: TaskEvaluation


class TaskRun(TypedDict):
    """A file that `Collect` writes of such a run."""

    config: Config
    results: TaskResults


def objects_table(folder: Path) -> str:
    """A row per run of objects or segments, in the order of the files' names."""
    runs: list[TaskRun] = [read_json(path, TaskRun, remedy=AGAIN) for path in sorted(folder.glob("*.json"))]
    shown = [name for name in OF_OBJECTS if any(name in run["results"]["evaluation"]["scores"] for run in runs)]
    head = ("model", "data", "size", "images", "loss", *(OF_OBJECTS[name] for name in shown), "best epoch", "wall time")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for run in runs:
        results, size = run["results"], run["config"]["model"].get("image_size")
        evaluation = results["evaluation"]
        values = [evaluation["scores"].get(name) for name in shown]
        cells = [
            _network(run), results["dataset"], "×".join(map(str, size)) if size else DASH,
            f"{len(evaluation['ids'])} {evaluation['split']}", results["loss"],
            *(DASH if value is None else f"{value:.3f}" for value in values),
            f"{results['best_epoch']} of {results['epochs']}", f"{results['wall_seconds']:.0f} s",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(map(md, cells))} |")
    return "\n".join(lines)


def markdown(folder: Path) -> str:
    """The table of the folder's runs.

    For faces a row per run with the paper's figures; for many classes a row per setting with the IoU of each; for
    objects and segments a row per run.
    """
    runs: list[AnyRun] = [read_json(path, AnyRun, remedy=AGAIN) for path in folder.glob("*.json")]
    if any(run["results"]["evaluation"].get("task", DEFAULT_TASK) != DEFAULT_TASK for run in runs):
        return objects_table(folder)
    rows: list[Measured] = [read_json(path, Measured, remedy=AGAIN) for path in folder.glob("*.json")]
    rows.sort(key=_sort_key)
    binary = all(len(row["results"]["evaluation"]["classes"]) == 2 for row in rows)
    return faces_table(rows) if binary else classes_table(rows)


def classes_table(rows: list[Measured]) -> str:
    """A row per setting: means over its seeds, for mIoU with the range; test split, original size."""
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
    """The setting that its seeds share: network, loss, class weights, epochs."""
    results = row["results"]
    return _network(row), results["loss"], row["config"]["loss"]["class_weights"], results["epochs"]


def faces_table(rows: list[Measured]) -> str:
    """Setting, test accuracy and IoU, epochs, seconds, the paper's figures."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for row in rows:
        data, results = row["config"]["data"], row["results"]
        scores = results["evaluation"]["scores"]
        setting = face(results["model"], data["dataset"], data["size"], "hair" if data["hair"] else "no hair")
        paper = TABLES.get(setting, {}).get(results["loss"])
        hair, flips = ("yes" if asked else "no" for asked in (data["hair"], row["config"]["augment"]["flip"]))
        lines.append(
            f"| {md(_network(row))} | {md(results['loss'])} | {data['size']} | {hair} | {flips} "
            f"| {scores['iou_dataset']:.3f} | {scores['iou_image']:.3f} | {scores['accuracy']:.3f} "
            f"| {results['best_epoch']} of {results['epochs']} | {results['wall_seconds']:.0f} s "
            f"| {f'{paper.iou:.3f}' if paper else '–'} | {f'{paper.accuracy:.3f}' if paper else '–'} |"
        )
    return "\n".join(lines)


def _network(row: Measured | TaskRun) -> str:
    """The network's name, given encoder and head, and the layer from which the encoder was trained."""
    model = row["config"]["model"]
    name = row["results"]["model"] + (f" on {model['encoder']}" if model.get("encoder") else "")
    trained = {None: "", "none": "", "all": "encoder trained"}.get(
        start := model.get("trainable_from"), f"trained from {start}"
    )
    head = f"head {model['head_width']}" if model.get("head_width") else ""
    return name + (f" ({', '.join(filter(None, (head, trained)))})" if head or trained else "")


def _sort_key(row: Measured) -> tuple:
    data, results = row["config"]["data"], row["results"]
    faces = data.get("size", ""), not data.get("hair", True)  # options of LFW, which older files of all data sets have
    return results["model"], *faces, results["loss"], results["epochs"]
