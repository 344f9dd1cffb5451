"""The page of a paper's experiment: its figures beside ours, two losses compared in every setting."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kseg.lab import plots
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import Job
from kseg.lab.pages.side_by_side import side_by_side
from kseg.lab.recipe import Recipe
from kseg.lab.results.rows import Results, Row, by_setting, figure_of, image_scores
from kseg.lab.shown import Shown
from kseg.lab.tables.paper_and_ours import figures_table, paper_table
from kseg.lab.tables.table import Table
from kseg.lab.tables.tests import claims_table, comparison_tables
from kseg.report.canvas import Plot
from kseg.wording import DASH

SCATTER = "Image by image:"
"""Prefix of the titles of scatter plots, which are left out where pictures of the same images are shown."""


def two_losses(recipe: Recipe, results: Results, jobs: Sequence[Job]) -> Shown:
    """The paper's tables with our figures, its claims judged, tests of the two losses, curves and images."""
    of_paper = replace(results, rows=[row for row in results.rows if not row.condition.change])
    beside = recipe.beside(results) if recipe.beside else []
    claims = recipe.claims(of_paper) if recipe.claims and of_paper.rows else []
    tables = [*_tables(of_paper, recipe), *beside] if of_paper.rows else beside
    if claims:
        tables.insert(0, claims_table(claims))
    if of_paper.rows and "lowest" in recipe.figures:
        tables.append(lowest_table(of_paper))
    return Shown(
        tables,
        lambda: _plots(results, recipe, jobs),
        claims,
        lambda: side_by_side(results.rows, jobs, recipe.versus) if recipe.versus else None,
    )


def _tables(results: Results, recipe: Recipe) -> list[Table]:
    """A table per figure, or one table of all figures for a single setting; then the tests."""
    settings = by_setting(results.rows)
    if recipe.tables is not None:
        tables = recipe.tables(results, recipe)
    elif len(settings) == 1:
        tables = [figures_table(results, recipe, next(iter(settings)))]
    else:
        measured = [
            figure for figure in recipe.figures if not all(np.isnan(figure_of([row], figure)) for row in results.rows)
        ]
        tables = [paper_table(results, recipe, figure) for figure in measured]
    return [*tables, *(comparison_tables(results, recipe) if recipe.versus else [])]


def lowest_table(results: Results) -> Table:
    """Which test image scored lowest in every run."""
    rows = [
        [str(setting), loss, str(row.seed), row.lowest_image or DASH, f"{row.lowest:.3f}"]
        for setting, by_loss in by_setting(results.rows).items()
        for loss, seeds in by_loss.items()
        for row in seeds
    ]
    return Table("Lowest image", ["setting", "loss", "seed", "image", "IoU"], rows)


def _plots(results: Results, recipe: Recipe, jobs: Sequence[Job]) -> list[Plot]:
    settings = by_setting(results.rows)
    drawn: list[Plot | None] = []
    if versus := recipe.versus:
        drawn.append(plots.gain_plot([row for row in results.rows if not row.condition.change], versus))
        for setting, by_loss in settings.items():
            curves = {loss: [row.curve for row in by_loss[loss]] for loss in versus if loss in by_loss}
            drawn.append(plots.curves_plot(f"Learning: {setting}", curves))
        for setting, by_loss in settings.items():
            scores = {loss: _scores(by_loss[loss]) for loss in versus if loss in by_loss}
            drawn.append(plots.distribution_plot(f"Images: {setting}", scores))
        drawn += _scatters(settings, versus)
    drawn += recipe.figures_of_paper(jobs, results) if recipe.figures_of_paper and jobs else []
    return [plot for plot in drawn if plot is not None]


def _scatters(settings: Mapping[Condition, Mapping[str, Sequence[Row]]], versus: tuple[str, str]) -> list[Plot]:
    """A scatter plot for every setting that both losses were run in."""
    drawn = []
    for setting, by_loss in settings.items():
        if set(versus) <= set(by_loss):
            scores = [image_scores(by_loss[loss]) for loss in versus]
            known = ~np.isnan(scores).any(axis=0)
            of_images = {loss: score[known].tolist() for loss, score in zip(versus, scores, strict=True)}
            drawn.append(plots.scatter_plot(f"{SCATTER} {setting}", *versus, of_images))
    return drawn


def _scores(rows: Sequence[Row]) -> list[float]:
    return [float(value) for value in image_scores(rows) if value == value]
