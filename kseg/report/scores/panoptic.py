"""Plots of segments: PQ, SQ and RQ of each class, segments found, missed and misnamed, and classes mixed up."""

import numpy as np

from kseg.report.canvas import BLUE, GREEN, INK, ORANGE, Plot, axes, legend_above, to_svg
from kseg.report.plots import confusion_plot, outcome_bar, short_name
from kseg.report.scores import PLOTS
from kseg.tasks.panoptic.evaluation import PanopticEvaluation

MOST_CLASSES = 24
"""Most classes in a plot, those of the lowest PQ: nobody reads a hundred names."""


@PLOTS.register(PanopticEvaluation.task)
def panoptic_plots(evaluation: PanopticEvaluation) -> list[Plot]:
    """The plots that have numbers."""
    drawn = [outcomes(evaluation)]
    if evaluation.regions.counted.any():
        drawn = [quality_of_classes(evaluation), *drawn, taken_for(evaluation)]
    return drawn


def quality_of_classes(evaluation: PanopticEvaluation) -> Plot:
    """PQ of each class with SQ and RQ, whose product is PQ, beside it; things above stuff."""
    title = "PQ = SQ · RQ by class"
    regions, scores = evaluation.regions, evaluation.regions.of_classes()
    shown = sorted(np.flatnonzero(regions.counted), key=lambda one: scores["PQ"][one])[:MOST_CLASSES]
    shown = sorted(shown, key=lambda one: (not regions.is_thing[one], -scores["PQ"][one]))
    places = np.arange(len(shown))
    with axes(height=1.0 + 0.42 * len(shown)) as (figure, ax):
        for offset, (name, color) in zip(
            (-0.27, 0.0, 0.27), (("PQ", BLUE), ("SQ", GREEN), ("RQ", ORANGE)), strict=True
        ):
            values = scores[name][shown]
            ax.barh(places + offset, values, 0.25, color=color, label=name)
            for place, value in zip(places + offset, values, strict=True):
                ax.text(value + 0.012, place, f"{value:.2f}", va="center", fontsize=7, color=INK)
        kinds = ["" if regions.is_thing[one] else " (stuff)" for one in shown]
        names = [f"{short_name(evaluation.classes[one])}{kind}" for one, kind in zip(shown, kinds, strict=True)]
        ax.set_yticks(places, names)
        ax.invert_yaxis()
        ax.set_xlim(0, 1.12)
        ax.grid(axis="y", visible=False)
        legend_above(figure, ax)
        left_out = int(regions.counted.sum()) - len(shown)
        more = f" {left_out} classes of a higher PQ are left out." if left_out else ""
        text = f"SQ: how well found segments are drawn; RQ: how many are found. {regions.identity()}{more}"
        return Plot(title, to_svg(figure, title), text)


def outcomes(evaluation: PanopticEvaluation) -> Plot:
    """The numbers of segments found, missed and misnamed, and of false predictions."""
    return outcome_bar(
        "Segments found",
        of=evaluation.segments,
        missed=evaluation.missed,
        misnamed=evaluation.misnamed,
        false=evaluation.false,
        counts="segments",
        text="At an IoU above ½, by which a segment has one partner at most.",
    )


def taken_for(evaluation: PanopticEvaluation) -> Plot:
    """The predicted classes of the segments of each true class, and of false segments."""
    table = evaluation.confusion
    there = np.flatnonzero(table[:-1].sum(axis=1) + table[:, :-1].sum(axis=0))
    names, shown = [evaluation.classes[one] for one in there], [*there, len(evaluation.classes)]
    text = (
        "Per cent of each true class's segments; the diagonal is found. The last row: what the made-up ones are called."
    )
    return confusion_plot("Segments by class", table[np.ix_(shown, shown)], [*names, "none"], [*names, "missed"], text)
