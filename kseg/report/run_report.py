"""`write_report`: a run directory in, `report.html` out."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kseg import __version__
from kseg.atomic import write_text
from kseg.datasets import open_dataset
from kseg.datasets.membership import use_recorded_splits
from kseg.errors import KsegError
from kseg.inference import load_model
from kseg.inference.predict import fed_size
from kseg.report import plots
from kseg.report.advice import findings, next_commands, repeat_command
from kseg.report.canvas import Plot
from kseg.report.page import render
from kseg.report.pictures import Picture, make_pictures
from kseg.report.scores import plots_of_task
from kseg.report.settings import applicable
from kseg.tasks import Evaluation
from kseg.tasks.base import Legend
from kseg.training.record import RunRecord, read_run
from kseg.wording import DASH, duration

REPORT = "report.html"
GROUPS = {"data": "Data", "model": "Model", "loss": "Loss", "augment": "Augmentation", "training": "Training"}
GROUP_TITLES = {"worst": "Worst", "median": "Median", "best": "Best"}
"""Group of pictures → title of its tab."""


def write_report(workdir: Path) -> Path:
    """Writes `report.html` into a run directory: one file, which needs no other file and no network.

    An unfinished run has curves and settings. A finished run also has scores and its worst, median and best test
    images, predicted again from `model.keras`. Where the data set or the model cannot be opened any more, the page says
    so in place of the pictures.

    Raises:
      UsageError: not a run directory.
      Failure: one of its files is broken, or the report cannot be written.
    """
    run = read_run(workdir)
    # 1. the sections; None and empty parts have no section
    images, scores, learning = _images(run), _scores(run), _learning(run)
    commands, again = next_commands(run), repeat_command(run)
    sections = [
        ("images", "Worst images", images),
        ("scores", "Scores", scores),
        ("learning", "Learning", learning),
        ("next", "Commands", commands or again),
        ("settings", "Settings", True),
    ]
    # 2. the page
    html = render(
        "run.html",
        title=run.title,
        path=str(run.path),
        score=_score(run.evaluation),
        tiles=_tiles(run),
        links=[(anchor, text) for anchor, text, content in sections if content],
        findings=findings(run),
        images=images,
        group_titles=GROUP_TITLES,
        scores=scores,
        learning=learning,
        commands=commands,
        again=again,
        settings=_settings(run),
        transplant=run.results.get("transplant"),
        version=__version__,
    )
    path = Path(workdir) / REPORT
    write_text(path, html)
    return path


def _score(evaluation: Evaluation | None) -> tuple[str, str] | None:
    if evaluation is None:
        return None
    kind, score = evaluation.headline
    return None if np.isnan(score) else (f"{evaluation.split} {kind}", f"{score:.3f}")


def _tiles(run: RunRecord) -> list[tuple[str, str]]:
    tiles, best, results = [], run.best, run.results
    if run.evaluation is not None:
        tiles += [
            *((title, f"{value:.3f}") for title, value in run.evaluation.beside().items() if not np.isnan(value)),
            (f"{run.evaluation.split} images", f"{len(run.evaluation.ids):,}"),
        ]
    if best is not None:
        tiles.append((f"validation {run.task.score.title}", number(best.get(run.task.score.key))))
        tiles.append(("best epoch", f"{best['epoch']} of {run.epochs[-1]['epoch']}"))
    seconds = results.get("train_seconds", sum(entry.get("seconds", 0) for entry in run.epochs))
    if seconds:
        tiles.append(("training time", duration(seconds)))
    if parameters := results.get("parameters"):
        tiles.append(("weights trained", f"{count(parameters['trainable'])} of {count(parameters['total'])}"))
    return tiles


@dataclass(frozen=True)
class Images:
    """The section of pictures: pictures, or a sentence on why they are missing."""

    note: str = ""
    groups: Mapping[str, Sequence[Picture]] = field(default_factory=dict)
    """key of `GROUP_TITLES` → pictures"""
    legend: Legend = ()


@dataclass(frozen=True)
class Scores:
    """The section of scores: plots, or a sentence on why they are missing."""

    note: str = ""
    plots: Sequence[Plot] = ()
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """title of a plot → header and rows of the table below it"""


def _images(run: RunRecord) -> Images | None:
    if run.evaluation is None:
        return None
    try:
        model, card = load_model(run.path)
        dataset = open_dataset(run.data_options).for_task(run.task.name)
        use_recorded_splits(dataset, run.path, run.evaluation.split)
        pictures = make_pictures(model, dataset, run.evaluation, fed_size(card, None, None), card.palette)
    except KsegError as error:
        logging.getLogger("kseg").warning("the report has no pictures: %s", error)
        return Images(f"No pictures: {error}")
    groups = {name: shots for name, shots in pictures.items() if shots}
    legend = run.task.legend(run.evaluation.classes, card.palette, background=card.background)
    return Images(groups=groups, legend=legend) if groups else None  # without scores images have no rank


def _scores(run: RunRecord) -> Scores | None:
    evaluation = run.evaluation
    if evaluation is None:
        return None
    if nothing := evaluation.nothing():
        return Scores(nothing)
    bars = plots.class_bars(evaluation)
    drawn = [plots.image_distribution(evaluation), bars, *plots_of_task(evaluation)]
    return Scores(plots=[plot for plot in drawn if plot], tables={bars.title: _class_table(evaluation)})


def _class_table(evaluation: Evaluation) -> dict[str, Any]:
    columns = evaluation.by_class()
    names = next(iter(columns.values()))
    rows = [[name, *(number(values[name]) for values in columns.values())] for name in names]
    return {"header": ["", *columns], "rows": rows}


def _learning(run: RunRecord) -> list[Plot]:
    best = run.best["epoch"] if run.best else None
    drawn = [
        plots.learning_curve(run.epochs, "loss", f"Loss ({run.config.get('loss', {}).get('loss', '?')})", best),
        *(plots.learning_curve(run.epochs, name, title, best) for name, title in run.task.curves.items()),
    ]
    return [plot for plot in drawn if plot]


def _settings(run: RunRecord) -> dict[str, dict[str, Any]]:
    """Heading → names and values."""
    groups = {GROUPS[group]: values for group, values in applicable(run.config).items()}
    return {**groups, "Environment": _environment(run)}


def _environment(run: RunRecord) -> dict[str, str]:
    environment = run.environment
    git, weights = environment.get("git"), environment.get("weights")
    shown = {
        "device": environment.get("device"),
        "platform": environment.get("platform"),
        "python": environment.get("python"),
        "backend": environment.get("backend"),
        "commit": f"{git['commit'][:12]}{', changed since' if git.get('dirty') else ''}" if git else None,
        "weights file": f"{weights['file']} (SHA-256 {weights['sha256'][:16]}…)" if weights else None,
        **environment.get("packages", {}),
    }
    return {name: str(value) for name, value in shown.items() if value}


def number(value: float | None) -> str:
    """Three digits, or a dash where a score has no meaning."""
    return DASH if value is None or value != value else f"{value:.3f}"


def count(value: float) -> str:
    """1234567 as `1.23 M`."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.0f}"
