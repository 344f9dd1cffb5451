"""The page of a study of a weight: losses ranked at each weight, figures side by side, and scores over the weight."""

from collections.abc import Sequence

import numpy as np

from kseg.lab import plots
from kseg.lab.experiment.jobs import Job
from kseg.lab.recipe import Recipe
from kseg.lab.results.rows import Results, by_setting, figure_of, title_of_score
from kseg.lab.shown import Shown
from kseg.lab.tables.losses import loss_table
from kseg.lab.tables.table import Table
from kseg.wording import DASH


def weighed(recipe: Recipe, results: Results, jobs: Sequence[Job]) -> Shown:
    """Tables and a plot for settings that differ in a weight, "NAME=NUMBER" (`Condition.weight`)."""
    tables = [loss_table(results), figures_beside(recipe, results)]
    return Shown(tables, lambda: [plot] if (plot := plots.weight_plot(results.rows)) else [])


def figures_beside(recipe: Recipe, results: Results) -> Table:
    """The recipe's figures of every setting and loss, means over the seeds; the largest of each in bold."""
    cells = [
        (setting, loss, rows) for setting, by_loss in by_setting(results.rows).items() for loss, rows in by_loss.items()
    ]
    values = np.array([[figure_of(rows, figure) for figure in recipe.figures] for _, _, rows in cells]).reshape(
        len(cells), len(recipe.figures)
    )
    best = frozenset(
        (int(row), 2 + column)
        for column in range(values.shape[1])
        for row in np.flatnonzero(values[:, column] == np.nanmax(values[:, column], initial=-np.inf))
    )
    titles = {"score": title_of_score(results.rows)}
    header = ["setting", "loss", *(titles.get(figure, figure.replace("_", " of ")) for figure in recipe.figures)]
    lines = [
        [str(setting), loss, *(DASH if np.isnan(value) else f"{value:.3f}" for value in row)]
        for (setting, loss, _), row in zip(cells, values, strict=True)
    ]
    return Table("Figures", header, lines, best, "Of the test images, means over the seeds.")
