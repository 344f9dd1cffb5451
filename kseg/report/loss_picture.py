"""A picture of a loss: over one pixel's logit, for a shifted disc and for a disc of the wrong size."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from kseg.atomic import replacing
from kseg.report import loss_probes as probes
from kseg.report.canvas import BLUE, GREEN, ORANGE, PURPLE, SKY, STYLE, VERMILION
from kseg.report.loss_probes import Curve, Subject

INK, SOFT = "#1b2733", "#8a96a3"
TRUTH_COLORS = {1: BLUE, 0: ORANGE}
PART_COLORS = (GREEN, PURPLE, SKY, VERMILION, BLUE, ORANGE)
SIZE, DPI = (10.5, 6.2), 150
ROUNDING = 1e-6
"""Rounding error of float32 sums over a picture, for values of order 1."""
SHOWN_SHIFTS = (-20, -8, 8, 20)
SHOWN_RADII = (4, 12)


def draw_loss(loss: Subject, path: Path, *, heading: str, text: str = "") -> None:
    """Write a PNG of six panels: pictures on the left, the loss of these pictures beside them.

    Args:
      heading: in bold over the panels; `text`: below it, such as the formula.
    """
    style = STYLE | {key: INK for key, value in STYLE.items() if value == STYLE["text.color"]}
    with rc_context(style):
        layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.09, wspace=0.03, hspace=0.04)
        figure = Figure(figsize=SIZE, layout=layout)
        above, below = figure.subplots(2, 3, width_ratios=(1.0, 1.1, 1.1))
        # The empty lines of the title hold the place of the text, which is not bold.
        figure.suptitle(
            "\n".join([_short(heading), *[""] * len(text.splitlines())]),
            x=0.012, ha="left", fontsize=12.5, fontweight="bold", linespacing=1.35,
        )  # fmt: skip
        figure.text(0.012, 1.0 - 0.42 / SIZE[1], text, va="top", fontsize=9.5, linespacing=1.5)
        _one_pixel(loss, above)
        _discs(loss, below)
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=DPI, format="png")


def _one_pixel(loss: Subject, axes: np.ndarray) -> None:
    # 1. the picture of the prediction
    picture, value_axes, gradient_axes = axes
    _picture(picture, loss, "One pixel of an unsure prediction")
    _ring(
        picture,
        probes.OFF_BY,
        probes.RADIUS,
        "dashed",
        label=f"predicted {loss.shape}, logits up to ±{probes.UNSURE:g}",
    )
    # 2. value and gradient over the logit of one pixel, for each truth
    count = probes.HEIGHT * probes.WIDTH
    for truth, color in TRUTH_COLORS.items():
        row, column = loss.pixels[truth]
        label = f"the pixel where the truth is {truth}"
        picture.plot(column, row, "s", color=color, markersize=6, markeredgecolor="white", label=label)
        values, gradient = probes.against_logit(loss, loss.pixels[truth])
        start = values[np.abs(probes.LOGITS).argmin()]
        value_axes.plot(probes.LOGITS, (values - start) * count, color=color)
        gradient_axes.plot(probes.LOGITS, gradient * count, color=color)
    _legend_below(picture, picture)
    # 3. titles and axes
    value_axes.set_title(f"Value, counted from logit 0, × {count} pixels", loc="left")
    gradient_axes.set_title(f"Gradient, × {count} pixels", loc="left")
    for ax in (value_axes, gradient_axes):
        ax.axhline(0.0, color=SOFT, linewidth=0.7, zorder=1)
        ax.axvline(0.0, color=SOFT, linewidth=0.7, zorder=1)
        ax.set_xlabel(
            "the pixel's logit" if loss.num_classes == 2 else f"the pixel's logit of the {loss.shape}'s class"
        )
        ax.set_xticks(np.linspace(probes.LOGITS[0], probes.LOGITS[-1], 5))
        _breathe(ax, least=count * ROUNDING * loss.scale)


def _discs(loss: Subject, axes: np.ndarray) -> None:
    picture, shift_axes, radius_axes = axes
    _picture(picture, loss, f"{loss.shape.capitalize()}s shifted (solid), resized (dotted)")
    for shift in SHOWN_SHIFTS:
        _ring(picture, shift, probes.RADIUS, "solid")
    for radius in SHOWN_RADII:
        _ring(picture, 0, radius, "dotted")
    shift_axes.set_title("Value against the shift", loc="left")
    shift_axes.set_xlabel("pixels to the right")
    radius_axes.set_title("Value against the radius", loc="left")
    radius_axes.set_xlabel(f"pixels; the truth has {probes.RADIUS:g}")
    radius_axes.set_xticks(np.arange(0.0, probes.RADII[-1] + 1.0, probes.RADIUS / 2))
    for ax, curve, best in (
        (shift_axes, probes.against_shift(loss), 0.0),
        (radius_axes, probes.against_radius(loss), probes.RADIUS),
    ):
        ax.axvline(best, color=SOFT, linewidth=0.7, zorder=1)
        _draw(ax, curve)
        _breathe(ax, least=ROUNDING * loss.scale, from_zero=True)
    if len(loss.parts) > 1:
        _legend_below(picture, shift_axes)


def _draw(ax: Axes, curve: Curve) -> None:
    """The loss, and its parts, weighted, when it has several."""
    if len(curve.parts) > 1:
        for number, (label, values) in enumerate(curve.parts.items()):
            color = PART_COLORS[number % len(PART_COLORS)]
            ax.plot(curve.x, values, color=color, linewidth=1.2, label=_short(label, 36))
    ax.plot(curve.x, curve.total, color=INK, linewidth=2.0, label="sum")


def _legend_below(picture: Axes, of: Axes) -> None:
    """The legend of some axes, below a picture, where no curve runs."""
    handles, labels = of.get_legend_handles_labels()
    picture.legend(handles, labels, loc="upper left", bbox_to_anchor=(-0.02, 0.0), borderaxespad=0.4)


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _picture(ax: Axes, loss: Subject, title: str) -> None:
    """The truth in light colors, without ticks."""
    labels = probes.truth(loss.num_classes, ring=loss.ring)
    shades = np.array([[0.97, 0.975, 0.98], [0.79, 0.87, 0.94], [0.90, 0.86, 0.80]])
    ax.imshow(shades[labels], interpolation="nearest")
    ax.set_xlim(-0.5, probes.WIDTH - 0.5)
    ax.set_ylim(probes.HEIGHT - 0.5, -0.5)
    ax.set_title(title, loc="left")
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_anchor("N")
    ax.spines[:].set_visible(False)


def _ring(ax: Axes, shift: float, radius: float, linestyle: str, *, label: str | None = None) -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 181)
    x, y = probes.CENTER[1] + shift + radius * np.cos(angle), probes.CENTER[0] + radius * np.sin(angle)
    ax.plot(x, y, color=INK, linewidth=0.9, linestyle=linestyle, label=label)


def _breathe(ax: Axes, *, least: float, from_zero: bool = False) -> None:
    """Leave room around the curves, from 0 if they lie above it. Curves that vary by up to `least` count as flat."""
    curves = np.concatenate([y for y in (np.asarray(line.get_ydata(), float) for line in ax.lines) if len(y) > 2])
    low, high = curves.min(), curves.max()
    if high - low <= least:
        low, high = low - 0.5, high + 0.5
        ax.text(0.5, 0.57, "the same for all", transform=ax.transAxes, ha="center", color=SOFT)
    elif from_zero and high > 0.0:
        low = min(low, 0.0)
    room = 0.05 * (high - low)
    ax.set_ylim(low - room, high + room)
    ax.margins(x=0.02)
    ax.yaxis.set_major_locator(MaxNLocator(5))
