"""Jobs' directories read: the rows of those that are complete, and what they ran on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kseg.conventions import DEFAULT_TASK, STRIDE
from kseg.datasets import open_dataset
from kseg.datasets.class_statistics import class_statistics, labeled_records
from kseg.errors import Failure, KsegError
from kseg.inference import load_masks
from kseg.lab.experiment.jobs import PLAIN, Job, defaults_beside, portable
from kseg.lab.results.membranes import membrane_figures
from kseg.lab.results.rows import Results, Row
from kseg.metrics import grid_artifacts
from kseg.models import MODELS
from kseg.reading import held_to
from kseg.tasks import TASKS
from kseg.tasks.figures import plain
from kseg.tasks.semantic.evaluation import StoredEvaluation
from kseg.training.config import TrainConfig
from kseg.training.record import Epoch, RunResults


def collect(jobs: Sequence[Job], *, recipe: str, scale: str, command: str, known: Results | None = None) -> Results:
    """The rows of the jobs that are complete.

    Args:
      known: results of the same recipe and scale, measured elsewhere or earlier. Its row stands for a job that is not
        complete here. A job's name ends in the hash of its configuration, so a row stands for the very same run.
    """
    # 1. where the row of a job comes from
    known = known or Results(recipe, scale, command, environment={}, rows=[], failures={}, missing=0)
    stored = {row.job: row for row in known.rows}
    complete = [job for job in jobs if job.state == "complete"]
    here = {job.path for job in complete}
    measured = [job for job in jobs if job.path in here or job.path.name in stored]
    failures = {
        job.path.name: str(job.failure()) for job in jobs if job.state == "failed" and job.path.name not in stored
    }
    # 2. the rows, and what all of them ran on
    return Results(
        recipe=recipe,
        scale=scale,
        command=command,
        environment=_environment(complete, known.environment),
        rows=[read_row(job) if job.path in here else stored[job.path.name] for job in measured],
        failures=failures,
        missing=len(jobs) - len(measured) - len(failures),
        ratios={**known.ratios, **_ratios(measured)},
        artifacts_of_truth={**known.artifacts_of_truth, **_artifacts_of_truth(measured)},
        settings=_settings(measured),
    )


def read_row(job: Job) -> Row:
    """The row of a complete job."""
    # 1. what was measured
    results = job.files.read_results()
    if results["evaluation"].get("task", DEFAULT_TASK) != DEFAULT_TASK:
        return _row_of_figures(job, results)
    evaluation = _held(job, results["evaluation"])
    scores, matrix = evaluation["scores"], evaluation["confusion_matrix"]
    pixels = sum(map(sum, matrix))
    iou = scores["iou_dataset"] if len(matrix) == 2 else scores.get("miou")
    if iou is None or scores["iou_image"] is None or scores["accuracy"] is None:
        raise Failure(f"{job.files.results} has no valid test pixel to score; mend the test split's masks")
    # 2. what the journal tells of the epochs
    epochs = _epochs(job)
    scored = {
        name: value for name, value in zip(evaluation["ids"], evaluation["iou_image"], strict=True) if value is not None
    }
    kept_epoch = epochs.get(results["best_epoch"]) or {}
    of_membranes: dict[str, Any] = membrane_figures(job, evaluation["classes"])
    # 3. the row
    return Row(
        condition=job.condition,
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
        train_accuracy=kept_epoch.get("accuracy"),
        lowest_image=min(scored, key=scored.__getitem__, default=None),
        validation_iou=kept_epoch.get("val_iou"),
        curve=[_rounded(epochs[number].get("val_iou")) for number in sorted(epochs)],
        artifacts=_artifacts(job),
        iou_crf=_iou_behind_crf(results),
        **of_membranes,
    )


def _iou_behind_crf(results: RunResults) -> float | None:
    refined = results.get("refined")
    if refined is None:
        return None
    scores: dict[str, float | None] = refined["evaluation"]["scores"]
    return scores["iou_dataset" if len(refined["evaluation"]["classes"]) == 2 else "miou"]


def _held(job: Job, content: dict[str, Any]) -> StoredEvaluation:
    try:
        return held_to(content, StoredEvaluation)
    except ValueError as error:
        raise Failure(f"{job.files.results} holds no evaluation ({error}); remove it and run the job again") from None


def _row_of_figures(job: Job, results: RunResults) -> Row:
    """The row of another task than the default one: every score of its evaluation that is one number."""
    evaluation, epochs = job.files.evaluation_of(results), _epochs(job)
    score, per_image = TASKS[evaluation.task].score, evaluation.per_image
    numbers = {name: value for name, value in evaluation.scores().items() if isinstance(value, int | float)}
    scored = {name: value for name, value in zip(evaluation.ids, per_image, strict=True) if not np.isnan(value)}
    return Row(
        condition=job.condition,
        seed=job.seed,
        job=job.path.name,
        best_epoch=results["best_epoch"],
        epochs=results["epochs"],
        seconds=results["wall_seconds"],
        images=[_rounded(value) for value in plain(per_image.tolist())],
        lowest_image=min(scored, key=scored.__getitem__, default=None),
        curve=[_rounded(epochs[number].get(score.key)) for number in sorted(epochs)],
        task=evaluation.task,
        figures=plain({"score": evaluation.headline[1], **numbers}),
    )


def _cells(job: Job) -> tuple[float, float] | None:
    """Rows and columns of the score map that the network's last layer enlarges by a trained kernel.

    None for a network without such a layer, and for images that are fed at their own size, as each has another grid.
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
    cells, masks = _cells(job), job.files.masks
    if cells is None or not masks.exists():
        return None
    return round(grid_artifacts(load_masks(masks).values(), cells=cells), 4)


