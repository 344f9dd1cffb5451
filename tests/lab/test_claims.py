"""The verdict on a claim: the rules by hand, and van Beers et al.'s claims on figures made for each verdict."""

import dataclasses

import pytest
from pytest import approx

from kseg.lab.recipe import RECIPES
from kseg.lab.recipes.rahman2016.printed import PRINTED_MEANS
from kseg.lab.recipes.vanbeers2019.claims import claims, of_scores, of_size, paper_figures
from kseg.lab.recipes.vanbeers2019.printed import CLAIMS, TABLES
from kseg.lab.results.rows import Results, Row
from kseg.lab.statistics.claims import alike, inconclusive, larger
from kseg.lab.tables.paper_tests import paper_tests_json
from kseg.lab.tables.tests import claims_table


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ([0.92, 0.83, 0.91, 0.82], [0.90, 0.80, 0.88, 0.80], "held"),  # +.02 and +.03: p = 0.005
        ([0.901, 0.799, 0.881, 0.799], [0.90, 0.80, 0.88, 0.80], "did not hold"),  # ±.001, far below the paper's .03
        ([0.80, 0.70], [0.90, 0.81], "did not hold"),
        ([0.96, 0.79], [0.90, 0.80], "cannot be judged"),  # −.01 and +.06: neither 0 nor .03 can be excluded
        ([0.96], [0.90], "cannot be judged"),
    ],
)
def test_a_difference(first, second, verdict):
    assert larger("IoU", "higher", "a minus b", first, second, paper=0.03).verdict == verdict


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        ([0.91, 0.79, 0.81, 0.79], "held"),  # ±.01 in turn
        ([0.93, 0.77, 0.83, 0.77], "did not hold"),  # ±.03: further apart than .025
        ([0.91, 0.81, 0.81, 0.812], "did not hold"),  # p < 0.05
        ([0.90], "cannot be judged"),
    ],
)
def test_no_difference(first, verdict):
    assert alike("accuracy", "alike", "a minus b", first, [0.9, 0.8, 0.8, 0.8][: len(first)], 0.025).verdict == verdict


def test_no_conclusion():
    assert inconclusive("epochs", "none", "a minus b", [9, 12, 8], [11, 8, 9]).verdict == "held"
    assert inconclusive("epochs", "none", "a minus b", [9, 12, 8], [19, 23, 18]).verdict == "did not hold"
    assert inconclusive("epochs", "none", "a minus b", [12, 12], [12, 12]).verdict == "cannot be judged"


def test_the_paper_by_its_own_figures():
    """All but the last: FCResNet on LFW with hair is better with the IoU loss on the big set, with BCE on the small."""
    found = [*of_scores(paper_figures), *of_size(paper_figures)]
    assert [claim.verdict for claim in found] == ["held", "held", "held", "did not hold"]
    assert "p = 0.00047" in found[0].evidence and "17.5 % less error" in found[0].evidence
    assert "the same in 7 of 8 pairs" in found[3].evidence and "by its tables in 7 of 8" in found[3].statement


def row(setting, loss, cell) -> Row:
    return Row(
        condition=setting.under(loss), seed=1, job="j", iou=cell.iou, iou_image=cell.iou, accuracy=cell.accuracy,
        matrix=[[1, 0], [0, 1]], best_epoch=cell.epochs, epochs=cell.epochs + 20, seconds=1.0, foreground=0.5,
        images=[cell.iou, cell.iou], curve=[cell.iou * min(1, epoch / cell.epochs) for epoch in range(1, 200)],
    )  # fmt: skip


@pytest.fixture
def results():
    """Rows with just the paper's figures; the curves rise in a straight line to the best epoch."""
    rows = [row(setting, loss, cell) for setting, cells in TABLES.items() for loss, cell in cells.items()]
    return Results("vanbeers2019", "paper", "command", {}, rows, {}, 0)


def test_claims_on_rows(results):
    found = {claim.subject: claim for claim in claims(results)}
    verdicts = [claim.verdict for claim in found.values()]
    assert verdicts == ["held", "held", "held", "held", "held", "held", "did not hold"]
    assert "above 0 in 16" in found["IoU of BFCN-32s"].evidence
    assert "p = 0.26" in found["Convergence, epochs to the best validation IoU"].evidence
    # 95 % of a straight line: 0.95 of the epochs, rounded up
    assert results.rows[0].epochs_95 == 87 and results.rows[0].best_epoch == 91
    table = claims_table(list(found.values()))
    assert [cells[1] for cells in table.rows] == verdicts and "d_z = " in table.rows[0][2]


def test_runs_that_were_still_improving_do_not_judge_convergence(results):
    rows = [dataclasses.replace(row, epochs=row.best_epoch + 19, curve=[]) for row in results.rows]
    found = {claim.subject: claim for claim in claims(dataclasses.replace(results, rows=rows))}
    best = found["Convergence, epochs to the best validation IoU"]
    assert best.verdict == "cannot be judged" and "32 of 32 runs were best in their last 20 epochs" in best.evidence
    assert "no learning curves" in found["Convergence, epochs to 95 % of the best validation IoU"].evidence


def test_a_smoke_test_judges_no_claim_and_one_setting_none(results):
    assert claims(dataclasses.replace(results, scale="smoke")) == []
    one = claims(dataclasses.replace(results, rows=results.rows[:2]))
    assert {claim.verdict for claim in one} == {"cannot be judged"}


def test_the_papers_figures_through_the_statistics():
    iou, accuracy, epochs = (test["computed"] for test in paper_tests_json(RECIPES["vanbeers2019"])["tests"])
    assert float(f"{iou['p']:.1e}") == CLAIMS["iou p"] and iou["error reduction"] == approx(0.175, abs=5e-4)
    assert (round(accuracy["p"], 2), round(epochs["p"], 3)) == (CLAIMS["accuracy p"], CLAIMS["epochs p"])
    rahman = {test["name"]: test for test in paper_tests_json(RECIPES["rahman2016"])["tests"]}
    assert [test["computed"]["n"] for test in rahman.values()] == [6, 20, 5, 5]
    table_3 = rahman["table 3, VOC 2011 validation"]
    # 67.16 and 66.16 are the means of the 20 figures; the column says 63.82 and 63.18
    assert table_3["computed"]["mean first"] == approx(0.6716, abs=1e-4)
    assert table_3["printed"]["mean iou"] == approx(PRINTED_MEANS["iou"] / 100)
