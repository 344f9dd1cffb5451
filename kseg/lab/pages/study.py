"""A recipe's report: tables, plots and pictures in one self-contained HTML file, and the same as single files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain, count
from pathlib import Path
from typing import Any

from kseg import __version__
from kseg.atomic import replacing, write_text
from kseg.lab.experiment.jobs import Job
from kseg.lab.pages.side_by_side import CSS as SIDE_BY_SIDE_CSS
from kseg.lab.pages.two_losses import SCATTER
from kseg.lab.recipe import Recipe
from kseg.lab.results.rows import Results
from kseg.lab.shown import Shown
from kseg.lab.statistics.claims import RULES, TITLE, Claim
from kseg.lab.tables.table import Table, markdown_of
from kseg.report import page
from kseg.wording import counted, duration

MOST_ALTERNATIVES = 6

CSS = """
.table { margin-bottom: 1rem; }
.table p { margin-top: .5rem; }
.table td:not(:first-child) { white-space: nowrap; }
.table th:first-child, .table td:first-child { position: sticky; left: 0; background: var(--card);
  padding-right: .6rem; }
#plots .card { max-width: 40rem; }
.hero dl:only-child { grid-column: 1 / -1; }
.claim { display: grid; grid-template-columns: 9rem 1fr; gap: .2rem 1rem; padding: .7rem 0;
  border-bottom: 1px solid var(--line); }
.claim:last-of-type { border-bottom: 0; }
.claim b { grid-row: span 3; align-self: start; justify-self: start; padding: .1rem .6rem; border-radius: 99px;
  border: 1px solid currentColor; font-size: .82rem; white-space: nowrap; }
.claim .held { color: #008a64; } .claim .not { color: #c4500a; } .claim .open { color: var(--soft); }
.claim p { overflow-wrap: anywhere; }
@media (max-width: 640px) { .claim { grid-template-columns: 1fr; } }
"""
BADGES = {"held": "held", "did not hold": "not", "cannot be judged": "open"}


@dataclass(frozen=True)
class Report:
    """Some results and what is to be shown of them, not yet written."""

    results: Results
    recipe: Recipe
    shown: Shown


def make_report(results: Results, recipe: Recipe, jobs: Sequence[Job] = ()) -> Report:
    """`jobs`: of the recipe; empty where only the rows are at hand, and pictures cannot be had."""
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
        # Titles that differ in other letters alone, such as of the classes "b/c" and "b c", have files of their own.
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
    plots = [plot for plot in shown.plots if not (shown.images and plot.title.startswith(SCATTER))]
    sections = [
        ("claims", TITLE, _claims(shown.claims) if shown.claims else ""),
        ("tables", "Tables", "".join(_table(table) for table in shown.tables if table.title != TITLE)),
        ("plots", "Plots", page.plots(plots)),
        ("images", "Same images, two losses", shown.images),
        ("settings", "Settings", _settings(report)),
    ]
    tiles = [
        ("jobs complete", str(len(results.rows))),
        ("failed", str(len(results.failures))),
        ("not run", str(results.missing)),
        ("one job after another", duration(sum(row.seconds for row in results.rows))),
    ]
    title = recipe.title.rstrip(".")
    body = "".join(
        [
            page.heading(title, f"{recipe.name} · scale {results.scale}", None, tiles, kind="kseg lab report"),
            page.navigation([(anchor, text) for anchor, text, content in sections if content]),
            "<main>",
            *(page.section(anchor, text, content) for anchor, text, content in sections if content),
            page.footer(f"Written by kseg {__version__}. One file: keep it, mail it, open it without a network."),
            "</main>",
        ]
    )
    style = CSS + (SIDE_BY_SIDE_CSS if shown.images else "")
    return page.page(f"{recipe.name} · kseg lab", body).replace("</style>", f"{style}</style>", 1)


def _claims(claims: Sequence[Claim]) -> str:
    entries = "".join(
        f'<div class="claim"><b class="{BADGES[claim.verdict]}">{claim.verdict}</b><h3>{escape(claim.subject)}</h3>'
        f"<p>The paper: {escape(claim.said)}.</p><p>Here: {escape(claim.found)}.</p></div>"
        for claim in claims
    )
    return f'<div class="card">{entries}<p>{escape(RULES)}</p></div>'


def _table(table: Table) -> str:
    content = page.table(table.header, table.rows, table.best) + f"<p>{escape(table.caption)}</p>"
    return page.card(table.title, content, kind="table")


def _settings(report: Report) -> str:
    results = report.results
    cards = [
        page.card("Recipe", f"<pre>{escape(report.recipe.text)}</pre>"),
        page.card("Command", page.command(results.command)),
        page.card("Environment", page.pairs({name: _words(value) for name, value in results.environment.items()})),
    ]
    if results.settings:
        shown = {name: _words(value) for name, value in results.settings.items()}
        cards.append(page.card("Configuration, where it is not the default", page.pairs(shown)))
    if results.failures:
        cards.append(page.card("Failed", page.pairs(dict(results.failures))))
    return f'<div class="stack">{"".join(cards)}</div>'


def _words(value: Any) -> Any:
    """What stands behind a name: packages with their versions; alternatives one after the other, of many how many."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, list) and len(value) > MOST_ALTERNATIVES:
        return f"{counted(len(value), 'value')}"
    if isinstance(value, list):
        return " | ".join("unset" if entry is None else str(entry) for entry in value)
    return value
