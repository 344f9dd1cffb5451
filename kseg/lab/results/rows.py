"""What jobs measured, as rows: the only thing that tables, plots and checks are made of, and what `results/` keeps."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kseg.atomic import write_text
from kseg.datasets import open_dataset
from kseg.datasets.class_statistics import class_statistics, labelled_records
from kseg.encoders.base import STRIDE
from kseg.errors import Failure, KsegError, UsageError
from kseg.inference import load_masks
from kseg.lab.jobs import PLAIN, Job, portable
from kseg.metrics import grid_artifacts
from kseg.models import MODELS
from kseg.reading import parse_json, read_text
from kseg.training.config import TrainConfig
from kseg.training.record import Epoch
from kseg.training.workdir import WorkDir

NEARLY = 0.95
"""Share of a run's best validation IoU at which `Row.epochs_95` takes it for learned."""


@dataclass(frozen=True)
class Row:
    """One complete job."""

    tags: tuple[str, ...]
    seed: int
    job: str
    """name of its directory, which ends in the hash of its configuration"""
    iou: float
    """of the foreground over all test pixels; with more classes the mean IoU of the classes"""
    iou_image: float
    accuracy: float
    matrix: list[list[int]]
    """confusion matrix of the test split, rows = truth"""
    best_epoch: int
    epochs: int
    seconds: float
    foreground: float
    """share of the test pixels that is foreground"""
    images: list[float | None]
    """IoU of each test image, None where it has no valid pixel"""
    train_accuracy: float | None = None
    """of the kept epoch, taken while it trains; None in results from before it was kept"""
    lowest_image: str | None = None
    """id of the test image with the lowest IoU; None as above"""
    validation_iou: float | None = None
    """of the kept epoch, at the size and precision of training; None as above"""
    curve: list[float | None] = field(default_factory=list)
    """validation IoU after each epoch; empty as above"""

    artifacts: float | None = None
    """of the predicted masks (`kseg.metrics.grid_artifacts`), where the network's last step enlarges 32 times by a
    kernel that is trained; None elsewhere, and as above"""

    @property
    def epochs_95(self) -> float:
        """The first epoch whose validation IoU is 95 % of the run's best, nan without a curve.

        Unlike `best_epoch` it says something of runs that were still improving when their epochs were used up.
        """
        known = [-math.inf if value is None else value for value in self.curve]
        goal = NEARLY * max(known, default=math.nan)
        return float(next((epoch for epoch, value in enumerate(known, 1) if value >= goal), math.nan))

    @property
    def lowest(self) -> float:
        """The lowest IoU of any test image."""
        return min((value for value in self.images if value is not None), default=math.nan)

    @property
    def setting(self) -> tuple[str, ...]:
        """What is compared: all tags but the loss."""
        return self.tags[:-1]

    @property
    def loss(self) -> str:
        return self.tags[-1]


@dataclass(frozen=True)
class Results:
    """The rows of a recipe at a scale, and what they ran on."""

    recipe: str
    scale: str
    command: str
    environment: dict[str, Any]
    """packages, device and weights files as the jobs recorded them; lists where they differ"""
    rows: list[Row]
    failures: dict[str, str]
    """job → the sentence that was recorded"""
    missing: int
    """jobs of the recipe that were not run"""
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    """where one category is told from all others: data set (first tag) → category → background pixels per object
    pixel over its labelled images; without data sets that were not at hand when the rows were collected"""
    artifacts_of_truth: dict[str, float] = field(default_factory=dict)
    """setting → what `Row.artifacts` is for the true masks of its test split"""
    settings: dict[str, Any] = field(default_factory=dict)
    """what the jobs' configurations change of the defaults, "training.epochs": 12; lists where they differ"""

    def save(self, path: Path) -> None:
        content = {**asdict(self), "rows": [asdict(row) for row in self.rows]}
        head = json.dumps({**content, "rows": []}, indent=1, allow_nan=False)
        lines = ",\n  ".join(json.dumps(row, allow_nan=False) for row in content["rows"])
        write_text(path, head.replace('"rows": []', f'"rows": [\n  {lines}\n ]') + "\n")

    @classmethod
    def load(cls, path: Path) -> "Results":
        try:
            results: Results = parse_json(read_text(path), cls)
            results.check()
            return results
        except OSError as error:
            raise UsageError(f"no results in {path}: {error.strerror}; `kseg lab report` writes them") from None
        except ValueError as error:
            raise Failure(f"{path} holds no results of kseg lab ({error}); report again") from None

    def check(self) -> None:
        """Raises: ValueError where rows do not go together, as tables and plots take for granted."""
        images: dict[tuple[str, ...], int] = {}
        for row in self.rows:
            if len(row.tags) < 2 or len(row.tags) != len(self.rows[0].tags):
                raise ValueError(f"the tags of {row.job!r} are {' '.join(row.tags) or 'none'}")
            if not row.matrix or any(len(line) != len(row.matrix) for line in row.matrix):
                raise ValueError(f"the confusion matrix of {row.job!r} is not square")
            if images.setdefault(row.setting, len(row.images)) != len(row.images):
                raise ValueError(f"{row.job!r} has {len(row.images)} images, others of its setting have other numbers")


