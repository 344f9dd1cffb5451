"""Tables as text: characters that Markdown and LaTeX take for commands are escaped."""

import re
from pathlib import Path

import pytest

from kseg.lab.recipe import RECIPES
from kseg.lab.results.stored import load_results
from kseg.lab.tables.table import Table


def test_tables_in_latex_are_escaped():
    table = Table("A_b", ["x & y", "100 %"], [["a_b", "1 ± 2"]], frozenset({(0, 1)}), "IoU – #1")
    text = table.latex()
    assert r"a\_b & \textbf{1 $\pm$ 2} \\" in text and r"x \& y & 100 \%" in text and r"\#1" in text
    assert "| a_b | **1 ± 2** |" in table.markdown()
    strange = Table("T", ["what LaTeX reads", "what it lacks"], [["$x^2$ ~ {a\\b} | <c>", "≥ ≤ ρ “q” − × …"]])
    assert (
        r"\$x\textasciicircum{}2\$ \textasciitilde{} \{a\textbackslash{}b\} \textbar{} $<$c$>$ & "
        r"$\geq$ $\leq$ $\rho$ ``q'' $-$ $\times$ \ldots{} \\"
    ) in strange.latex()


@pytest.mark.parametrize("recipe", ["vanbeers2019", "rahman2016", "amadi", "loss_study"])
def test_every_letter_of_the_committed_tables_is_one_that_latex_has(recipe):
    results = load_results(Path(__file__).parents[2] / "results" / recipe / "results.json")
    text = "".join(table.latex() for table in RECIPES[recipe].show(results).tables)
    assert set(re.findall(r"[^\x00-\x7f]", text)) <= set("äöüéó")
    assert ("p{" in text) == bool(RECIPES[recipe].claims)


def test_cells_do_not_break_out_of_a_markdown_table():
    table = Table("T", ["a|b", "loss"], [["x|y", "0.5*iou + 2*bce"]], frozenset({(0, 1)}), "of 2*iou")
    assert table.markdown().splitlines() == [
        r"| a\|b | loss |", "|---|---|", r"| x\|y | **0.5\*iou + 2\*bce** |", "", r"*of 2\*iou*",
    ]  # fmt: skip


def test_sentences_are_broken_into_lines_in_latex():
    table = Table(
        "T", ["claim", "verdict", "here", "p"], [["short", "held", "a " * 30, "0.1"], ["b " * 30, "", "", ""]]
    )
    assert r"\begin{tabular}{p{0.35\linewidth}rp{0.35\linewidth}r}" in table.latex()
    assert r"\begin{tabular}{lr}" in Table("T", ["a", "b"], [["c", "1"]]).latex()
