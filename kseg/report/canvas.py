"""Matplotlib figures as SVG within a page; their text takes the page's color, also in dark mode."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito's colors: told apart by color-blind people too, on white and on near-black.
BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION = "#3a86c8", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"
INK = "#123456"
"""Stands for the page's text color; `to_svg` replaces it."""

STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": INK,
    "grid.alpha": 0.13,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "text.parse_math": False,  # a class may be called "$"
    "svg.fonttype": "path",
    "svg.hashsalt": "kseg",  # the same run gives the same file
}
WIDTH, HEIGHT = 4.5, 3.0
"""Inches. A figure is as wide as a phone, so that its letters are as large there as on a desk."""


@dataclass(frozen=True)
class Plot:
    """A drawn figure with its heading, and a sentence on what it shows."""

    title: str
    svg: str
    text: str
    png: bytes = b""
    """the figure for places that show no SVG; empty unless asked for"""
    wide: bool = False
    """takes a row of the page to itself"""


@contextmanager
def axes(height: float = HEIGHT, width: float = WIDTH) -> Iterator[tuple[Figure, Axes]]:
    """An empty pair of axes in the report's style; draw and call `to_svg` inside."""
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def legend_above(figure: Figure, ax: Axes) -> None:
    """The legend in one line over the axes, where no curve can run through it."""
    figure.legend(
        *ax.get_legend_handles_labels(), loc="outside upper left", ncols=4, handlelength=1.4, columnspacing=1.2
    )


def to_png(figure: Figure) -> bytes:
    """The figure on white."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure, label: str) -> str:
    """The figure as an `<svg>` element that fills its box."""
    buffer = io.StringIO()
    figure.savefig(
        buffer,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' width="[^"]*pt" height="[^"]*pt"|height="[^"]*pt" |width="[^"]*pt" ', " ", svg, count=2)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # figure_1, axes_1 … would be there once per figure
    svg = _own_names(svg, label)
    return svg.replace(INK, "currentColor").replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1).strip()


def _own_names(svg: str, label: str) -> str:
    """The SVG with ids of letters, markers and clip paths that no other figure of a page has.

    Matplotlib gives the same letter the same id in every figure, and an id may stand in a document once.
    """
    prefix = f"f{sha256(f'{label} {svg}'.encode()).hexdigest()[:6]}-"
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", svg)
