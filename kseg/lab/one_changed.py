"""One cell of a recipe run again with a single thing changed: the difference image by image, and the curves."""

from collections.abc import Mapping, Sequence

import numpy as np

from kseg.lab.experiment.condition import Condition
from kseg.lab.plots import curves_plot
from kseg.lab.results.rows import Results, Row, image_scores
from kseg.lab.statistics.paired_tests import Comparison
from kseg.lab.statistics.pairs import Pairs
from kseg.lab.statistics.words import difference, shown
from kseg.lab.tables.table import Table
from kseg.lab.tables.tests import compared
from kseg.report.canvas import Plot
from kseg.wording import DASH

CAPTION = (
    "Difference: IoU of each test image minus that of the unchanged cell with the same seeds, and its 95 % interval "
    "(paired t-test)."
)


def changed_table(results: Results, cell: Condition, changes: Mapping[str, str], caption: str = "") -> list[Table]:
    """A row for the cell and one for each change of it that was run; no table without such a run.

    Args:
      changes: word of the change → description of the change.
      caption: sentences behind `CAPTION`.
    """
    # 1. the cell, and each change of it against runs of the same seeds
    of_cell, of_change = _rows(results, cell, changes)
    if not of_change:
        return []
    lines = [_line("as above", DASH, of_cell, [])] if of_cell else []
    for name, changed_rows in of_change.items():
        seeds = {row.seed for row in changed_rows}
        same_seeds = [row for row in of_cell if row.seed in seeds]
        # Otherwise means over different seeds would be compared.
        complete = [row for row in changed_rows if row.seed in {other.seed for other in same_seeds}]
        lines.append(_line(name, changes[name], changed_rows, same_seeds if len(complete) == len(changed_rows) else []))
    # 2. columns; artifacts only where they were measured
    header = [
        "run",
        "changed",
        "seeds",
        "IoU",
        "accuracy",
        "best epoch",
        "artifacts",
        "difference",
        "95 % interval",
        "p",
    ]
    if all(row.artifacts is None for row in [*of_cell, *(row for rows in of_change.values() for row in rows)]):
        place = header.index("artifacts")
        header, *lines = ([*cells[:place], *cells[place + 1 :]] for cells in (header, *lines))
    return [Table(f"One thing changed: {cell}", header, lines, caption=f"{CAPTION} {caption}".strip())]


def changed_curves(results: Results, cell: Condition, changes: Mapping[str, str]) -> list[Plot]:
    """Validation IoU of the cell and of each change, by epoch; [] where no change was run."""
    of_cell, of_change = _rows(results, cell, changes)
    if not of_change:
        return []
    curves = {"as above": of_cell, **of_change} if of_cell else of_change
    plot = curves_plot(
        f"One thing changed: {cell}", {name: [row.curve for row in rows] for name, rows in curves.items()}
    )
    return [] if plot is None else [plot]


def _rows(results: Results, cell: Condition, changes: Mapping[str, str]) -> tuple[list[Row], dict[str, list[Row]]]:
    """The rows of the cell and those of each change that was run, in the order of their seeds."""
    by_condition: dict[Condition, list[Row]] = {}
    for row in sorted(results.rows, key=lambda row: row.seed):
        by_condition.setdefault(row.condition, []).append(row)
    of_change = {change: by_condition.get(cell.changed(change), []) for change in changes}
    return by_condition.get(cell, []), {change: rows for change, rows in of_change.items() if rows}


def _line(name: str, change: str, rows: Sequence[Row], cell: Sequence[Row]) -> list[str]:
    def mean(figure: str, form: str = ".3f") -> str:
        values = [value for row in rows if (value := getattr(row, figure)) is not None]
        return format(np.mean(values), form) if values else DASH

    tested = [DASH] * 3
    if cell:
        a, b = image_scores(rows), image_scores(cell)
        both = ~(np.isnan(a) | np.isnan(b))
        result = compared(Pairs(name, a[both].tolist(), b[both].tolist()))
        if isinstance(result, Comparison):
            tested = [*difference(result), shown(result.p, ".2g")]
    return [
        name, change, str(len(rows)), mean("iou"), mean("accuracy"), mean("best_epoch", ".0f"), mean("artifacts"),
        *tested,
    ]  # fmt: skip
