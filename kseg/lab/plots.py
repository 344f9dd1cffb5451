"""Plots of a recipe's results: losses ranked, sparse foreground, learning curves, distributions, gains."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kseg.lab.experiment.condition import Condition
from kseg.lab.results.rows import Row, by_setting, figure_of, range_of, title_of_score
from kseg.lab.tables.losses import BASELINE
from kseg.report.canvas import (
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

COLORS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)


def losses_plot(setting: Condition, by_loss: Mapping[str, Sequence[Row]]) -> Plot:
    """IoU of every loss alone and added to BCE, with the range of the seeds; the best stands on top."""
    # 1. the losses from the lowest on, and where the axis begins
    alone = [loss for loss in by_loss if "+" not in loss]
    low = far_below([figure_of(rows, "score") for rows in by_loss.values()])
    names = sorted(alone, key=lambda loss: figure_of(by_loss[loss], "score"))

    # 2. a point for each loss alone, and one for its sum with the baseline
    def draw(ax: Axes) -> None:
        for color, prefix, label, shift in (
            (BLUE, "", "alone", 0.14),
            (ORANGE, f"{BASELINE}+", f"{BASELINE} + loss", -0.14),
        ):
            points = [(y, by_loss[prefix + name]) for y, name in enumerate(names) if prefix + name in by_loss]
            below = [(y, rows) for y, rows in points if figure_of(rows, "score") < low]
            points = [(y, rows) for y, rows in points if figure_of(rows, "score") >= low]
            ranges = [range_of(rows) for _, rows in points]
            ax.errorbar(
                [mean for mean, _, _ in ranges],
                [y + shift for y, _ in points],
                xerr=_arms(ranges),
                fmt="o", markersize=3.6, color=color, elinewidth=1.1, label=label,
            )  # fmt: skip
            for y, rows in below:
                ax.text(low, y + 1.7 * shift, f" ◂ {_with_range(rows)}", color=color, va="center", fontsize=7)
        if BASELINE in by_loss:
            baseline = figure_of(by_loss[BASELINE], "score")
            ax.axvline(baseline, color=INK, linewidth=0.8, linestyle=(0, (3, 3)), alpha=0.6)
        ax.set_yticks(range(len(names)), names)
        ax.set_xlabel(f"test {title_of_score(row for rows in by_loss.values() for row in rows)}")
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_ylim(-0.6, len(names) - 0.4)
        if low > -math.inf:
            ax.set_xlim(left=low)

    # 3. the text below the plot
    seeds = max(map(len, by_loss.values()))
    text = f"Mean and range of {seeds} seeds. " if seeds > 1 else "One seed. "
    text += "◂: far below the rest. " if low > -math.inf else ""
    return drawn(f"Losses on {setting}", draw, f"{text}Dashed: {BASELINE}.", height=0.9 + 0.23 * len(names))


def _with_range(rows: Sequence[Row]) -> str:
    mean, low, high = range_of(rows)
    return f"{mean:.2f}" + (f" [{low:.2f}, {high:.2f}]" if len(rows) > 1 else "")


def _arms(ranges: Sequence[tuple[float, float, float]]) -> np.ndarray | None:
    """(2, N) lengths of error bars, as `errorbar` takes them."""
    return np.array([[mean - low, high - mean] for mean, low, high in ranges]).T if ranges else None


def far_below(values: Sequence[float]) -> float:
    """The start of an axis that leaves out values more than three interquartile ranges below the rest; −∞ without any.

    A loss that does not train would otherwise press all others into a corner.
    """
    first, third = np.percentile(values, [25, 75])
    fence = first - 3 * (third - first)
    return float(fence) if min(values) < fence else -math.inf


def sparsity_plot(results: Sequence[Row], datasets: Sequence[Condition], losses: Sequence[str]) -> Plot | None:
    """IoU over the share of foreground, for a few losses, with the range of the seeds."""
    # 1. the losses that were run on all data sets
    settings = {setting: by_loss for setting, by_loss in by_setting(results).items() if setting in datasets}
    everywhere = [loss for loss in losses if all(loss in by_loss for by_loss in settings.values())]
    if len(settings) < 2 or not everywhere:
        return None

    # 2. a line for each loss
    def draw(ax: Axes) -> None:
        shares: set[float] = set()
        for number, (loss, color) in enumerate(zip(everywhere, COLORS, strict=False)):
            points = sorted(
                (100 * figure_of(by_loss[loss], "foreground"), range_of(by_loss[loss])) for by_loss in settings.values()
            )
            shares |= {share for share, _ in points}
            ax.errorbar(
                [share * (1 + 0.015 * number) for share, _ in points],  # side by side, so that no bar hides another
                [mean for _, (mean, _, _) in points],
                yerr=_arms([limits for _, limits in points]),
                marker="o", markersize=4, elinewidth=1.1, color=color, label=loss,
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_xticks(sorted(shares), [f"{share:.2g}" for share in sorted(shares)])
        ax.minorticks_off()
        ax.set_xlabel("foreground, % of the pixels")
        ax.set_ylabel("test IoU")
        ax.set_ylim(0, 1)

    return drawn("Sparse foreground", draw, "The same people, further away; mean and range of the seeds.")


def weight_plot(rows: Sequence[Row]) -> Plot | None:
    """The score over a weight, "NAME=NUMBER" (`Condition.weight`), a line per loss; None where all weights are one."""
    # 1. a point for each weight, in a line per loss
    settings = by_setting(rows)
    name = next(iter(settings)).weight.partition("=")[0]
    if len({setting.weight for setting in settings}) < 2:
        return None
    lines: dict[str, list[tuple[float, tuple[float, float, float]]]] = {}
    for setting, by_loss in settings.items():
        for loss, of_loss in by_loss.items():
            weight = float(setting.weight.partition("=")[2])
            lines.setdefault(loss, []).append((weight, range_of(of_loss)))

    # 2. the lines, and ticks at the weights
    def draw(ax: Axes) -> None:
        for number, ((loss, points), color) in enumerate(zip(lines.items(), COLORS, strict=False)):
            points = sorted(points)
            ax.errorbar(
                [weight * (1 + 0.02 * number) for weight, _ in points],  # side by side, so that no bar hides another
                [mean for _, (mean, _, _) in points],
                yerr=_arms([limits for _, limits in points]),
                marker="o", markersize=4, elinewidth=1.1, color=color, label=loss,
            )  # fmt: skip
        shown = sorted({weight for points in lines.values() for weight, _ in points})
        ax.set_xscale("log")
        ax.set_xticks(shown, [f"{weight:g}" for weight in shown])
        ax.minorticks_off()
        ax.set_xlabel(name)
        ax.set_ylabel(f"test {title_of_score(rows)}")

    return drawn(f"Score over {name}", draw, "Mean and range of the seeds.")


def gain_plot(rows: Sequence[Row], versus: tuple[str, str]) -> Plot | None:
    """The gain of the loss in question over the baseline, against the share of foreground."""
    # 1. a point for each setting that both losses were run in
    first, baseline = versus
    both = {
        setting: by_loss for setting, by_loss in by_setting(rows).items() if first in by_loss and baseline in by_loss
    }
    points = [
        (
            100 * figure_of(by_loss[first], "foreground"),
            figure_of(by_loss[first], "score") - figure_of(by_loss[baseline], "score"),
        )
        for by_loss in both.values()
    ]
    if len(points) < 2:  # a single point shows no relation
        return None

    # 2. points with their names, towards the middle
    def draw(ax: Axes) -> None:
        ax.axhline(0, color=INK, linewidth=0.8, alpha=0.6)
        ax.plot(*zip(*points, strict=True), "o", color=BLUE, markersize=5, label=f"{first} minus {baseline}")
        middle = sum(ax.get_xlim()) / 2
        for name, point in zip(_distinct_names(list(both)), points, strict=True):
            right = point[0] < middle
            ax.annotate(
                name, point, (6 if right else -6, 5), textcoords="offset points",
                ha="left" if right else "right", va="center", fontsize=7,
            )  # fmt: skip
        ax.set_xlabel("foreground, % of the test pixels")
        ax.set_ylabel("gain in IoU")

    return drawn("Imbalance against gain", draw, "One point per setting; above the line the first loss is ahead.")


def _distinct_names(settings: Sequence[Condition]) -> list[str]:
    """Each setting's name without the words that all of them share."""
    shared = set.intersection(*(set(setting.words) for setting in settings))
    return [" ".join(word for word in setting.words if word not in shared) for setting in settings]


