"""A recipe's report: tables, plots and pictures in one self-contained HTML file, and the same as single files."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from kseg import __version__
from kseg.atomic import replacing, write_text
from kseg.datasets import open_dataset
from kseg.errors import KsegError
from kseg.lab import comparison_plots as plots
from kseg.lab.examples import Example, Point, examples, image_scores, scatter
from kseg.lab.jobs import Job
from kseg.lab.recipe import Recipe
from kseg.lab.report import page
from kseg.lab.report.canvas import Plot
from kseg.lab.report.compose import duration
from kseg.lab.report.pictures import FALSE_NEGATIVE, FALSE_POSITIVE, MIXED_UP
from kseg.lab.rows import Results, Row
from kseg.lab.tables import Table, by_setting, mean_rank, tables_of
from kseg.training.workdir import WorkDir

SHOWN_LOSSES = 5
"""Lines in the plot of sparse foreground, besides BCE."""

CSS = """
.spread { position: relative; aspect-ratio: 1; max-width: 30rem; border: 1px solid var(--line); margin: .4rem 0 .6rem; }
.spread svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.spread span { position: absolute; width: .55rem; height: .55rem; margin: -.275rem; border-radius: 50%;
  background: var(--accent); opacity: .62; }
.spread span:hover, .spread span:focus { opacity: 1; z-index: 3; outline: 2px solid var(--ink); }
.spread span img, .spread span em { display: none; position: absolute; bottom: 1rem; left: -2rem; width: 72px;
  border-radius: 5px; }
.spread span em { bottom: 88px; width: max-content; padding: .1rem .4rem; background: var(--card); color: var(--ink);
  border: 1px solid var(--line); font: .78rem system-ui, sans-serif; }
