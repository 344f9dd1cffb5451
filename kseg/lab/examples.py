"""Test images under two losses: what both made of the same image, from the masks that the jobs left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kseg.conventions import VOID
from kseg.datasets import Dataset
from kseg.datasets.images import overlay, resize_image, resize_labels
from kseg.inference import load_masks
from kseg.lab.jobs import Job
from kseg.lab.report.pictures import data_url, display_size, show_errors
from kseg.lab.rows import Row
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.scores import iou_image
from kseg.training.workdir import WorkDir

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


def image_scores(rows: Sequence[Row]) -> np.ndarray:
    """IoU of every test image, mean over the seeds; nan where an image has none."""
    return np.mean([[np.nan if value is None else value for value in row.images] for row in rows], axis=0)


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
    masks = {loss: load_masks(path) for loss, job in jobs.items() if (path := WorkDir(job.path).masks).exists()}
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
