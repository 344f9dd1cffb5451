"""Which tables a recipe has."""

from dataclasses import replace

import numpy as np

from kseg.errors import UsageError
from kseg.lab.recipe import Recipe
from kseg.lab.results.rows import Results, by_setting, figure_of
from kseg.lab.tables.losses import baseline_table, loss_table
from kseg.lab.tables.paper_and_ours import figures_table, paper_table
from kseg.lab.tables.table import Table
from kseg.lab.tables.tests import claims_table, comparison_tables
from kseg.wording import DASH


def lowest_table(results: Results) -> Table:
    """Which test image scored lowest in every run."""
    rows = [
        [" ".join(setting), loss, str(row.seed), row.lowest_image or DASH, f"{row.lowest:.3f}"]
        for setting, found in by_setting(results.rows).items()
        for loss, seeds in found.items()
        for row in seeds
    ]
    return Table("Lowest image", ["setting", "loss", "seed", "image", "IoU"], rows)


def tables_of(results: Results, recipe: Recipe) -> list[Table]:
    """The tables of a recipe: one per figure, or of a single setting one with all figures."""
    whole, results = results, replace(results, rows=[row for row in results.rows if not recipe.is_beside(row.tags)])
    beside = recipe.beside(whole) if recipe.beside else []
    if not results.rows and beside:
        return beside
    if not results.rows:
        raise UsageError(
            f"no job of {recipe.name} at scale {results.scale} is complete; run `kseg lab run` first, "
            "or name the same --root and --weights as there: they lead to the directories of the jobs"
        )
    if recipe.versus is None and recipe.paper is None:
        return [loss_table(results), *filter(None, [baseline_table(results)])]
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
    if recipe.claims and (claims := recipe.claims(results)):
        tables.insert(0, claims_table(claims))
    if recipe.versus:
        tables += comparison_tables(results, recipe)
    return [*tables, *beside, *([lowest_table(results)] if "lowest" in recipe.figures else [])]
