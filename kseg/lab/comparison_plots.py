"""Plots of a recipe's results: losses ranked, what sparse foreground does, learning curves, distributions, gains."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kseg.lab.report.canvas import (
    BLUE,
    GREEN,
    HEIGHT,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Plot,
    axes,
    legend_above,
    to_png,
    to_svg,
)
from kseg.lab.rows import Row
from kseg.lab.tables import by_setting, figure_of
from kseg.metrics.intervals import bootstrap_mean

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
BASELINE = "bce"


def losses_plot(setting: tuple[str, ...], found: Mapping[str, Sequence[Row]]) -> Plot:
    """IoU of every loss alone and added to BCE, with the interval over the seeds; the best stands on top."""
    alone = [loss for loss in found if "+" not in loss]
    low = far_below([figure_of(rows, "iou") for rows in found.values()])
    names = sorted(alone, key=lambda loss: figure_of(found[loss], "iou"))

    def draw(ax: Axes) -> None:
        for colour, prefix, label, shift in (
            (BLUE, "", "alone", 0.14),
            (ORANGE, f"{BASELINE}+", f"{BASELINE} + loss", -0.14),
        ):
            points = [(y, found[prefix + name]) for y, name in enumerate(names) if prefix + name in found]
            intervals = [bootstrap_mean([row.iou for row in rows]) for _, rows in points]
            ax.errorbar(
                [interval.value for interval in intervals],
                [y + shift for y, _ in points],
                xerr=np.array([[i.value - i.low, i.high - i.value] for i in intervals]).T if intervals else None,
                fmt="o", markersize=3.6, color=colour, elinewidth=1.1, label=label,
            )  # fmt: skip
            for (y, _), interval in zip(points, intervals, strict=True):
                if interval.value < low:
                    ax.text(low, y + shift, f" ◂ {interval.value:.2f}", color=colour, va="center", fontsize=7)
        if BASELINE in found:
            ax.axvline(figure_of(found[BASELINE], "iou"), color=INK, linewidth=0.8, linestyle=(0, (3, 3)), alpha=0.6)
        ax.set_yticks(range(len(names)), names)
        ax.set_xlabel("test IoU")
        ax.set_ylim(-0.6, len(names) - 0.4)
        if low > -math.inf:
            ax.set_xlim(left=low)

    seeds = max(map(len, found.values()))
    text = f"Mean and 95 % bootstrap interval over {seeds} seeds. " if seeds > 1 else "One seed. "
    text += "◂: far below the rest, with its IoU. " if low > -math.inf else ""
    return drawn(f"Losses on {' '.join(setting)}", draw, f"{text}Dashed: {BASELINE}.", height=0.9 + 0.2 * len(names))


def far_below(values: Sequence[float]) -> float:
    """Where an axis begins that leaves out what lies more than three interquartile ranges below the rest; −∞: nowhere.

    One loss that does not train would otherwise press all others into a corner.
    """
    first, third = np.percentile(values, [25, 75])
    fence = first - 3 * (third - first)
    return float(fence) if min(values) < fence else -math.inf


def sparsity_plot(results: Sequence[Row], datasets: Sequence[tuple[str, ...]], losses: Sequence[str]) -> Plot | None:
    """IoU over the share of foreground, for a few losses."""
    settings = {setting: found for setting, found in by_setting(results).items() if setting in datasets}
    if len(settings) < 2:
        return None

    def draw(ax: Axes) -> None:
        for loss, colour in zip(losses, COLOURS, strict=False):
            points = sorted(
                (100 * figure_of(found[loss], "foreground"), figure_of(found[loss], "iou"))
                for found in settings.values()
                if loss in found
            )
            ax.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colour, label=loss)
        ax.set_xscale("log")
        ax.set_xlabel("foreground, % of the pixels")
        ax.set_ylabel("test IoU")
        ax.set_ylim(bottom=0)

    return drawn("Sparse foreground", draw, "The same people, further away; mean over the seeds.")


def gain_plot(rows: Sequence[Row], versus: tuple[str, str]) -> Plot | None:
    """What the loss in question gains over the baseline, against the share of foreground."""
    first, baseline = versus
    points = [
        (
            100 * figure_of(found[first], "foreground"),
            figure_of(found[first], "iou") - figure_of(found[baseline], "iou"),
        )
        for found in by_setting(rows).values()
        if first in found and baseline in found
    ]
    if len(points) < 2:  # one says nothing of how the two go together
        return None

    def draw(ax: Axes) -> None:
        ax.axhline(0, color=INK, linewidth=0.8, alpha=0.6)
        ax.plot(*zip(*points, strict=True), "o", color=BLUE, markersize=5, label=f"{first} minus {baseline}")
        ax.set_xlabel("foreground, % of the test pixels")
        ax.set_ylabel("gain in IoU")

    return drawn("Imbalance against gain", draw, "One point per setting; above the line the first loss is ahead.")


Curves = Mapping[str, Sequence[Sequence[dict[str, Any]]]]
"""loss → one list of epochs per seed"""


def curves_plot(title: str, curves: Curves) -> Plot | None:
    """Validation IoU over the epochs, all losses on one axis: a thin line per seed, a thick one for their mean."""
    if not any(curves.values()):
        return None

    def draw(ax: Axes) -> None:
        for (loss, runs), colour in zip(curves.items(), COLOURS, strict=False):
            series = [[entry["val_iou"] for entry in run] for run in runs]
            for values in series:
                ax.plot(range(1, len(values) + 1), values, color=colour, linewidth=0.7, alpha=0.45)
            longest = max(map(len, series), default=0)
            mean = [float(np.mean([values[i] for values in series if i < len(values)])) for i in range(longest)]
            ax.plot(range(1, longest + 1), mean, color=colour, label=loss, marker="o" if longest < 3 else None)
        ax.set_xlabel("epoch")
        ax.set_ylabel("validation IoU")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))

    return drawn(title, draw, "Thick: mean over the seeds. A run that stopped early leaves the mean.")


def distribution_plot(title: str, scores: Mapping[str, Sequence[float]]) -> Plot:
    """How the IoUs of single images are spread under each loss."""

    def draw(ax: Axes) -> None:
        lowest = min((min(values) for values in scores.values() if values), default=0.0)
        edges = np.linspace(math.floor(lowest * 20) / 20 if lowest > 0.5 else 0, 1, 26).tolist()
        for (loss, values), colour in zip(scores.items(), COLOURS, strict=False):
            ax.hist(values, bins=edges, color=colour, alpha=0.5, label=f"{loss}: median {np.median(values):.3f}")
        ax.set_xlabel("IoU of an image")
        ax.set_ylabel("images")

    return drawn(title, draw, "Mean over the seeds of each image's IoU.")


def drawn(title: str, draw: Callable[[Axes], None], text: str, height: float = HEIGHT) -> Plot:
    """A plot with its legend on top, as SVG and PNG."""
    figure: Figure
    with axes(height=height) as (figure, ax):
        draw(ax)
        if ax.get_legend_handles_labels()[0]:
            legend_above(figure, ax)
        return Plot(title, to_svg(figure, title), text, to_png(figure))
