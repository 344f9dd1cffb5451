"""Plots of label maps: confusion and, for two classes, thresholds and calibration."""

import numpy as np

from kseg.metrics.calibration import expected_calibration_error, reliability
from kseg.metrics.scores import iou_class, precision, recall
from kseg.metrics.thresholds import best_threshold, threshold_sweep
from kseg.report.canvas import BLUE, GREEN, INK, PURPLE, Plot, axes, legend_above, to_svg
from kseg.report.plots import confusion_plot
from kseg.report.scores import PLOTS
from kseg.tasks.semantic import SemanticEvaluation


@PLOTS.register(SemanticEvaluation.task)
def semantic_plots(evaluation: SemanticEvaluation) -> list[Plot]:
    """The plots that have numbers."""
    drawn = [confusion(evaluation)]
    if evaluation.histogram is not None:
        drawn += [threshold_curve(evaluation.histogram), calibration_curve(evaluation.histogram)]
    return drawn


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
        if np.isfinite(best_iou):
            text = f"Best IoU {best_iou:.3f} at {best:.2f} (dot); the scores above use 0.5 (dashed)."
            ax.plot([best], [best_iou], "o", color=BLUE, markersize=6, markeredgecolor="white", zorder=5)
        ax.set_xlabel("threshold on the probability of foreground")
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1.02)
        legend_above(figure, ax)
        return Plot(title, to_svg(figure, title), text)


def calibration_curve(histogram: np.ndarray) -> Plot:
    """The observed frequency of foreground over the predicted probability, with the share of pixels at each."""
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
    """The predicted classes of the pixels of each true class; rows add up to 100 %."""
    names, text = evaluation.classes, "Per cent of each true class's pixels; the diagonal is right."
    return confusion_plot("Confusion", evaluation.matrix, names, names, text)
