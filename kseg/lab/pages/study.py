"""A recipe's report: tables, plots and pictures in one self-contained HTML file, and the same as single files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from kseg import __version__
from kseg.atomic import replacing, write_text
from kseg.lab.experiment.jobs import Job
from kseg.lab.pages.two_losses import SCATTER
from kseg.lab.recipe import Recipe
from kseg.lab.results.rows import Results
from kseg.lab.shown import Shown
from kseg.lab.statistics.claims import RULES, TITLE
from kseg.lab.tables.table import markdown_of
from kseg.report.page import render
from kseg.wording import counted, duration

MOST_ALTERNATIVES = 6

BADGES = {"held": "held", "did not hold": "not", "cannot be judged": "open"}
"""Verdict → class of the style sheet."""


@dataclass(frozen=True)
class Report:
    """Results, and the parts of them to show."""

    results: Results
    recipe: Recipe
    shown: Shown


def make_report(results: Results, recipe: Recipe, jobs: Sequence[Job] = ()) -> Report:
    """The report of results; `jobs` are needed for pictures, and empty where only rows are at hand."""
    return Report(results, recipe, recipe.show(results, jobs))


def write_report(report: Report, folder: Path) -> list[Path]:
    """report.html, results.json, tables.md, tables.tex, and every plot as SVG and PNG; returns the paths."""
    paths = [folder / "results.json", folder / "tables.md", folder / "tables.tex", folder / "report.html"]
    report.results.save(paths[0])
    write_text(paths[1], markdown(report))
    write_text(paths[2], "\n\n".join(table.latex() for table in report.shown.tables) + "\n")
    write_text(paths[3], html(report))
    taken: set[str] = set()
    for plot in report.shown.plots:
        stem = re.sub(r"[^a-z0-9]+", "-", plot.title.lower()).strip("-") or "plot"
        # Titles that differ only in other letters, such as of the classes "b/c" and "b c", get different files.
        numbered = (f"{stem}-{number}" for number in count(2))
        name = next(name for name in chain((stem,), numbered) if name not in taken)
        taken.add(name)
        svg = plot.svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
        write_text(folder / f"{name}.svg", plot.svg if "xmlns=" in plot.svg[:400] else svg)
        with replacing(folder / f"{name}.png") as temporary:
            temporary.write_bytes(plot.png)
        paths += [folder / f"{name}.svg", folder / f"{name}.png"]
    return paths


def markdown(report: Report) -> str:
    """The tables as a README shows them."""
    return markdown_of(report.shown.tables)


def html(report: Report) -> str:
    results, recipe, shown = report.results, report.recipe, report.shown
    # 1. tables, plots, tiles and sections
    tables = [table for table in shown.tables if table.title != TITLE]  # the table of claims has its own section
    plots = [plot for plot in shown.plots if not (shown.images and plot.title.startswith(SCATTER))]
    tiles = [
        ("jobs complete", str(len(results.rows))),
        ("failed", str(len(results.failures))),
        ("not run", str(results.missing)),
        ("one job after another", duration(sum(row.seconds for row in results.rows))),
    ]
    sections = [
        ("claims", TITLE, shown.claims),
        ("tables", "Tables", tables),
        ("plots", "Plots", True),
        ("images", "Same images, two losses", shown.images),
        ("settings", "Settings", True),
    ]
    # 2. the page
    return render(
        "study.html",
        "kseg.lab.pages",
        name=recipe.name,
        title=recipe.title.rstrip("."),
        path=f"{recipe.name} · scale {results.scale}",
        tiles=tiles,
        links=[(anchor, text) for anchor, text, content in sections if content],
        claims=shown.claims,
        claims_title=TITLE,
        badges=BADGES,
        rules=RULES,
        tables=tables,
        plots=plots,
        images=shown.images,
        recipe_text=recipe.text,
        command=results.command,
        settings=_settings(results),
        version=__version__,
    )


def _settings(results: Results) -> dict[str, dict[str, Any]]:
    """Heading → names and values, without empty groups."""
    groups = {
        "Environment": {name: _words(value) for name, value in results.environment.items()},
        "Configuration, where it is not the default": {name: _words(value) for name, value in results.settings.items()},
        "Failed": dict(results.failures),
    }
    return {heading: values for heading, values in groups.items() if values or heading == "Environment"}


def _words(value: Any) -> Any:
    """A value for a person: packages with their versions, a few alternatives in a row, many alternatives as a count."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, list) and len(value) > MOST_ALTERNATIVES:
        return f"{counted(len(value), 'value')}"
    if isinstance(value, list):
        return " | ".join("unset" if entry is None else str(entry) for entry in value)
    return value
