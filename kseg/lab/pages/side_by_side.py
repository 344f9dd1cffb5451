"""The same test images under two losses, as HTML: the scatter of their IoU with the images behind it, and pictures."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from kseg.datasets import open_dataset
from kseg.errors import KsegError
from kseg.lab.comparison_plots import axis_from
from kseg.lab.comparisons import paired_rows
from kseg.lab.examples import Example, Point, examples, scatter
from kseg.lab.jobs import Job
from kseg.lab.report import page
from kseg.lab.report.pictures import FALSE_NEGATIVE, FALSE_POSITIVE, MIXED_UP
from kseg.lab.rows import Row

CSS = """
.spread { position: relative; aspect-ratio: 1; max-width: 30rem; border: 1px solid var(--line);
  margin: 1rem 0 3.2rem 3.2rem; }
.spread svg { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; }
.spread > b, .spread > small { position: absolute; color: var(--soft); font: .78rem/1 system-ui, sans-serif; }
.spread > b { font-weight: 550; white-space: nowrap; }
.spread > .across { bottom: -2.5rem; left: 50%; transform: translateX(-50%); }
.spread > .up { left: -2.7rem; top: 50%; transform: translate(-50%, -50%) rotate(-90deg); }
.spread > small.x { bottom: -1.2rem; transform: translateX(-50%); }
.spread > small.y { left: -.5rem; transform: translate(-100%, 50%); }
.spread i { position: absolute; width: .55rem; height: .55rem; margin: -.275rem; border-radius: 50%;
  background: var(--accent); opacity: .62; }
.spread i:hover, .spread i:focus { opacity: 1; z-index: 3; outline: 2px solid var(--ink); }
.spread i em, .spread i u { display: none; position: absolute; bottom: 1rem; left: -2.5rem; }
.spread i.right em, .spread i.right u { left: auto; right: -1rem; }
.spread i u { width: 96px; height: 96px; border-radius: 5px; background: center / contain no-repeat var(--card); }
.spread i em { bottom: calc(1.3rem + 96px); width: max-content; padding: .1rem .4rem; background: var(--card);
  color: var(--ink); border: 1px solid var(--line); font: .78rem system-ui, sans-serif; }
