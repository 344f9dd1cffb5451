"""Whether results lie in the ranges that the recipe expects."""

from dataclasses import dataclass

from kseg.errors import UsageError
from kseg.lab.recipe import Expected, Recipe
from kseg.lab.results.figures import FIGURES
from kseg.lab.results.rows import Results, figure_of


@dataclass(frozen=True)
class Verdict:
    """An expected range, and the measured mean over the seeds."""

    expected: Expected
    measured: float | None
    """None: not run"""

    @property
    def good(self) -> bool:
        return self.measured is not None and self.expected.low <= self.measured <= self.expected.high

    def __str__(self) -> str:
        expected = self.expected
        measured = "not run" if self.measured is None else f"{self.measured:.4f}"
        mark = "ok  " if self.good else "FAIL"
        name = f"{expected.condition}, {FIGURES[expected.figure]}"
        return f"{mark} {name}: {measured}, expected {expected.low:g} to {expected.high:g}"


def verify(results: Results, recipe: Recipe, *, only: str | None = None) -> list[Verdict]:
    """A verdict for each range of the results' scale; with `only`, for the settings that have these tags.

    Raises:
      UsageError: the recipe has no range there, so that nothing can be verified.
    """
    words = {word.strip() for word in (only or "").split(",") if word.strip()}
    ranges = [
        entry for entry in recipe.expected if entry.scale == results.scale and words <= set(entry.condition.words)
    ]
    if not ranges:
        raise UsageError(
            f"recipe {recipe.name} expects nothing of scale {results.scale}{f' and {only}' if only else ''}; "
            f"it has ranges for: {', '.join(sorted({entry.scale for entry in recipe.expected})) or 'no scale'}"
        )
    return [Verdict(entry, _measured(results, entry)) for entry in ranges]


def _measured(results: Results, entry: Expected) -> float | None:
    rows = [row for row in results.rows if row.condition == entry.condition]
    return figure_of(rows, entry.figure) if rows else None
