"""The report's plots of every task, one function each: numbers in, a `Plot` out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from kseg.report.canvas import BLUE, GREEN, HEIGHT, INK, ORANGE, VERMILION, Plot, axes, legend_above, to_svg
from kseg.tasks import Evaluation
from kseg.wording import counted

CELLS_WITH_NUMBERS = 12
"""With more classes than this, the numbers in a confusion matrix would overlap."""


def learning_curve(epochs: Sequence[dict[str, Any]], key: str, title: str, best: int | None) -> Plot | None:
    """One quantity over the epochs, training and validation, the kept epoch marked; None if it was not recorded."""
    with axes() as (figure, ax):
        drawn = 0
        for name, label, color in ((key, "train", BLUE), (f"val_{key}", "validation", ORANGE)):
            points = [(entry["epoch"], entry[name]) for entry in epochs if _finite(entry.get(name))]
            if points:
                marker = "o" if len(points) <= 12 else None
                ax.plot(*zip(*points, strict=True), color=color, label=label, marker=marker, markersize=3.5)
                drawn += 1
        if not drawn:
            return None
        if best is not None:
            ax.axvline(best, color=INK, linewidth=0.9, linestyle=(0, (3, 3)), alpha=0.6, label=f"kept: epoch {best}")
        values = np.concatenate([line.get_ydata() for line in ax.lines[:drawn]]).astype(float)
        if values.min() > 0 and values.max() > 20 * values.min():
            ax.set_yscale("log")
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        legend_above(figure, ax)
        return Plot(title, to_svg(figure, title), _best_of(epochs, f"val_{key}", lowest=key == "loss"))


def class_bars(evaluation: Evaluation) -> Plot:
    """The main score of every class; a class in neither truth nor prediction has no score."""
    score, of_classes = next(iter(evaluation.by_class().items()))
    values = list(of_classes.values())
    title = f"{score[0].upper()}{score[1:]} by class"
    with axes(height=max(1.4, 0.55 + 0.32 * len(values))) as (figure, ax):
        rows = range(len(values))
        colors = [_class_color(evaluation.background and name == evaluation.classes[0]) for name in of_classes]
        ax.barh(rows, np.nan_to_num(values), color=colors, height=0.62)
        for row, value in zip(rows, values, strict=True):
            inside = value > 0.85
            ax.text(
                0.01 if np.isnan(value) else value + (-0.012 if inside else 0.012),
                row,
                "absent" if np.isnan(value) else f"{value:.3f}",
                va="center",
                ha="right" if inside else "left",
                color="white" if inside else INK,
            )
        ax.set_yticks(rows, [short_name(name) for name in of_classes])
        ax.set_xlim(0, 1)
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
        return Plot(title, to_svg(figure, title), "Of the whole split together.")


def image_distribution(evaluation: Evaluation) -> Plot | None:
    """The distribution of the images' scores: a mean hides the few that fail. None if no image has a score."""
    scores, name = evaluation.per_image, evaluation.image_score
    scores = scores[~np.isnan(scores)]
    if not len(scores):
        return None
    title = f"{name} of single images"
    low, median = np.percentile(scores, [5, 50])
    with axes() as (figure, ax):
        edges = np.linspace(np.floor(min(scores.min(), 0.99) * 20) / 20 if scores.min() > 0.5 else 0, 1, 26)
        ax.hist(scores, bins=edges.tolist(), color=BLUE, alpha=0.85)
        ax.axvline(median, color=INK, linewidth=1.1, label=f"median {median:.3f}")
        ax.axvline(low, color=INK, linewidth=1.1, linestyle=(0, (3, 3)), label=f"5th percentile {low:.3f}")
        ax.set_xlabel(name)
        ax.set_ylabel("images")
        ax.set_xlim(edges[0], 1)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        legend_above(figure, ax)
        return Plot(title, to_svg(figure, title), f"{counted(len(scores), 'image')}; one in twenty is below {low:.3f}.")


def outcome_bar(
    title: str, *, of: np.ndarray, missed: np.ndarray, misnamed: np.ndarray, false: np.ndarray, counts: str, text: str
) -> Plot:
    """The numbers of objects or segments found, missed and misnamed, and of false predictions.

    Args:
      of, missed, misnamed, false: (N,), numbers of each image.
      counts: what the axis counts.
    """
    parts = (
        ("found", int((of - missed - misnamed).sum()), GREEN),
        ("another class", int(misnamed.sum()), ORANGE),
        ("missed", int(missed.sum()), BLUE),
        ("too many", int(false.sum()), VERMILION),
    )
    with axes(height=1.7) as (figure, ax):
        left = 0
        for label, number, color in (part for part in parts if part[1] or part[0] == "found"):
            ax.barh([0], [number], left=left, color=color, label=f"{label} {number}", height=0.6)
            left += number
        ax.set_yticks([])
        ax.set_xlabel(counts)
        ax.grid(axis="y", visible=False)
        legend_above(figure, ax)
        return Plot(title, to_svg(figure, title), text)


def confusion_plot(title: str, counts: np.ndarray, rows: Sequence[str], columns: Sequence[str], text: str) -> Plot:
    """The share of each true row that was predicted as each column; a row adds up to 100 %.

    Args:
      counts: (R, C), whole numbers.
      rows, columns: their names.
    """
    counts = counts.astype(np.float64)
    totals, count = counts.sum(axis=1, keepdims=True), len(counts)
    share = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    with axes(height=HEIGHT if count <= 6 else min(9.0, 1.2 + 0.32 * count)) as (figure, ax):
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        if count <= CELLS_WITH_NUMBERS:
            digits = 2 if count <= 3 else 1 if count <= 6 else 0
            for (row, column), value in np.ndenumerate(share):
                color = "white" if value > 0.55 else "#1b2733"
                number = f"{100 * value:.{digits}f}" + (" %" if count <= 3 else "")
                ax.text(column, row, number, ha="center", va="center", color=color, fontsize=9.5 if count <= 6 else 7.5)
        below = [short_name(name) for name in columns]
        ax.set_xticks(
            range(len(below)), below, rotation=0 if count <= 3 else 40, ha="center" if count <= 3 else "right"
        )
        ax.set_yticks(range(count), [short_name(name) for name in rows], rotation=90 if count <= 3 else 0, va="center")
        ax.set_xlabel("predicted")
        ax.set_ylabel("truth")
        ax.grid(visible=False)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        return Plot(title, to_svg(figure, title), text)


def _best_of(epochs: Sequence[dict[str, Any]], name: str, *, lowest: bool) -> str:
    points = [(entry[name], entry["epoch"]) for entry in epochs if _finite(entry.get(name))]
    if not points:
        return "There was no validation."
    value, epoch = min(points) if lowest else max(points, key=lambda point: point[0])
    return f"{'Lowest' if lowest else 'Highest'} in validation: {value:.3f}, after epoch {epoch}."


def _class_color(background: bool) -> str:
    return "#8795a5" if background else BLUE  # background is not what one looks for


def short_name(name: str, length: int = 14) -> str:
    """A class's name, cut where an axis has no room for more."""
    return name if len(name) <= length else name[: length - 1] + "…"


def _finite(value: Any) -> bool:
    return value is not None and bool(np.isfinite(value))
