"""The page of a loss holds what its docstring and the study of losses say, and nothing else."""

from pathlib import Path

import pytest

from kseg.lab.pages.loss_page import loss_page, overview_table
from kseg.lab.results.rows import Results
from kseg.lab.results.stored import load_results
from kseg.losses import LOSSES
from kseg.losses.catalogue import catalogue, facts

STUDY = load_results(Path(__file__).parents[2] / "results" / "loss_study" / "results.json")


def page_of(name: str, study: Results = STUDY) -> str:
    return loss_page(facts(LOSSES[name]), study, picture=f"{name}.png", study_page="../results/loss_study/README.md")


@pytest.mark.parametrize("name", LOSSES)
def test_a_page_says_all_that_the_docstring_says(name):
    entry, page = facts(LOSSES[name]), page_of(name)
    for part in (entry.summary, entry.formula, entry.example, entry.pitfalls, entry.empty_truth, entry.source):
        assert part and part in page
    for option, default in entry.options.items():
        assert f"| `{option}` | `{default!r}` |" in page


def test_the_evidence_is_the_loss_alone_and_beside_cross_entropy():
    page = page_of("iou")
    assert "| iou | 24.0 |" in page and "| bce+iou | 7.6 |" in page
    assert "| bce+iou | 11 | +0.0727 |" in page  # against bce, a pair for every data set and seed
    assert "| dice |" not in page and "| bce+dice |" not in page


def test_bold_stays_where_the_best_of_all_losses_is():
    assert "**0.699 [0.687, 0.710]**" in page_of("jaccard_distance")
    assert "**0." not in page_of("tversky")


def test_a_loss_that_was_not_studied_says_so():
    without = Results(**{**vars(STUDY), "rows": [row for row in STUDY.rows if "iou" not in row.loss]})
    assert "has no run with `iou`" in page_of("iou", without)


def test_the_overview_links_every_loss():
    table = overview_table(catalogue())
    assert all(f"](losses/{name}.md)" in table for name in LOSSES)
