"""`kseg lab report` and `kseg lab verify`: tables, plots and checks of a recipe's results."""

import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kseg.cli.lab_selection import USUAL, Selection
from kseg.errors import UsageError

MOST_LISTED = 5
"""Failures that a sentence lists; the others are counted."""


@dataclass(frozen=True)
class Report(Selection):
    """Write a recipe's tables, plots and HTML report from the jobs that are complete.

    Example: kseg lab report vanbeers2019 --only lfw --out results/vanbeers2019
    """

    out: Path | None = None
    """folder for report.html, results.json, tables and plots (unset: ROOT/RECIPE/report)"""
    results: Path | None = None
    """make them from this results.json of the recipe instead of jobs (without pictures)"""
    markdown: bool = False
    """print the tables as Markdown and write nothing; without jobs under ROOT, those of results/RECIPE/results.json"""
    processes: int | None = None
    """--processes of `kseg lab run`, for the command in the report: with more of them each job has fewer threads
    (unset: left out)"""
    paper: bool = False
    """the paper's own figures through the same statistics: paper.json and paper.md in OUT (unset: results/RECIPE)"""

    def run(self) -> int:
        from kseg.lab.pages.study import markdown, write_report
        from kseg.lab.recipe import RECIPES
        from kseg.lab.tables.paper_tests import paper_tests_table, write_paper_tests
        from kseg.lab.tables.table import markdown_of

        recipe = RECIPES[self.recipe]
        if self.paper:
            if self.markdown:
                print(markdown_of([paper_tests_table(recipe)]), end="")
            else:
                self._print(write_paper_tests(recipe, self.out or Path("results") / recipe.name))
            return 0
        report = self._report()
        if self.markdown:
            print(markdown(report), end="")
        else:
            self._print(write_report(report, self.out or self.root / recipe.name / "report"))
        return 0

    def _report(self):
        from kseg.lab.pages.study import make_report
        from kseg.lab.recipe import RECIPES
        from kseg.lab.results.collect import collect

        recipe, path = RECIPES[self.recipe], self.results
        committed = Path("results") / recipe.name / "results.json"
        if path is None and self.markdown and not (self.root / recipe.name).exists() and committed.exists():
            print(f"kseg: no jobs in {self.root / recipe.name}; the tables are of {committed}", file=sys.stderr)
            path = committed
        if path is not None:
            return make_report(self.stored(path), recipe)
        jobs = self.jobs()
        results = collect(
            jobs,
            recipe=recipe.name,
            scale=self.scale or USUAL,
            command=self.command,
            known=self.rows_known(jobs),
        )
        if results.failures and not results.rows:
            raise UsageError(
                f"no job of {recipe.name} at scale {results.scale} is complete and {len(results.failures)} failed, "
                f"{_listed(results.failures)}; remove the cause and run them again with `kseg lab run --retry`"
            )
        return make_report(results, recipe, jobs)

    @staticmethod
    def _print(paths: Iterable[Path]) -> None:
        for path in paths:
            print(path)

    @property
    def command(self) -> str:
        """The command that made the results, without this machine's folders."""
        words = ["kseg", "lab", "run", self.recipe, "--scale", self.scale or USUAL]
        words += ["--only", self.only] if self.only else []
        words += ["--seeds", str(self.seeds)] if self.seeds else []
        words += ["--processes", str(self.processes)] if self.processes else []
        words += ["--weights", *map(_without_folder, self.weights)] if self.weights else []
        return shlex.join(words)


@dataclass(frozen=True)
class Verify(Selection):
    """Check results against the ranges that the recipe expects; exit code 1 if one is outside or was not run.

    Example: kseg lab verify vanbeers2019 --only lfw
    """

    results: Path | None = None
    """a results.json of the recipe instead of jobs"""

    def run(self) -> int:
        from kseg.lab.recipe import RECIPES
        from kseg.lab.results.collect import collect
        from kseg.lab.verify import verify

        recipe = RECIPES[self.recipe]
        if self.results is not None:
            results = self.stored(self.results)
        else:
            jobs, scale = self.jobs(), self.scale or USUAL
            results = collect(jobs, recipe=recipe.name, scale=scale, command="", known=self.rows_known(jobs))
        verdicts = verify(results, recipe, only=self.only)
        for verdict in verdicts:
            print(verdict)
        return 0 if all(verdict.good for verdict in verdicts) else 1


def _listed(failures: Mapping[str, str]) -> str:
    """The first failures with their sentences."""
    sentences = [f"{name}: {sentence}" for name, sentence in failures.items()]
    more = [f"and {len(sentences) - MOST_LISTED} more"] if len(sentences) > MOST_LISTED else []
    return "; ".join([*sentences[:MOST_LISTED], *more])


def _without_folder(weights: str) -> str:
    """`mobilenetv2=/home/me/w.h5` as `mobilenetv2=w.h5`: the name leads to the file, the folder is this machine's."""
    encoder, equals, file = weights.rpartition("=")
    return f"{encoder}{equals}{Path(file).name}"
