"""The report's plots, one function each: numbers in, a `Plot` out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from kseg.metrics.calibration import expected_calibration_error, reliability
from kseg.metrics.scores import iou_class, precision, recall
from kseg.metrics.thresholds import best_threshold, threshold_sweep
from kseg.report.canvas import BLUE, GREEN, HEIGHT, INK, ORANGE, PURPLE, Plot, axes, legend_above, to_svg
from kseg.tasks.semantic import SemanticEvaluation
from kseg.wording import counted

CELLS_WITH_NUMBERS = 12
"""More classes than this, and the numbers in a confusion matrix would overlap."""


def learning_curve(epochs: Sequence[dict[str, Any]], key: str, title: str, best: int | None) -> Plot | None:
    """One quantity over the epochs, training and validation, the kept epoch marked; None if it was not recorded."""
    with axes() as (figure, ax):
        drawn = 0
        for name, label, colour in ((key, "train", BLUE), (f"val_{key}", "validation", ORANGE)):
            points = [(entry["epoch"], entry[name]) for entry in epochs if _finite(entry.get(name))]
            if points:
                marker = "o" if len(points) <= 12 else None
                ax.plot(*zip(*points, strict=True), color=colour, label=label, marker=marker, markersize=3.5)
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


def class_bars(evaluation: SemanticEvaluation) -> Plot:
    """IoU of every class; a class in neither truth nor prediction has none."""
    iou = iou_class(evaluation.matrix)
    title = "IoU by class"
    with axes(height=max(1.4, 0.55 + 0.32 * len(iou))) as (figure, ax):
        rows = range(len(iou))
        ax.barh(rows, np.nan_to_num(iou), color=[_class_colour(i) for i in rows], height=0.62)
        for row, value in zip(rows, iou, strict=True):
            inside = value > 0.85
            ax.text(
                0.01 if np.isnan(value) else value + (-0.012 if inside else 0.012),
                row,
                "absent" if np.isnan(value) else f"{value:.3f}",
                va="center",
                ha="right" if inside else "left",
                color="white" if inside else INK,
            )
        ax.set_yticks(rows, [_short(name) for name in evaluation.classes])
        ax.set_xlim(0, 1)
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
        return Plot(title, to_svg(figure, title), "Over all pixels of the split together.")


def iou_distribution(evaluation: SemanticEvaluation) -> Plot | None:
    """How the images' own IoUs are spread: a mean hides the few that fail. None if no image has one."""
    iou = evaluation.per_image
    iou = iou[~np.isnan(iou)]
    if not len(iou):
        return None
    title = "IoU of single images"
    low, median = np.percentile(iou, [5, 50])
    with axes() as (figure, ax):
        edges = np.linspace(np.floor(iou.min() * 20) / 20 if iou.min() > 0.5 else 0, 1, 26)
        ax.hist(iou, bins=edges.tolist(), color=BLUE, alpha=0.85)
        ax.axvline(median, color=INK, linewidth=1.1, label=f"median {median:.3f}")
        ax.axvline(low, color=INK, linewidth=1.1, linestyle=(0, (3, 3)), label=f"5th percentile {low:.3f}")
        ax.set_xlabel("IoU")
        ax.set_ylabel("images")
        ax.set_xlim(edges[0], 1)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        legend_above(figure, ax)
        return Plot(title, to_svg(figure, title), f"{counted(len(iou), 'image')}; one in twenty is below {low:.3f}.")


def threshold_curve(histogram: np.ndarray) -> Plot:
    """IoU, precision and recall of the foreground over the threshold."""
    thresholds, matrices = threshold_sweep(histogram)
    best, best_iou = best_threshold(histogram)
    title = "Threshold"
    with axes() as (figure, ax):
        ax.plot(thresholds, precision(matrices)[:, 1], color=GREEN, linewidth=1.1, label="precision")
        ax.plot(thresholds, recall(matrices)[:, 1], color=PURPLE, linewidth=1.1, label="recall")
        ax.plot(thresholds, iou_class(matrices)[:, 1], color=BLUE, linewidth=2.2, label="IoU")
        ax.axvline(0.5, color=INK, linewidth=0.9, alpha=0.6, linestyle=(0, (3, 3)))
        text = "There is no foreground in the truth."
        if _finite(best_iou):
            text = f"Best IoU {best_iou:.3f} at {best:.2f} (dot); the scores above use 0.5 (dashed)."
            ax.plot([best], [best_iou], "o", color=BLUE, markersize=6, markeredgecolor="white", zorder=5)
        ax.set_xlabel("threshold on the probability of foreground")
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1.02)
        legend_above(figure, ax)
        return Plot(title, to_svg(figure, title), text)


def calibration_curve(histogram: np.ndarray) -> Plot:
    """Whether a probability means what it says, with the share of pixels at each."""
    diagram = reliability(histogram)
    error = expected_calibration_error(histogram)
    title = "Calibration"
    with axes() as (figure, ax):
        edges = np.linspace(0, 1, len(diagram.pixels) + 1)
        share = diagram.pixels / max(1, diagram.pixels.sum())
        ax.bar(edges[:-1], share, width=np.diff(edges), align="edge", color=INK, alpha=0.13, label="share of pixels")
        ax.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (3, 3)), alpha=0.6)
        ax.plot(diagram.confidence, diagram.frequency, "o-", color=BLUE, markersize=4, label="observed")
        ax.set_xlabel("predicted probability")
        ax.set_ylabel("share that is foreground")
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1.02)
        legend_above(figure, ax)
        text = f"Expected calibration error {error:.4f}. On the diagonal a probability of 0.8 is right 8 times in 10."
        return Plot(title, to_svg(figure, title), text)


def confusion(evaluation: SemanticEvaluation) -> Plot:
    """Where the pixels of each true class went; rows add up to 100 %."""
    matrix = evaluation.matrix.astype(np.float64)
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros_like(matrix), where=totals > 0)
    count, title = len(matrix), "Confusion"
    names = [_short(name) for name in evaluation.classes]
    with axes(height=HEIGHT if count <= 6 else min(9.0, 1.2 + 0.32 * count)) as (figure, ax):
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        if count <= CELLS_WITH_NUMBERS:
            digits = 2 if count <= 3 else 1 if count <= 6 else 0
            for (row, column), value in np.ndenumerate(share):
                colour = "white" if value > 0.55 else "#1b2733"
                text = f"{100 * value:.{digits}f}" + (" %" if count <= 3 else "")
                ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=9.5 if count <= 6 else 7.5)
        ax.set_xticks(range(count), names, rotation=0 if count <= 3 else 40, ha="center" if count <= 3 else "right")
        ax.set_yticks(range(count), names, rotation=90 if count <= 3 else 0, va="center")
        ax.set_xlabel("predicted")
        ax.set_ylabel("truth")
        ax.grid(visible=False)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        return Plot(title, to_svg(figure, title), "Per cent of each true class's pixels; the diagonal is right.")


def _best_of(epochs: Sequence[dict[str, Any]], name: str, *, lowest: bool) -> str:
    points = [(entry[name], entry["epoch"]) for entry in epochs if _finite(entry.get(name))]
    if not points:
        return "There was no validation."
    value, epoch = min(points) if lowest else max(points, key=lambda point: point[0])
    return f"{'Lowest' if lowest else 'Highest'} in validation: {value:.3f}, after epoch {epoch}."


def _class_colour(index: int) -> str:
    return "#8795a5" if index == 0 else BLUE  # background is not what one looks for


def _short(name: str, length: int = 14) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _finite(value: Any) -> bool:
    return value is not None and bool(np.isfinite(value))
