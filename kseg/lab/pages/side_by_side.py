"""The same test images under two losses: the scatter of their IoU with the images behind it, and pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kseg.conventions import VOID
from kseg.datasets import Dataset, Record, open_dataset
from kseg.datasets.images import overlay, resize_image, resize_labels
from kseg.errors import KsegError
from kseg.inference import load_masks
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import Job
from kseg.lab.pages.image_cards import Card, Dot, Example, SideBySide, Spread
from kseg.lab.plots import axis_from
from kseg.lab.results.rows import Row, image_scores
from kseg.lab.statistics.pairs import paired_rows
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.scores import iou_image
from kseg.report.pictures import data_url, display_size
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, MIXED_UP
from kseg.tasks.semantic.mistakes import show_errors

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


def side_by_side(rows: Sequence[Row], jobs: Sequence[Job], versus: tuple[str, str]) -> SideBySide | None:
    """A card for every setting that both losses were run in; None where there are no jobs to take masks from."""
    first, baseline = versus
    names: dict[str, str] = {}
    cards = []
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
            cards.append(Card(str(setting), note=f"No pictures: {error}"))
            continue
        cards.append(Card(str(setting), spread=spread(points, names), examples=pictures))
    if not cards:
        return None
    mixed_up = [("another class", MIXED_UP)] if any(len(row.matrix) > 2 for row in rows) else []
    thumbnails = {name: url for url, name in names.items()}
    return SideBySide(first, baseline, cards, thumbnails, (*LEGEND, *mixed_up))


def complete_jobs(jobs: Sequence[Job], setting: Condition, loss: str, seed: int) -> list[Job]:
    return [job for job in jobs if (job.condition, job.seed) == (setting.under(loss), seed) and job.state == "complete"]


def spread(points: Sequence[Point], names: dict[str, str]) -> Spread:
    """Where the points lie between the lowest IoU, rounded down, and 1.

    Args:
      names: data URL → class of the style sheet that shows it; filled here.
    """
    low = axis_from([value for point in points for value in (point.first, point.baseline)])
    ahead = sum(point.first > point.baseline for point in points)
    step = 0.1 if low >= 0.4 else 0.2
    ticks = [1 - step * i for i in range(math.floor((1 - low) / step + 0.01) + 1)]

    def place(value: float, digits: int) -> float:
        return round(100 * (value - low) / (1 - low), digits) + 0.0  # no −0

    dots = [
        Dot(
            left=place(point.baseline, 1),
            bottom=place(point.first, 1),
            thumbnail=names.setdefault(point.thumbnail, f"t{len(names)}"),
            text=f"{point.id}: {point.first:.3f} | {point.baseline:.3f}",
        )
        for point in points
    ]
    return Spread(ahead, dots, [(place(value, 2), f"{value:.1f}") for value in ticks])


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
    seeds = {loss: jobs[loss].seed for loss in masks}
    records = dataset.records("test")
    return [_example(dataset, records[i], masks, seeds) for i in chosen]


def _example(
    dataset: Dataset, record: Record, masks: Mapping[str, Mapping[str, np.ndarray]], seeds: Mapping[str, int]
) -> Example:
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
    captions = {loss: f"{loss}, seed {seeds[loss]}: {score:.3f}" for loss, score in scores.items()}
    return Example(record.id, panels, scores, size, captions)