def _artifacts_of_truth(jobs: Iterable[Job]) -> dict[str, float]:
    """`Results.artifacts_of_truth`; the true masks of a data set are measured once."""
    by_setting: dict[str, float] = {}
    known: dict[Any, float] = {}
    for job in jobs:
        cells, setting = _cells(job), str(job.condition.setting)
        if cells is None or setting in by_setting:
            continue
        key = (job.config.data, cells)
        try:
            if key not in known:
                dataset = open_dataset(job.config.data)
                masks = (dataset.labels(record) == 1 for record in dataset.records("test"))
                known[key] = round(grid_artifacts(masks, cells=cells), 4)
        except KsegError:  # as for the ratios
            continue
        by_setting[setting] = known[key]
    return by_setting


def _epochs(job: Job) -> dict[int, Epoch]:
    """The journal's entry of every epoch; the last entry of an epoch that was done again after an interruption."""
    return {entry["epoch"]: entry for entry in job.files.read_epochs()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _ratios(jobs: Iterable[Job]) -> dict[str, dict[str, float]]:
    """`Results.ratios`; the masks are read once and their counts kept in the cache."""
    chosen = {job.condition.dataset: job.config.data for job in jobs if job.config.data.category is not None}
    ratios = {}
    for name, options in chosen.items():
        try:
            whole = open_dataset(replace(options, category=None))
            rows = class_statistics(whole, labeled_records(whole)).rows()
        except KsegError:  # a report can be made where the data is not; its tables then say "–"
            continue
        ratios[name] = {row["class"]: row["background_to_object"] for row in rows if row["background_to_object"]}
    return ratios


def _environment(jobs: Iterable[Job], known: Mapping[str, Any]) -> dict[str, Any]:
    """What the jobs and the known rows ran on: one value where all agree, a list of all values where they differ."""
    values_of = {name: list(value) if isinstance(value, list) else [value] for name, value in known.items()}
    for job in jobs:
        environment = job.files.read_environment()
        git, weights = environment.get("git"), environment.get("weights")
        for name, value in {
            "device": environment.get("device"),
            "backend": environment.get("backend"),
            "python": environment.get("python"),
            "packages": environment.get("packages"),
            "commit": None if git is None else git["commit"][:12] + (" (changed)" if git.get("dirty") else ""),
            "weights": None if weights is None else f"{weights['file']} (SHA-256 {weights['sha256'][:16]}…)",
        }.items():
            if value not in values_of.setdefault(name, []) and value is not None:
                values_of[name].append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in values_of.items() if values}


def _settings(jobs: Iterable[Job]) -> dict[str, Any]:
    """Fields of the configurations that differ from their defaults, or from job to job."""
    jobs = list(jobs)
    defaults: dict[str, Any] = {}
    for job in jobs:
        defaults |= _flat(defaults_beside(job.config, TrainConfig(model=PLAIN.model, augment=PLAIN.augment)))
    values_of: dict[str, list[Any]] = {}
    for job in jobs:
        # A data set that lacks an option of another one counts as if it had the default.
        for name, value in {**defaults, **_flat(portable(job.config).to_json())}.items():
            if value not in values_of.setdefault(name, []):
                values_of[name].append(value)
    return {
        name: values[0] if len(values) == 1 else values
        for name, values in values_of.items()
        if values != [defaults[name]] and name != "training.seed"
    }


def _flat(config: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        f"{group}.{name}": ", ".join(map(str, value)) if isinstance(value, list) else value
        for group, values in config.items()
        for name, value in values.items()
    }