.spread i:hover em, .spread i:focus em, .spread i:hover u, .spread i:focus u { display: block; }
.shots .panels { margin-bottom: .8rem; cursor: default; }
.shots > .card { min-width: 0; }
"""
LEGEND = (("too much", FALSE_POSITIVE), ("missed", FALSE_NEGATIVE))


def side_by_side(rows: Sequence[Row], jobs: Sequence[Job], versus: tuple[str, str]) -> str:
    """A card for every setting that both losses were run in; empty where there are no jobs to take masks from."""
    first, baseline = versus
    thumbnails: dict[str, str] = {}
    parts = []
    for setting, sides in paired_rows(rows, versus)[0].items():
        of_setting = {
            loss: job
            for loss, side in zip(versus, sides, strict=True)
            for job in complete_jobs(jobs, setting, loss, side[0].seed)
        }
        if len(of_setting) < 2:
            continue
        try:
            dataset = open_dataset(of_setting[first].config.data)
            points = scatter(dataset, *sides)
            pictures = examples(dataset, of_setting, *sides)
        except KsegError as error:
            parts.append(page.card(" ".join(setting), page.note(f"No pictures: {error}")))
            continue
        drawn = spread(points, versus, thumbnails)
        seeds = {loss: job.seed for loss, job in of_setting.items()}
        parts.append(page.card(" ".join(setting), drawn, "".join(_pictures(example, seeds) for example in pictures)))
    if not parts:
        return ""
    mixed_up = [("another class", MIXED_UP)] if any(len(row.matrix) > 2 for row in rows) else []
    legend = "".join(
        f'<span><i style="background:rgb({",".join(map(str, colour))})"></i>{text}</span>'
        for text, colour in (*LEGEND, *mixed_up)
    )
    order = (
        f"Every dot is a test image; point at it to see it. Below, the images that scored lowest, then those where "
        f"{escape(first)} or {escape(baseline)} is most ahead, then those in the middle. Dots and choice go by the "
        "mean over the seeds; masks and the numbers under them are of the seed that is named there."
    )
    style = "".join(f".{name} u{{background-image:url({url})}}" for url, name in thumbnails.items())
    return (
        f'<style>{style}</style><p class="soft">{order}</p><p class="legend">{legend}</p>'
        f'<div class="shots">{"".join(parts)}</div>'
    )


def complete_jobs(jobs: Sequence[Job], setting: tuple[str, ...], loss: str, seed: int) -> list[Job]:
    return [job for job in jobs if (job.tags, job.seed) == ((*setting, loss), seed) and job.state == "complete"]


def spread(points: Sequence[Point], versus: tuple[str, str], thumbnails: dict[str, str]) -> str:
    """IoU of every image under one loss against the other; the image shows up behind its point.

    Args:
      thumbnails: data URL → class of the style sheet that shows it; filled here, so that an image which several
        settings share is in the page once.
    """
    first, baseline = versus
    low = axis_from([value for point in points for value in (point.first, point.baseline)])
    ahead = sum(point.first > point.baseline for point in points)
    dots = "".join(_dot(point, low, thumbnails) for point in points)
    step = 0.1 if low >= 0.4 else 0.2
    ticks = [1 - step * i for i in range(math.floor((1 - low) / step + 0.01) + 1)]
    places = [(100 * (value - low) / (1 - low), value) for value in ticks]
    labels = "".join(
        f'<small class="x" style="left:{place:.4g}%">{value:.1f}</small>'
        f'<small class="y" style="bottom:{place:.4g}%">{value:.1f}</small>'
        for place, value in places
    )
    lines = "".join(f"M{place:.4g} 0V100M0 {100 - place:.4g}H100" for place, _ in places)
    grid = (
        '<svg viewBox="0 0 100 100" aria-hidden="true" fill="none" stroke="currentColor">'
        f'<path d="{lines}" stroke-width=".2" opacity=".2"></path>'
        '<path d="M0 100L100 0" stroke-width=".4" stroke-dasharray="2 2" opacity=".5"></path></svg>'
    )
    return (
        f"<p>{escape(first)} is ahead in {ahead} of {len(points)} images, those above the diagonal.</p>"
        f'<div class="spread">{grid}{labels}<b class="up">IoU with {escape(first)}</b>'
        f'<b class="across">IoU with {escape(baseline)}</b>{dots}</div>'
    )


def _dot(point: Point, low: float, thumbnails: dict[str, str]) -> str:
    across, up = (100 * (value - low) / (1 - low) for value in (point.baseline, point.first))
    name = thumbnails.setdefault(point.thumbnail, f"t{len(thumbnails)}")
    said = escape(f"{point.id}: {point.first:.3f} | {point.baseline:.3f}")
    return (
        f'<i tabindex="0" class="{name}{" right" if across > 70 else ""}" '
        f'style="left:{across:.1f}%;bottom:{up:.1f}%"><u></u><em>{said}</em></i>'
    )


def _pictures(example: Example, seeds: Mapping[str, int]) -> str:
    """An image, its truth and both masks; `seeds`: loss → the seed whose mask it is."""
    height, width = example.size
    said = {
        name: f"{name}, seed {seeds[name]}: {example.scores[name]:.3f}" if name in example.scores else name
        for name in example.panels
    }
    panels = "".join(
        f'<figure><img src="{url}" width="{width}" height="{height}" alt="{escape(f"{name} of {example.id}")}">'
        f"<figcaption>{escape(said[name])}</figcaption></figure>"
        for name, url in example.panels.items()
    )
    return f'<p class="soft">{escape(example.id)}</p><div class="panels">{panels}</div>'
