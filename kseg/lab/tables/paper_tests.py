"""The papers' own figures put through our statistics, beside the statistics that the papers print."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kseg.atomic import write_json, write_text
from kseg.errors import UsageError
from kseg.lab.recipe import PaperTest, Recipe
from kseg.lab.results.figures import LOWER_IS_BETTER
from kseg.lab.statistics.paired_tests import compare, mean_error_reduction, total_error_reduction
from kseg.lab.statistics.pairs import Pairs
from kseg.lab.tables.table import Table, markdown_of
from kseg.lab.tables.tests import tests_table
from kseg.wording import DASH


def paper_tests_table(recipe: Recipe) -> Table:
    """A row per test, with the paper's printed statistics in the last column."""
    assert recipe.versus is not None
    tests = _tests(recipe)
    pairs = [
        Pairs(test.name, list(test.first.values()), list(test.baseline.values()), test.figure in LOWER_IS_BETTER)
        for test in tests
    ]
    first, baseline = recipe.versus
    extra = {
        f"mean {first}": [_mean(test, test.first) for test in pairs],
        f"mean {baseline}": [_mean(test, test.baseline) for test in pairs],
        "error less by": [
            DASH if test.epochs else f"{100 * total_error_reduction(test.first, test.baseline):.1f} %" for test in pairs
        ],
        "the paper prints": [
            ", ".join(f"{name} {_printed(name, value)}" for name, value in test.printed.items()) or DASH
            for test in tests
        ],
    }
    caption = (
        f"{first} minus {baseline}, the paper's figures; p of the paired t-test, Holm's correction over the rows. "
        "Error less by: 1 − (mean error) / (mean error of the baseline)."
    )
    return tests_table(f"{recipe.name}: the paper's own figures", "table", pairs, caption, extra)


def paper_tests_json(recipe: Recipe) -> dict[str, Any]:
    """The figures, our statistics of them, and those that the paper prints."""
    return {
        "recipe": recipe.name,
        "command": f"kseg lab report {recipe.name} --paper",
        "tests": [_numbers(test) for test in _tests(recipe)],
    }


def write_paper_tests(recipe: Recipe, folder: Path) -> list[Path]:
    """paper.json and paper.md; returns the paths."""
    paths = [folder / "paper.json", folder / "paper.md"]
    content = paper_tests_json(recipe)
    write_json(paths[0], content)
    write_text(paths[1], f"`{content['command']}`\n\n{markdown_of([paper_tests_table(recipe)])}")
    return paths


def _tests(recipe: Recipe) -> tuple[PaperTest, ...]:
    if not recipe.paper_tests:
        raise UsageError(f"recipe {recipe.name} has no pairs of figures of a paper; --paper is for those that have")
    return recipe.paper_tests


def _mean(test: Pairs, values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.{1 if test.epochs else 4}f}"


def _numbers(test: PaperTest) -> dict[str, Any]:
    # 1. the tests on the paper's figures
    first, baseline = list(test.first.values()), list(test.baseline.values())
    result = compare(first, baseline)
    numbers = {
        "n": result.n,
        "mean first": sum(first) / len(first),
        "mean baseline": sum(baseline) / len(baseline),
        "difference": result.mean,
        "low": result.interval.low,
        "high": result.interval.high,
        "t": result.t,
        "p": result.p,
        "d_z": result.effect,
        "wilcoxon p": result.wilcoxon,
        "first larger": result.wins,
        "ties": result.ties,
    }
    if test.figure not in LOWER_IS_BETTER:
        numbers["error reduction"] = total_error_reduction(first, baseline)
        numbers["mean error reduction"] = mean_error_reduction(first, baseline)
    # 2. as JSON, beside the paper's statistics
    return {
        "name": test.name,
        "first": dict(test.first),
        "baseline": dict(test.baseline),
        "computed": {name: _rounded(value) for name, value in numbers.items()},
        "printed": dict(test.printed),
    }


def _rounded(value: Any) -> Any:
    """Six digits, on which the arithmetic of all machines agrees."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _printed(name: str, value: float) -> str:
    return f"{100 * value:.1f} %" if name == "error reduction" else f"{value:g}".replace("e-0", "e-")
