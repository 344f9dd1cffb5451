"""The same test images under two losses, as HTML: the scatter of their IoU with the images behind it, and pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from kseg.conventions import VOID
from kseg.datasets import Dataset, open_dataset
from kseg.datasets.images import overlay, resize_image, resize_labels
from kseg.errors import KsegError
from kseg.inference import load_masks
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import Job
from kseg.lab.plots import axis_from
from kseg.lab.results.rows import Row, image_scores
from kseg.lab.statistics.pairs import paired_rows
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.scores import iou_image
from kseg.report import page
from kseg.report.pictures import data_url, display_size
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, MIXED_UP
from kseg.tasks.semantic.mistakes import show_errors

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


THUMBNAIL = 96
"""Pixels of the longer side."""


@dataclass(frozen=True)
class Point:
    """An image in the scatter of one loss against another."""

    id: str
    first: float
    """its IoU under the loss in question"""
    baseline: float
    thumbnail: str
    """data URL"""


@dataclass(frozen=True)
class Example:
    """An image with its truth and what each loss made of it, as data URLs."""

    id: str
    panels: dict[str, str]
    scores: dict[str, float]
    size: tuple[int, int]


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
            parts.append(page.card(str(setting), page.note(f"No pictures: {error}")))
            continue
        drawn = spread(points, versus, thumbnails)
        seeds = {loss: job.seed for loss, job in of_setting.items()}
        parts.append(page.card(str(setting), drawn, "".join(_pictures(example, seeds) for example in pictures)))
    if not parts:
        return ""
    mixed_up = [("another class", MIXED_UP)] if any(len(row.matrix) > 2 for row in rows) else []
    legend = "".join(
        f'<span><i style="background:rgb({",".join(map(str, color))})"></i>{text}</span>'
        for text, color in (*LEGEND, *mixed_up)
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


def complete_jobs(jobs: Sequence[Job], setting: Condition, loss: str, seed: int) -> list[Job]:
    return [job for job in jobs if (job.condition, job.seed) == (setting.under(loss), seed) and job.state == "complete"]


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


def scatter(dataset: Dataset, first: Sequence[Row], baseline: Sequence[Row]) -> list[Point]:
    """A point for every test image that has a score."""
    records = dataset.records("test")
    points = []
    for record, a, b in zip(records, image_scores(first), image_scores(baseline), strict=True):
        if not (np.isnan(a) or np.isnan(b)):
            image = dataset.image(record)
            scale = THUMBNAIL / max(image.shape[:2])
            image = resize_image(image, (max(1, round(scale * image.shape[0])), max(1, round(scale * image.shape[1]))))
            points.append(Point(record.id, float(a), float(b), data_url(image)))
    return points


def examples(
    dataset: Dataset, jobs: Mapping[str, Job], first: Sequence[Row], baseline: Sequence[Row], count: int = 2
) -> list[Example]:
    """The lowest image of each loss, those in which one is most ahead (`count` each way), and those in the middle.

    Args:
      jobs: loss → the job (of one seed) whose masks are shown; losses without masks are left out.
    """
    lowest = [int(np.nanargmin(image_scores(rows))) for rows in (first, baseline)]
    difference = image_scores(first) - image_scores(baseline)
    ranked = [int(i) for i in np.argsort(difference, kind="stable") if not np.isnan(difference[i])]
    middle = max(0, (len(ranked) - count) // 2)
    chosen = dict.fromkeys([*lowest, *ranked[::-1][:count], *ranked[:count], *ranked[middle : middle + count]])
    masks = {loss: load_masks(path) for loss, job in jobs.items() if (path := job.files.masks).exists()}
    records = dataset.records("test")
    return [_example(dataset, records[i], masks) for i in chosen]


def _example(dataset: Dataset, record, masks: Mapping[str, Mapping[str, np.ndarray]]) -> Example:
    image, truth = dataset.image(record), dataset.labels(record)
    size = display_size(image.shape[:2])
    shown, shown_truth = resize_image(image, size), resize_labels(truth, size)
    panels = {"image": data_url(shown), "truth": data_url(overlay(shown, shown_truth, dataset.palette))}
    scores = {}
    for loss, by_id in masks.items():
        mask = by_id[record.id]
        panels[loss] = data_url(show_errors(shown, shown_truth, resize_labels(mask, size)))
        counts = confusion_matrix(resize_labels(truth, mask.shape), mask, len(dataset.classes), void=VOID)
        scores[loss] = float(iou_image(counts[None])[0])
    return Example(record.id, panels, scores, size)
