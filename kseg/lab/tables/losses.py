"""Is a loss of a study better than cross-entropy, or is that chance? Each against one baseline, p corrected."""

from statistics import fmean

from kseg.lab.comparisons import Pairs, tests_table
from kseg.lab.rows import Results
from kseg.lab.table import Table

BASELINE = "bce"


def baseline_table(results: Results) -> Table | None:
    """Every loss against `BASELINE`, a pair for each data set and seed that both were run on; the best first.

    None without a baseline, or where no loss shares two runs with it.
    """
    scores: dict[str, dict[tuple, float]] = {}
    for row in results.rows:
        scores.setdefault(row.loss, {})[*row.setting, row.seed] = row.iou
    baseline = scores.pop(BASELINE, {})
    tests = []
    for loss, found in scores.items():
        both = [run for run in baseline if run in found]
        if len(both) > 1:
            tests.append(Pairs(loss, [found[run] for run in both], [baseline[run] for run in both]))
    tests.sort(key=lambda test: fmean(test.baseline) - fmean(test.first))
    if not tests:
        return None
    caption = (
        f"Test IoU of a loss minus that of {BASELINE}, a pair for every data set and seed; p of the paired t-test, "
        f"Holm's correction over the {len(tests)} rows. Data sets differ in how far the losses lie apart, which the "
        "t-test takes for noise; Wilcoxon's test looks at ranks."
    )
    return tests_table(f"Against {BASELINE}", "loss", tests, caption, {})
