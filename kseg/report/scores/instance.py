"""Plots of objects: AP of masks, outlines and boxes by overlap and size, and objects found, missed and misnamed."""

import numpy as np

from kseg.report.canvas import BLUE, GREEN, INK, ORANGE, Plot, axes, legend_above, to_svg
from kseg.report.plots import outcome_bar
from kseg.report.scores import PLOTS
from kseg.tasks.instance import InstanceEvaluation

FIGURES = {
    "AP": "all", "AP50": "IoU 0.5", "AP75": "IoU 0.75", "APs": "small", "APm": "medium", "APl": "large",
}  # fmt: skip


@PLOTS.register(InstanceEvaluation.task)
def instance_plots(evaluation: InstanceEvaluation) -> list[Plot]:
    """Both plots."""
    return [average_precisions(evaluation), outcomes(evaluation)]


def average_precisions(evaluation: InstanceEvaluation) -> Plot:
    """AP of masks beside AP of outlines and boxes, at single overlaps and of single sizes."""
    title = "AP by overlap and size"
    places = np.arange(len(FIGURES))
    with axes() as (figure, ax):
        for offset, figures, label, color in (
            (-0.28, evaluation.masks, "masks", BLUE),
            (0.0, evaluation.outlines, "outlines", GREEN),
            (0.28, evaluation.boxes, "boxes", ORANGE),
        ):
            values = [figures[name] for name in FIGURES]
            ax.bar(places + offset, np.nan_to_num(values), 0.27, color=color, label=label)
            for place, value in zip(places + offset, values, strict=True):
                text = "–" if np.isnan(value) else f"{value:.2f}"
                ax.text(place, np.nan_to_num(value) + 0.015, text, ha="center", fontsize=6, color=INK)
        ax.set_xticks(places, list(FIGURES.values()))
        ax.set_ylim(0, 1.08)
        ax.grid(axis="x", visible=False)
        legend_above(figure, ax)
        text = "Small is under 32×32 pixels, large from 96×96 on; a dash: the split has no such object."
        return Plot(title, to_svg(figure, title), text)


def outcomes(evaluation: InstanceEvaluation) -> Plot:
    """The numbers of objects found, missed and misnamed, and of false detections."""
    return outcome_bar(
        "Objects found",
        of=evaluation.objects,
        missed=evaluation.missed,
        misnamed=evaluation.misnamed,
        false=evaluation.false,
        counts="objects and detections",
        text="At a score of 0.5 and an IoU of 0.5 at least.",
    )