def curves_plot(
    title: str, curves: Mapping[str, Sequence[Sequence[float | None]]], figure: str = "validation IoU"
) -> Plot | None:
    """A figure over the epochs, all losses on one axis: a thin line per seed, a thick one for their mean.

    Args:
      curves: loss → for each seed the figure after every epoch.
      figure: the name of the figure.
    """
    if not any(run for runs in curves.values() for run in runs):
        return None

    def draw(ax: Axes) -> None:
        for (loss, runs), color in zip(curves.items(), COLORS, strict=False):
            series = [[math.nan if value is None else value for value in run] for run in runs]
            for values in series if len(series) > 1 else []:
                ax.plot(range(1, len(values) + 1), values, color=color, linewidth=0.7, alpha=0.45)
            longest = max(map(len, series), default=0)
            mean = [float(np.mean([values[i] for values in series if i < len(values)])) for i in range(longest)]
            ax.plot(range(1, longest + 1), mean, color=color, label=loss, marker="o" if longest < 3 else None)
        ax.set_xlabel("epoch")
        ax.set_ylabel(figure)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))

    several = any(len(runs) > 1 for runs in curves.values())
    text = "Thin: a seed; thick: their mean, which a run that stopped early leaves." if several else "One seed."
    return drawn(title, draw, text)


