"""The page of a study of many losses: ranked by data set, each against one baseline."""

from collections.abc import Sequence

from kseg.lab import plots
from kseg.lab.experiment.jobs import Job
from kseg.lab.recipe import Recipe
from kseg.lab.results.rows import Results, by_setting
from kseg.lab.shown import Shown
from kseg.lab.tables.losses import baseline_table, loss_table, mean_rank
from kseg.report.canvas import Plot

SHOWN_LOSSES = 4
"""Best losses in the plot of sparse foreground, besides the baseline and the soft IoU."""


def many_losses(recipe: Recipe, results: Results, jobs: Sequence[Job]) -> Shown:
    """Losses by data set, and a test of each."""
    tables = [loss_table(results), *filter(None, [baseline_table(results)])]
    return Shown(tables, lambda: _plots(results))


def _plots(results: Results) -> list[Plot]:
    settings = by_setting(results.rows)
    sparse = [setting for setting in settings if setting.dataset.startswith("portraits")]
    ranked = sorted({row.loss for row in results.rows}, key=lambda loss: (mean_rank(settings, loss), loss))
    shown = list(dict.fromkeys([plots.BASELINE, "iou", *ranked[:SHOWN_LOSSES]]))
    drawn = [plots.sparsity_plot(results.rows, sparse, shown)]
    drawn += [plots.losses_plot(setting, by_loss) for setting, by_loss in settings.items()]
    return [plot for plot in drawn if plot is not None]
