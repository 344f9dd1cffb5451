"""Many losses: ranked by data set, and each tested against one baseline."""

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from kseg.lab.experiment.condition import Condition
from kseg.lab.results.rows import Results, Row, by_setting, figure_of, range_of, title_of_score
from kseg.lab.statistics.pairs import Pairs
from kseg.lab.tables.table import Table
from kseg.lab.tables.tests import tests_table
from kseg.wording import DASH, counted

BASELINE = "bce"


def baseline_table(results: Results) -> Table | None:
    """Every loss against `BASELINE`, a pair for each data set and seed that both were run on; the best first.

    None without a baseline, or where no loss shares two runs with it.
    """
    scores: dict[str, dict[tuple, float]] = {}
    for row in results.rows:
        scores.setdefault(row.loss, {})[row.setting, row.seed] = row.score
    baseline = scores.pop(BASELINE, {})
    tests = []
    for loss, of_loss in scores.items():
        both = [run for run in baseline if run in of_loss]
        if len(both) > 1:
            tests.append(Pairs(loss, [of_loss[run] for run in both], [baseline[run] for run in both]))
    tests.sort(key=lambda test: fmean(test.baseline) - fmean(test.first))
    if not tests:
        return None
    caption = (
        f"Test {title_of_score(results.rows)} of a loss minus that of {BASELINE}, a pair for every data set and seed; "
        f"p of the paired t-test, Holm's correction over the {len(tests)} rows. Data sets differ in how far the losses "
        "lie apart, which the t-test takes for noise; Wilcoxon's test looks at ranks."
    )
    return tests_table(f"Against {BASELINE}", "loss", tests, caption, {})


def loss_table(results: Results) -> Table:
    """Losses by data set: mean score with the lowest and highest of the seeds; best mean rank first."""
    settings = by_setting(results.rows)
    losses = sorted({row.loss for row in results.rows}, key=lambda loss: (mean_rank(settings, loss), loss))
    rows, best = [], set()
    tops = {
        setting: max(figure_of(rows, "score") for rows in by_loss.values()) for setting, by_loss in settings.items()
    }
    for i, loss in enumerate(losses):
        cells = [loss, f"{mean_rank(settings, loss):.1f}"]
        for setting, by_loss in settings.items():
            if loss in by_loss and figure_of(by_loss[loss], "score") == tops[setting]:
                best.add((i, len(cells)))
            cells.append(_with_range(by_loss.get(loss, [])))
        rows.append(cells)
    counts = ", ".join(
        f"{setting}: {counted(max(map(len, by_loss.values())), 'seed')}" for setting, by_loss in settings.items()
    )
    caption = (
        f"Test {title_of_score(results.rows)}, mean [lowest, highest] of the seeds ({counts}); sorted by mean rank"
    )
    ranked = ranked_settings(settings)
    caption += "." if len(ranked) == len(settings) else f" where all were run ({', '.join(map(str, ranked))})."
    header = ["loss", "mean rank", *map(str, settings)]
    return Table("Losses", header, rows, frozenset(best), caption)


def mean_rank(settings, loss: str) -> float:
    """Mean rank of a loss, where 1 is best, over the data sets that all losses were run on, else over its own."""
    ranks = []
    for setting in ranked_settings(settings):
        by_loss = settings[setting]
        if loss in by_loss:
            score = figure_of(by_loss[loss], "score")
            ranks.append(1 + sum(figure_of(rows, "score") > score for rows in by_loss.values()))
    return float(np.mean(ranks)) if ranks else math.inf


def ranked_settings(settings) -> list[Condition]:
    """The settings that ranks are taken from: those with all losses, because ranks among fewer are not comparable."""
    everything = set().union(*settings.values())
    return [setting for setting, by_loss in settings.items() if set(by_loss) == everything] or list(settings)


def _with_range(rows: Sequence[Row]) -> str:
    if not rows:
        return DASH
    if len(rows) == 1:
        return f"{rows[0].score:.3f}"
    return "{:.3f} [{:.3f}, {:.3f}]".format(*range_of(rows))
