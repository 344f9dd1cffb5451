"""`write_report`: a run directory in, `report.html` out."""

import logging
from pathlib import Path

import numpy as np

from kseg import __version__
from kseg.atomic import write_text
from kseg.datasets import open_dataset
from kseg.datasets.membership import use_recorded_splits
from kseg.errors import KsegError
from kseg.inference import load_model
from kseg.inference.predict import fed_size
from kseg.report import page, plots
from kseg.report.advice import findings, next_commands, repeat_command
from kseg.report.pictures import make_pictures
from kseg.report.scores import plots_of_task
from kseg.report.settings import applicable
from kseg.tasks import Evaluation
from kseg.training.record import RunRecord, read_run
from kseg.wording import duration

REPORT = "report.html"
GROUPS = {"data": "Data", "model": "Model", "loss": "Loss", "augment": "Augmentation", "training": "Training"}


def write_report(workdir: Path) -> Path:
    """Writes `report.html` into a run directory: one file, which needs no other file and no network.

    It shows what the run got as far as: an unfinished run has curves and settings, a finished one also scores and its
    worst, median and best test images, predicted again from `model.keras`. Where the data set or the model cannot be
    opened any more, the page says so in place of the pictures.

    Raises:
      UsageError: not a run directory.
      Failure: one of its files is broken, or the report cannot be written.
    """
    run = read_run(workdir)
    sections = [_images(run), _scores(run), _learning(run), _commands(run), _settings(run)]
    links = [(anchor, text) for anchor, text, content in sections if content]
    body = "".join(
        [
            page.heading(run.title, str(run.path), _score(run.evaluation), _tiles(run)),
            page.navigation(links),
            "<main>",
            page.said(findings(run)),
            *(content for _, _, content in sections),
            page.footer(f"Written by kseg {__version__}. One file: keep it, mail it, open it without a network."),
            "</main>",
        ]
    )
    path = Path(workdir) / REPORT
    write_text(path, page.page(f"{run.title} · kseg", body))
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
        tiles.append((f"validation {run.task.score.title}", f"{best[run.task.score.key]:.3f}"))
        tiles.append(("best epoch", f"{best['epoch']} of {run.epochs[-1]['epoch']}"))
    seconds = results.get("train_seconds", sum(entry.get("seconds", 0) for entry in run.epochs))
    if seconds:
        tiles.append(("training time", duration(seconds)))
    if parameters := results.get("parameters"):
        tiles.append(("weights trained", f"{count(parameters['trainable'])} of {count(parameters['total'])}"))
    return tiles


def _images(run: RunRecord) -> tuple[str, str, str]:
    anchor, text = "images", "Worst images"
    if run.evaluation is None:
        return anchor, text, ""
    try:
        model, card = load_model(run.path)
        dataset = open_dataset(run.data_options).for_task(run.task.name)
        use_recorded_splits(dataset, run.path, run.evaluation.split)
        pictures = make_pictures(model, dataset, run.evaluation, fed_size(card, None, None), card.palette)
        if not any(pictures.values()):
            return anchor, text, ""  # no image has a score, by which they are ranked
        legend = run.task.legend(run.evaluation.classes, card.palette, background=card.background)
        content = page.gallery(pictures, legend)
    except KsegError as error:
        logging.getLogger("kseg").warning("the report has no pictures: %s", error)
        content = page.note(f"No pictures: {error}")
    return anchor, text, page.section(anchor, "Images, worst first", content)


def _scores(run: RunRecord) -> tuple[str, str, str]:
    evaluation = run.evaluation
    if evaluation is None:
        return "scores", "Scores", ""
    if nothing := evaluation.nothing():
        return "scores", "Scores", page.section("scores", "Scores", page.note(nothing))
    bars = plots.class_bars(evaluation)
    drawn = [plots.image_distribution(evaluation), bars, *plots_of_task(evaluation)]
    content = page.plots(drawn, {bars.title: _class_table(evaluation)})
    return "scores", "Scores", page.section("scores", "Scores", content)


def _class_table(evaluation: Evaluation) -> str:
    columns = evaluation.by_class()
    names = next(iter(columns.values()))
    rows = [[name, *(number(values[name]) for values in columns.values())] for name in names]
    return page.table(["", *columns], rows)


def _learning(run: RunRecord) -> tuple[str, str, str]:
    best = run.best["epoch"] if run.best else None
    drawn = [
        plots.learning_curve(run.epochs, "loss", f"Loss ({run.config.get('loss', {}).get('loss', '?')})", best),
        *(plots.learning_curve(run.epochs, name, title, best) for name, title in run.task.curves.items()),
    ]
    if not any(drawn):
        return "learning", "Learning", ""
    return "learning", "Learning", page.section("learning", "Learning curves", page.plots(drawn))


def _commands(run: RunRecord) -> tuple[str, str, str]:
    following = [page.command(text, why) for why, text in next_commands(run)]
    again = repeat_command(run)
    cards = [
        page.card("Try next", *following, kind="commands") if following else "",
        page.card("Repeat this run", page.command(again), kind="commands") if again else "",
    ]
    if not any(cards):
        return "next", "Commands", ""
    return "next", "Commands", page.section("next", "Commands", f'<div class="grid">{"".join(cards)}</div>')


def _settings(run: RunRecord) -> tuple[str, str, str]:
    shown = applicable(run.config)
    cards = [page.card(GROUPS[group], page.pairs(values)) for group, values in shown.items()]
    cards.append(page.card("Environment", page.pairs(_environment(run))))
    transplant = run.results.get("transplant")
    content = (
        f'<div class="stack">{"".join(cards)}</div>',
        page.folded("Where the encoder's weights came from", str(transplant)) if transplant else "",
    )
    return "settings", "Settings", page.section("settings", "Settings", *content)


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


def number(value: float) -> str:
    """Three digits, or a dash where a score has no meaning."""
    return "–" if value != value else f"{value:.3f}"


def count(value: float) -> str:
    """1234567 as `1.23 M`."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.0f}"
