"""Tables of results: paper | ours with the better figure marked, the losses ranked, and which of them a recipe has."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kseg.errors import UsageError
from kseg.lab.claims import claims_table
from kseg.lab.comparisons import comparison_tables
from kseg.lab.loss_tests import baseline_table
from kseg.lab.recipe import FIGURES, LOWER_IS_BETTER, Recipe
from kseg.lab.rows import Results, Row, by_setting, figure_of, range_of
from kseg.lab.table import DASH, Table
from kseg.wording import counted


def paper_table(results: Results, recipe: Recipe, figure: str) -> Table:
    """A row per setting: the paper's figure for each loss, then ours, mean ± standard deviation over seeds."""
    named = [(" ".join(setting), figure, setting) for setting in by_setting(results.rows)]
    return _beside_the_paper(FIGURES[figure][0].upper() + FIGURES[figure][1:], "setting", named, results, recipe)


def figures_table(results: Results, recipe: Recipe, setting: tuple[str, ...]) -> Table:
    """A row per figure of one setting, columns as in `paper_table`."""
    named = [(FIGURES[figure], figure, setting) for figure in recipe.figures]
    return _beside_the_paper(" ".join(setting), "figure", named, results, recipe)


def _beside_the_paper(
    title: str, first: str, named: Sequence[tuple[str, str, tuple[str, ...]]], results: Results, recipe: Recipe
) -> Table:
    """A row for each (name, figure, setting)."""
    losses = list(recipe.versus or dict.fromkeys(row.loss for row in results.rows))
    theirs = recipe.paper and any(
        figure in recipe.paper((*setting, loss)) for _, figure, setting in named for loss in losses
    )
    sides = ("paper", "ours") if theirs else ("ours",)
    settings = by_setting(results.rows)
    rows, best = [], set()
    for i, (name, figure, setting) in enumerate(named):
        cells, found = [name], settings[setting]
        for side in sides:
            values = [_value(recipe, setting, loss, found, figure, side) for loss in losses]
            digits = 1 if figure in LOWER_IS_BETTER else 3  # as shown: what reads alike is alike
            known = [round(value, digits) for value in values if value is not None and not np.isnan(value)]
            mark = (min if figure in LOWER_IS_BETTER else max)(known) if len(set(known)) > 1 else None
            for loss, value in zip(losses, values, strict=True):
                if value is not None and round(value, digits) == mark:
                    best.add((i, len(cells)))
                cells.append(_shown(value, found.get(loss, []) if side == "ours" else [], figure))
        rows.append(cells)
    header = [first, *(f"{side}: {loss}" for side in sides for loss in losses)]
    caption = " ".join(filter(None, [recipe.captions.get(results.scale), recipe.remark and recipe.remark(results)]))
    return Table(title, header, rows, frozenset(best), caption)


def _value(recipe: Recipe, setting, loss: str, found, figure: str, side: str) -> float | None:
    if side == "paper":
        assert recipe.paper is not None
        return recipe.paper((*setting, loss)).get(figure)
    return figure_of(found[loss], figure) if loss in found else None


def _shown(value: float | None, rows: Sequence[Row], figure: str) -> str:
    if value is None or np.isnan(value):
        return DASH
    whole = 1 if len(rows) > 1 else 0  # epochs: of a single run a whole number
    digits = whole if figure in LOWER_IS_BETTER else 3
    spread = f" ± {np.std([getattr(row, figure) for row in rows], ddof=1):.{digits}f}" if len(rows) > 1 else ""
    return f"{value:.{digits}f}{spread}"


def lowest_table(results: Results) -> Table:
    """Which test image scored lowest in every run."""
    rows = [
        [" ".join(setting), loss, str(row.seed), row.lowest_image or DASH, f"{row.lowest:.3f}"]
        for setting, found in by_setting(results.rows).items()
        for loss, seeds in found.items()
        for row in seeds
    ]
    return Table("Lowest image", ["setting", "loss", "seed", "image", "IoU"], rows)


def loss_table(results: Results) -> Table:
    """Losses by data set: mean IoU with the lowest and highest of the seeds; best mean rank first."""
    settings = by_setting(results.rows)
    losses = sorted({row.loss for row in results.rows}, key=lambda loss: (mean_rank(settings, loss), loss))
    rows, best = [], set()
    tops = {setting: max(figure_of(rows, "iou") for rows in found.values()) for setting, found in settings.items()}
    for i, loss in enumerate(losses):
        cells = [loss, f"{mean_rank(settings, loss):.1f}"]
        for setting, found in settings.items():
            if loss in found and figure_of(found[loss], "iou") == tops[setting]:
                best.add((i, len(cells)))
            cells.append(_with_range(found.get(loss, [])))
        rows.append(cells)
    counts = ", ".join(
        f"{' '.join(setting)}: {counted(max(map(len, found.values())), 'seed')}" for setting, found in settings.items()
    )
    caption = f"Test IoU, mean [lowest, highest] of the seeds ({counts}); sorted by mean rank"
    ranked = ranked_settings(settings)
    caption += "." if len(ranked) == len(settings) else f" where all were run ({', '.join(map(' '.join, ranked))})."
    header = ["loss", "mean rank", *(" ".join(setting) for setting in settings)]
    return Table("Losses", header, rows, frozenset(best), caption)


def mean_rank(settings, loss: str) -> float:
    """1 is best; over the data sets that all losses were run on, where there are any, else those that have the loss."""
    ranks = []
    for setting in ranked_settings(settings):
        found = settings[setting]
        if loss in found:
            own = figure_of(found[loss], "iou")
            ranks.append(1 + sum(figure_of(rows, "iou") > own for rows in found.values()))
    return float(np.mean(ranks)) if ranks else math.inf


def ranked_settings(settings) -> list[tuple[str, ...]]:
    """Ranks among a few losses and among all of them have no mean: a data set that is half done has to wait."""
    everything = set().union(*settings.values())
    return [setting for setting, found in settings.items() if set(found) == everything] or list(settings)


def _with_range(rows: Sequence[Row]) -> str:
    if not rows:
        return DASH
    if len(rows) == 1:
        return f"{rows[0].iou:.3f}"
    return "{:.3f} [{:.3f}, {:.3f}]".format(*range_of(rows))


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
