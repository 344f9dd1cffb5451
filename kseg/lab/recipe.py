"""Recipes: settings built from the typed configuration, each run with several seeds."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kseg.errors import UsageError
from kseg.lab.experiment.condition import Condition, Factor
from kseg.lab.experiment.setting import Places, Scale, Setting
from kseg.registry import Registry

if TYPE_CHECKING:
    from kseg.lab.experiment.jobs import Job
    from kseg.lab.results.rows import Results
    from kseg.lab.shown import Shown
    from kseg.lab.statistics.claims import Claim
    from kseg.lab.tables.table import Table
    from kseg.report.canvas import Plot


@dataclass(frozen=True)
class Expected:
    """A range in which the mean over the seeds of a setting has to lie; `kseg lab verify` checks it."""

    scale: Scale
    condition: Condition
    low: float
    high: float
    figure: str = "iou"


@dataclass(frozen=True)
class PaperTest:
    """Figures of a paper under the loss in question and under the baseline, to put through the statistics."""

    name: str
    """"table 1: VOC 2010, validation" """
    first: Mapping[str, float]
    """row of the table → figure"""
    baseline: Mapping[str, float]
    figure: str = "iou"
    printed: Mapping[str, float] = field(default_factory=dict)
    """the paper's own statistics of these figures: "p", "error reduction", "mean" …"""


@dataclass(frozen=True)
class Recipe:
    """A registered recipe. `kseg lab list` shows the docstring of its module."""

    name: str
    settings: Callable[[Scale, Places], list[Setting]]
    shown_as: "Callable[[Recipe, Results, Sequence[Job]], Shown]"
    """makes the page of its results: `two_losses`, `many_losses`, or a function of its own"""
    factors: tuple[Factor, ...] = ("dataset",)
    """the words that name its conditions, besides the loss"""
    scales: tuple[Scale, ...] = ("smoke", "cpu")
    figures: tuple[str, ...] = ("iou",)
    """figures of its tables: keys of `FIGURES`"""
    versus: tuple[str, str] | None = None
    """two losses to compare in every setting: the one in question, and the baseline"""
    paper: Callable[[Condition], Mapping[str, float]] | None = None
    """the paper's figures under a condition; {} where it has no figure"""
    tables: "Callable[[Results, Recipe], list[Table]] | None" = None
    """the paper's own tables, instead of a table per figure"""
    captions: Mapping[Any, str] = field(default_factory=dict)
    """scale → its deviations from the paper, under every table"""
    remark: "Callable[[Results], str] | None" = None
    """deviations of the runs at hand beyond their scale: a sentence behind the caption, or an empty one"""
    beside: "Callable[[Results], list[Table]] | None" = None
    """tables of the conditions in which a single thing is changed; tests over settings and claims leave these
    conditions out, because they would count their cell twice"""
    figures_of_paper: "Callable[[Sequence[Job], Results], list[Plot]] | None" = None
    """the paper's figures drawn anew, from jobs that left their masks behind"""
    expected: tuple[Expected, ...] = ()
    claims: "Callable[[Results], list[Claim]] | None" = None
    """the paper's claims judged by our results"""
    paper_tests: tuple[PaperTest, ...] = ()
    """the paper's own pairs; `kseg lab report NAME --paper` puts them through the statistics"""

    @property
    def text(self) -> str:
        return inspect.getdoc(inspect.getmodule(self.settings)) or ""

    @property
    def title(self) -> str:
        return self.text.splitlines()[0]

    def show(self, results: "Results", jobs: "Sequence[Job]" = ()) -> "Shown":
        """Tables, claims, plots and images of results; images need the jobs.

        Raises: UsageError where nothing is complete.
        """
        if not results.rows:
            raise UsageError(
                f"no job of {self.name} at scale {results.scale} is complete; run `kseg lab run` first, "
                "or name the same --root and --weights as there: they lead to the directories of the jobs"
            )
        return self.shown_as(self, results, jobs)

    def at(self, scale: Scale, places: Places) -> list[Setting]:
        """The settings of a scale."""
        if scale not in self.scales:
            raise UsageError(f"recipe {self.name} has no scale {scale!r}; it has {', '.join(self.scales)}")
        return self.settings(scale, places)


RECIPES: Registry[Recipe] = Registry("recipe", "kseg.lab.recipes")