def axis_from(values: Sequence[float]) -> float:
    """The start of an axis of IoUs that ends at 1: a tenth, so that its ticks are round."""
    return min(0.9, math.floor(10 * min(values, default=0.0)) / 10)


def distribution_plot(title: str, scores: Mapping[str, Sequence[float]]) -> Plot:
    """The distribution of the IoUs of single images under each loss."""

    def draw(ax: Axes) -> None:
        low = axis_from([value for values in scores.values() for value in values])
        edges = np.linspace(low, 1, 26).tolist()
        for (loss, values), color in zip(scores.items(), COLORS, strict=False):
            ax.hist(values, bins=edges, color=color, alpha=0.5, label=f"{loss}: median {np.median(values):.3f}")
        ax.set_xlabel("IoU of an image")
        ax.set_ylabel("images")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))

    return drawn(title, draw, "Mean over the seeds of each image's IoU.")


def scatter_plot(title: str, first: str, baseline: str, scores: Mapping[str, Sequence[float]]) -> Plot:
    """IoU of every image under one loss against the other.

    Args:
      scores: loss → IoU of each image, the same images in the same order.
    """
    above = sum(a > b for a, b in zip(scores[first], scores[baseline], strict=True))

    def draw(ax: Axes) -> None:
        low = axis_from([*scores[first], *scores[baseline]])
        ax.plot([low, 1], [low, 1], color=INK, linewidth=0.8, linestyle=(0, (3, 3)), alpha=0.6)
        ax.plot(scores[baseline], scores[first], "o", color=BLUE, markersize=3, alpha=0.55, markeredgewidth=0)
        ax.set_xlim(low, 1)
        ax.set_ylim(low, 1)
        ax.set_aspect("equal")
        ax.set_xlabel(f"IoU with {baseline}")
        ax.set_ylabel(f"IoU with {first}")

    text = f"A point per test image; {first} is ahead in {above} of {len(scores[first])}."
    return drawn(title, draw, text, height=4.0)


def drawn(title: str, draw: Callable[[Axes], None], text: str, height: float = HEIGHT) -> Plot:
    """A plot with its legend on top, as SVG and PNG."""
    figure: Figure
    with axes(height=height) as (figure, ax):
        draw(ax)
        if ax.get_legend_handles_labels()[0]:
            legend_above(figure, ax)
        return Plot(title, to_svg(figure, title), text, to_png(figure))