def by_setting(rows: Iterable[Row]) -> dict[tuple[str, ...], dict[str, list[Row]]]:
    """setting → loss → rows in the order of their seeds."""
    found: dict[tuple[str, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: row.seed):
        found[row.setting][row.loss].append(row)
    return {setting: dict(losses) for setting, losses in found.items()}


def figure_of(rows: Sequence[Row], figure: str) -> float:
    """Mean over the seeds; nan if a row lacks the figure."""
    return float(np.mean(np.array([getattr(row, figure) for row in rows], dtype=float)))


def range_of(rows: Sequence[Row]) -> tuple[float, float, float]:
    """Mean, lowest and highest IoU over the seeds.

    Of two to five seeds a bootstrap interval is just that range, or nearly, and covers far less than it says.
    """
    values = [row.iou for row in rows]
    return float(np.mean(values)), min(values), max(values)


def collect(jobs: Sequence[Job], *, recipe: str, scale: str, command: str) -> Results:
    """The rows of the jobs that are complete."""
    complete = [job for job in jobs if job.state == "complete"]
    failures = {job.path.name: str(job.failure()) for job in jobs if job.state == "failed"}
    return Results(
        recipe=recipe,
        scale=scale,
        command=command,
        environment=_environment(complete),
        rows=[read_row(job) for job in complete],
        failures=failures,
        missing=len(jobs) - len(complete) - len(failures),
        ratios=_ratios(complete),
        artifacts_of_truth=_artifacts_of_truth(complete),
        settings=_settings(complete),
    )


def read_row(job: Job) -> Row:
    results = WorkDir(job.path).read_results()
    evaluation = results["evaluation"]
    scores, matrix = evaluation["scores"], evaluation["confusion_matrix"]
    pixels = sum(map(sum, matrix))
    iou = scores["iou_dataset"] if len(matrix) == 2 else scores.get("miou")
    if iou is None or scores["iou_image"] is None or scores["accuracy"] is None:
        raise Failure(f"{WorkDir(job.path).results} has no valid test pixel to score; mend the test split's masks")
    epochs = _epochs(job)
    scored = {
        name: value for name, value in zip(evaluation["ids"], evaluation["iou_image"], strict=True) if value is not None
    }
    kept = epochs.get(results["best_epoch"]) or Epoch(epoch=results["best_epoch"])
    return Row(
        tags=job.tags,
        seed=job.seed,
        job=job.path.name,
        iou=iou,
        iou_image=scores["iou_image"],
        accuracy=scores["accuracy"],
        matrix=matrix,
        best_epoch=results["best_epoch"],
        epochs=results["epochs"],
        seconds=results["wall_seconds"],
        foreground=1 - sum(matrix[0]) / pixels,
        images=[_rounded(value) for value in evaluation["iou_image"]],
        train_accuracy=kept.get("accuracy"),
        lowest_image=min(scored, key=scored.__getitem__, default=None),
        validation_iou=kept.get("val_iou"),
        curve=[_rounded(epochs[number].get("val_iou")) for number in sorted(epochs)],
        artifacts=_artifacts(job),
    )


def _cells(job: Job) -> tuple[float, float] | None:
    """Rows and columns of the score map that the network's last layer enlarges by a trained kernel; None without one.

    Images fed at their own size each have their own grid.
    """
    size = job.config.model.image_size
    if (
        "upscore_start" not in MODELS[str(job.config.model.model)].options
        or job.config.training.test_input == "original"
    ):
        return None
    assert size is not None
    return size[0] / STRIDE, size[1] / STRIDE


def _artifacts(job: Job) -> float | None:
    cells, masks = _cells(job), WorkDir(job.path).masks
    if cells is None or not masks.exists():
        return None
    return round(grid_artifacts(load_masks(masks).values(), cells=cells), 4)


def _artifacts_of_truth(jobs: Iterable[Job]) -> dict[str, float]:
    """`Results.artifacts_of_truth`; the true masks of a data set are measured once."""
    found: dict[str, float] = {}
    known: dict[Any, float] = {}
    for job in jobs:
        cells, setting = _cells(job), " ".join(job.tags[:-1])
        if cells is None or setting in found:
            continue
        key = (job.config.data, cells)
        try:
            if key not in known:
                dataset = open_dataset(job.config.data)
                masks = (dataset.labels(record) == 1 for record in dataset.records("test"))
                known[key] = round(grid_artifacts(masks, cells=cells), 4)
        except KsegError:  # as for the ratios
            continue
        found[setting] = known[key]
    return found


def _epochs(job: Job) -> dict[int, Epoch]:
    """What the journal says of every epoch; of one that was done again after an interruption, the last."""
    return {entry["epoch"]: entry for entry in WorkDir(job.path).read_epochs()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _ratios(jobs: Iterable[Job]) -> dict[str, dict[str, float]]:
    """`Results.ratios`; the masks are read once and their counts kept in the cache."""
    chosen = {job.tags[0]: job.config.data for job in jobs if job.config.data.category is not None}
    found = {}
    for name, options in chosen.items():
        try:
            whole = open_dataset(replace(options, category=None))
            rows = class_statistics(whole, labelled_records(whole)).rows()
        except KsegError:  # a report can be made where the data is not; its tables then say "–"
            continue
        found[name] = {row["class"]: row["background_to_object"] for row in rows if row["background_to_object"]}
    return found


def _environment(jobs: Iterable[Job]) -> dict[str, Any]:
    """What all jobs have in common, and every value of what they have not."""
    found: dict[str, list[Any]] = {}
    for job in jobs:
        environment = WorkDir(job.path).read_environment()
        git, weights = environment.get("git"), environment.get("weights")
        for name, value in {
            "device": environment.get("device"),
            "backend": environment.get("backend"),
            "python": environment.get("python"),
            "packages": environment.get("packages"),
            "commit": None if git is None else git["commit"][:12] + (" (changed)" if git.get("dirty") else ""),
            "weights": None if weights is None else f"{weights['file']} (SHA-256 {weights['sha256'][:16]}…)",
        }.items():
            if value not in found.setdefault(name, []) and value is not None:
                found[name].append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items() if values}


def _settings(jobs: Iterable[Job]) -> dict[str, Any]:
    """Fields of the configurations that are not what they are by default, or not the same in all jobs."""
    found: dict[str, list[Any]] = {}
    for job in jobs:
        for name, value in _flat(portable(job.config)).items():
            if value not in found.setdefault(name, []):
                found[name].append(value)
    defaults = _flat(TrainConfig(model=PLAIN.model))
    return {
        name: values[0] if len(values) == 1 else values
        for name, values in found.items()
        if values != [defaults[name]] and name != "training.seed"
    }


def _flat(config: TrainConfig) -> dict[str, Any]:
    return {
        f"{group}.{name}": ", ".join(map(str, value)) if isinstance(value, list) else value
        for group, values in config.to_json().items()
        for name, value in values.items()
    }
