"""Every loss of a study against cross-entropy: the pairs of runs, and the order of the losses."""

import dataclasses

from scipy import stats

from kseg.lab.experiment.condition import Condition
from kseg.lab.results.rows import Results, Row
from kseg.lab.tables.losses import baseline_table

BCE = {("a", 1): 0.5, ("a", 2): 0.6, ("b", 1): 0.1}


def results_of(**scores) -> Results:
    """IoU by loss, data set and seed."""
    blank = Row(
        condition=Condition(),
        seed=0, job="", iou=0.0, iou_image=0.0, accuracy=0.0, matrix=[[1, 0], [0, 1]], best_epoch=1, epochs=1,
        seconds=1.0, foreground=0.5, images=[],
    )  # fmt: skip
    rows = [
        dataclasses.replace(blank, condition=Condition(dataset=dataset, loss=loss), seed=seed, iou=iou)
        for loss, found in scores.items()
        for (dataset, seed), iou in found.items()
    ]
    return Results("loss_study", "cpu", "kseg lab run", {}, rows, {}, 0)


def test_runs_of_one_data_set_and_seed_are_paired():
    better = {run: iou + gain for (run, iou), gain in zip(BCE.items(), (0.01, 0.03, 0.3), strict=True)}
    table = baseline_table(results_of(bce=BCE, worse={run: iou - 0.1 for run, iou in BCE.items()}, better=better))
    assert [row[0] for row in table.rows] == ["better", "worse"]
    first = table.rows[0]
    assert first[1:3] == ["3", "+0.1133"] and first[-1] == "3 of 3"
    p = stats.ttest_1samp([0.01, 0.03, 0.3], 0).pvalue
    assert first[5] == f"{p:.2g}"
    assert "over the 2 rows" in table.caption


def test_runs_that_the_baseline_lacks_are_left_out():
    table = baseline_table(results_of(bce=BCE, some={("b", 1): 0.2, ("a", 2): 0.5, ("c", 1): 0.9}))
    assert table.rows[0][1:3] == ["2", "+0.0000"]


def test_without_a_baseline_there_is_nothing_to_test():
    assert baseline_table(results_of(iou=BCE)) is None
    assert baseline_table(results_of(bce=BCE, iou={("c", 1): 0.2})) is None