.spread span:hover img, .spread span:focus img, .spread span:hover em, .spread span:focus em { display: block; }
.table { margin-bottom: 1rem; }
.table p { margin-top: .5rem; }
.table td:not(:first-child) { white-space: nowrap; }
#plots .card { max-width: 40rem; }
.hero dl:only-child { grid-column: 1 / -1; }
.shots .panels { margin-bottom: .8rem; cursor: default; }
"""


@dataclass(frozen=True)
class Report:
    """What is to be shown of some results, drawn but not yet written."""

    results: Results
    recipe: Recipe
    jobs: Sequence[Job]
    """of the recipe; empty where only the rows are at hand, and curves and pictures cannot be had"""
    tables: list[Table]
    plots: list[Plot]


def make_report(results: Results, recipe: Recipe, jobs: Sequence[Job] = ()) -> Report:
    tables = tables_of(results, recipe)
    settings = by_setting(results.rows)
    drawn: list[Plot | None] = []
    if recipe.versus:
        drawn.append(plots.gain_plot(results.rows, recipe.versus))
        for setting, found in settings.items():
            curves = {loss: [_epochs(job) for job in _jobs_of(jobs, setting, loss)] for loss in recipe.versus}
            drawn.append(plots.curves_plot(f"Learning: {' '.join(setting)}", curves if any(curves.values()) else {}))
            scores = {loss: _scores(found[loss]) for loss in recipe.versus if loss in found}
            drawn.append(plots.distribution_plot(f"Images: {' '.join(setting)}", scores))
    elif recipe.paper is None:
        sparse = [setting for setting in settings if setting[0].startswith("portraits")]
        ranked = sorted(
            {row.loss for row in results.rows if "+" not in row.loss}, key=lambda loss: mean_rank(settings, loss)
        )
        shown = list(dict.fromkeys([plots.BASELINE, *ranked[:SHOWN_LOSSES]]))
        drawn.append(plots.sparsity_plot(results.rows, sparse, shown))
        drawn += [plots.losses_plot(setting, found) for setting, found in settings.items()]
    return Report(results, recipe, jobs, tables, [plot for plot in drawn if plot is not None])


def write_report(report: Report, folder: Path) -> list[Path]:
    """report.html, results.json, tables.md, tables.tex, and every plot as SVG and PNG; returns the paths."""
    paths = [folder / "results.json", folder / "tables.md", folder / "tables.tex", folder / "report.html"]
    report.results.save(paths[0])
    write_text(paths[1], markdown(report))
    write_text(paths[2], "\n\n".join(table.latex() for table in report.tables) + "\n")
    write_text(paths[3], html(report))
    for plot in report.plots:
        name = re.sub(r"[^a-z0-9]+", "-", plot.title.lower()).strip("-")
        svg = plot.svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
        write_text(folder / f"{name}.svg", plot.svg if "xmlns=" in plot.svg[:400] else svg)
        with replacing(folder / f"{name}.png") as temporary:
            temporary.write_bytes(plot.png)
        paths += [folder / f"{name}.svg", folder / f"{name}.png"]
    return paths


def markdown(report: Report) -> str:
    """The tables as a README shows them."""
    return "\n\n".join(f"**{table.title}**\n\n{table.markdown()}" for table in report.tables) + "\n"


def html(report: Report) -> str:
    results, recipe = report.results, report.recipe
    sections = [
        ("tables", "Tables", "".join(map(_table, report.tables))),
        ("plots", "Plots", page.plots(report.plots)),
        ("images", "Same images, two losses", _images(report)),
        ("settings", "Settings", _settings(report)),
    ]
    tiles = [
        ("jobs complete", str(len(results.rows))),
        ("failed", str(len(results.failures))),
        ("not run", str(results.missing)),
        ("all jobs one after another", duration(sum(row.seconds for row in results.rows))),
    ]
    body = "".join(
        [
            page.heading(recipe.title, f"{recipe.name} · scale {results.scale}", None, tiles, kind="kseg lab report"),
            page.navigation([(anchor, text) for anchor, text, content in sections if content]),
            "<main>",
            *(page.section(anchor, text, content) for anchor, text, content in sections if content),
            page.footer(f"Written by kseg {__version__}. One file: keep it, mail it, open it without a network."),
            "</main>",
        ]
    )
    return page.page(f"{recipe.name} · kseg lab", body).replace("</style>", f"{CSS}</style>", 1)


def _table(table: Table) -> str:
    content = page.table(table.header, table.rows, table.best) + f"<p>{escape(table.caption)}</p>"
    return page.card(table.title, content, kind="table")


def _images(report: Report) -> str:
    """For every setting that both losses were run in: the scatter, and images side by side."""
    if not report.recipe.versus:
        return ""
    first, baseline = report.recipe.versus
    parts = []
    for setting, found in by_setting(report.results.rows).items():
        jobs = {loss: job for loss in (first, baseline) for job in _jobs_of(report.jobs, setting, loss)[:1]}
        if len(jobs) < 2 or first not in found or baseline not in found:
            continue
        try:
            dataset = open_dataset(jobs[first].config.data)
            points = scatter(dataset, found[first], found[baseline])
            pictures = examples(dataset, jobs, found[first], found[baseline])
        except KsegError as error:
            parts.append(page.card(" ".join(setting), page.note(f"No pictures: {error}")))
            continue
        parts.append(page.card(" ".join(setting), spread(points, first, baseline), "".join(map(_pictures, pictures))))
    several = any(len(row.matrix) > 2 for row in report.results.rows)
    mixed_up = [("another class", MIXED_UP)] if several else []
    legend = "".join(
        f'<span><i style="background:rgb({",".join(map(str, colour))})"></i>{text}</span>'
        for text, colour in (("too much", FALSE_POSITIVE), ("missed", FALSE_NEGATIVE), *mixed_up)
    )
    order = (
        f"First the images that scored lowest, then those where {escape(first)} or {escape(baseline)} is most ahead."
    )
    return f'<p>{order}</p><p class="legend">{legend}</p><div class="shots">{"".join(parts)}</div>' if parts else ""


def spread(points: Sequence[Point], first: str, baseline: str) -> str:
    """IoU of every image under one loss against the other; the image shows up behind its point."""
    ahead = sum(point.first > point.baseline for point in points)
    dots = "".join(
        f'<span tabindex="0" style="left:{100 * point.baseline:.1f}%;bottom:{100 * point.first:.1f}%">'
        f'<img src="{point.thumbnail}" alt="{escape(point.id)}" loading="lazy">'
        f"<em>{escape(point.id)}: {point.first:.3f} | {point.baseline:.3f}</em></span>"
        for point in points
    )
    diagonal = (
        '<svg viewBox="0 0 100 100" aria-hidden="true"><path d="M0 100L100 0" stroke="currentColor" '
        'stroke-width=".4" stroke-dasharray="2 2" opacity=".5"></path></svg>'
    )
    return (
        f"<p>IoU of each test image, 0 to 1: {escape(first)} upwards, {escape(baseline)} to the right. Above the "
        f"diagonal {escape(first)} is ahead: {ahead} of {len(points)} images. Point at one to see it.</p>"
        f'<div class="spread">{diagonal}{dots}</div>'
    )


def _pictures(example: Example) -> str:
    height, width = example.size
    panels = "".join(
        f'<figure><img src="{url}" width="{width}" height="{height}" alt="{escape(f"{name} of {example.id}")}">'
        f"<figcaption>{escape(name)}{f' {example.scores[name]:.3f}' if name in example.scores else ''}</figcaption>"
        "</figure>"
        for name, url in example.panels.items()
    )
    return f'<p class="soft">{escape(example.id)}</p><div class="panels">{panels}</div>'


def _settings(report: Report) -> str:
    results = report.results
    environment = {
        name: ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        for name, value in results.environment.items()
    }
    cards = [
        page.card("Recipe", f"<pre>{escape(report.recipe.text)}</pre>"),
        page.card("Command", page.command(results.command)),
        page.card("Environment", page.pairs(environment)),
    ]
    if results.failures:
        cards.append(page.card("Failed", page.pairs(dict(results.failures))))
    return f'<div class="stack">{"".join(cards)}</div>'


def _jobs_of(jobs: Sequence[Job], setting: tuple[str, ...], loss: str) -> list[Job]:
    return [job for job in jobs if job.tags == (*setting, loss) and job.state == "complete"]


def _epochs(job: Job) -> list[dict]:
    return [json.loads(line) for line in WorkDir(job.path).journal.read_text().splitlines()]


def _scores(rows: Sequence[Row]) -> list[float]:
    return [float(value) for value in image_scores(rows) if value == value]
