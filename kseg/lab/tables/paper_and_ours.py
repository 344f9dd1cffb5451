"""A paper's figures and ours side by side, the better one marked."""

from collections.abc import Sequence

import numpy as np

from kseg.lab.experiment.condition import Condition
from kseg.lab.recipe import Recipe
from kseg.lab.results.figures import DIGITS, EPOCHS, FIGURES, LOWER_IS_BETTER
from kseg.lab.results.rows import Results, Row, by_setting, figure_of, value_of
from kseg.lab.tables.table import Table
from kseg.wording import DASH


def paper_table(results: Results, recipe: Recipe, figure: str) -> Table:
    """A row per setting: the paper's figure for each loss, then ours, mean ± standard deviation over seeds."""
    named = [(str(setting), figure, setting) for setting in by_setting(results.rows)]
    return _beside_the_paper(FIGURES[figure][0].upper() + FIGURES[figure][1:], "setting", named, results, recipe)


def figures_table(results: Results, recipe: Recipe, setting: Condition) -> Table:
    """A row per figure of one setting, columns as in `paper_table`."""
    named = [(FIGURES[figure], figure, setting) for figure in recipe.figures]
    return _beside_the_paper(str(setting), "figure", named, results, recipe)


def _beside_the_paper(
    title: str, first: str, named: Sequence[tuple[str, str, Condition]], results: Results, recipe: Recipe
) -> Table:
    """A row for each (name, figure, setting)."""
    losses = list(recipe.versus or dict.fromkeys(row.loss for row in results.rows))
    is_in_paper = recipe.paper and any(
        figure in recipe.paper(setting.under(loss)) for _, figure, setting in named for loss in losses
    )
    sides = ("paper", "ours") if is_in_paper else ("ours",)
    settings = by_setting(results.rows)
    rows, best = [], set()
    for i, (name, figure, setting) in enumerate(named):
        cells, by_loss = [name], settings[setting]
        for side in sides:
            values = [_value(recipe, setting, loss, by_loss, figure, side) for loss in losses]
            digits = DIGITS.get(figure, 3)  # compared as shown: equal digits are a tie
            known = [round(value, digits) for value in values if value is not None and not np.isnan(value)]
            mark = (min if figure in LOWER_IS_BETTER else max)(known) if len(set(known)) > 1 else None
            for loss, value in zip(losses, values, strict=True):
                if value is not None and round(value, digits) == mark:
                    best.add((i, len(cells)))
                cells.append(_shown(value, by_loss.get(loss, []) if side == "ours" else [], figure))
        rows.append(cells)
    header = [first, *(f"{side}: {loss}" for side in sides for loss in losses)]
    caption = " ".join(filter(None, [recipe.captions.get(results.scale), recipe.remark and recipe.remark(results)]))
    return Table(title, header, rows, frozenset(best), caption)


def _value(recipe: Recipe, setting: Condition, loss: str, by_loss, figure: str, side: str) -> float | None:
    if side == "paper":
        assert recipe.paper is not None
        return recipe.paper(setting.under(loss)).get(figure)
    return figure_of(by_loss[loss], figure) if loss in by_loss else None


def _shown(value: float | None, rows: Sequence[Row], figure: str) -> str:
    if value is None or np.isnan(value):
        return DASH
    whole = 1 if len(rows) > 1 else 0  # epochs of a single run are a whole number
    digits = whole if figure in EPOCHS else DIGITS.get(figure, 3)
    values = np.array([value_of(row, figure) for row in rows], dtype=float)
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(rows) > 1 else ""
    return f"{value:.{digits}f}{spread}"
