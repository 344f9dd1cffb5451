"""Pictures side by side as one plot: rows of images and masks under the titles of their columns."""

from collections.abc import Sequence

import numpy as np

from kseg.report.canvas import STYLE, Plot, to_png, to_svg

PANEL = 1.6
"""Inches of the longer side of a picture."""

MANY = 3
"""Pictures in a row that fit beside another plot."""


def panels_plot(
    title: str,
    rows: Sequence[Sequence[np.ndarray]],
    text: str,
    *,
    columns: Sequence[str] = (),
    names: Sequence[str] = (),
) -> Plot:
    """Rows of pictures, uint8 (H, W, 3) or masks bool (H, W), white where true.

    Args:
      columns: titles of the columns.
      names: names of the rows, at their left.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    height, width = rows[0][0].shape[:2]
    scale = PANEL / max(height, width)
    size = (scale * width * len(rows[0]) + 0.4, scale * height * len(rows) + 0.4)
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(rows), len(rows[0]), squeeze=False)
        for i, row in enumerate(rows):
            for j, picture in enumerate(row):
                ax = grid[i][j]
                ax.imshow(
                    picture.astype(np.uint8) * 255 if picture.dtype == bool else picture, cmap="gray", vmin=0, vmax=255
                )
                ax.set_xticks([])
                ax.set_yticks([])
                ax.grid(visible=False)
                if i == 0 and columns:
                    ax.set_title(columns[j])
                if j == 0 and names:
                    ax.set_ylabel(names[i])
        return Plot(title, to_svg(figure, title), text, to_png(figure), wide=len(rows[0]) > MANY)
