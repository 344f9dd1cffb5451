"""How many objects the images of a data set show, and how large they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from kseg.datasets.base import Dataset
from kseg.datasets.record import Record
from kseg.structures import Instances
from kseg.wording import DASH, counted

SHOW_PROGRESS_FROM = 200

SIZES = (5, 50, 95)
"""Percentiles of the objects' sizes that are reported."""


@dataclass(frozen=True)
class ObjectStatistics:
    """Statistics of M objects in N images; crowds count only in `crowds`."""

    classes: tuple[str, ...]
    """names in order of the class id"""
    images: np.ndarray
    """int64 (M,): index of each object's image, 0..N − 1"""
    class_ids: np.ndarray
    """int64 (M,)"""
    areas: np.ndarray
    """int64 (M,): pixels of each object, at the image's own size"""
    total_images: int
    crowds: int

    @property
    def per_image(self) -> np.ndarray:
        """int64 (N,): objects in each image."""
        return np.bincount(self.images, minlength=self.total_images)

    @property
    def empty_images(self) -> int:
        """Images without an object."""
        return int((self.per_image == 0).sum())

    def sizes(self, chosen: np.ndarray | None = None) -> tuple[float, ...] | None:
        """The percentiles `SIZES` of √area in pixels, of all objects or those chosen by bool (M,); None without any."""
        areas = self.areas if chosen is None else self.areas[chosen]
        return tuple(float(size) for size in np.percentile(np.sqrt(areas), SIZES)) if areas.size else None

    def sentence(self) -> str:
        """The figures of all classes together."""
        if not self.areas.size:
            return f"no objects in {counted(self.total_images, 'image')}"
        counts, sizes = self.per_image, self.sizes()
        assert sizes is not None
        empty = f", {self.empty_images} without any" if self.empty_images else ""
        crowds = f"; {counted(self.crowds, 'crowd')} beside them" if self.crowds else ""
        return (
            f"{counted(len(self.areas), 'object')} in {counted(self.total_images, 'image')}{empty}: {counts.min()} to "
            f"{counts.max()} per image, {np.median(counts):g} in the median; size (√area) {sizes[1]:.0f} pixels in the "
            f"median, {sizes[0]:.0f} to {sizes[2]:.0f} for nine in ten{crowds}"
        )

    def rows(self) -> list[dict[str, Any]]:
        """One dict per class that has objects, with every number."""
        return [
            {
                "id": class_id,
                "class": name,
                "objects": int(chosen.sum()),
                "images": len(np.unique(self.images[chosen])),
                "sizes": dict(zip(map(str, SIZES), self.sizes(chosen) or (), strict=True)),
            }
            for class_id, name in enumerate(self.classes)
            if (chosen := self.class_ids == class_id).any()
        ]

    def table(self) -> str:
        """A line per class that has objects."""
        rows = self.rows()
        width = max([len("class"), *(len(row["class"]) for row in rows)])
        head = (
            f"{'id':>3}  {'class':<{width}}  {'objects':>8}  {'images':>7}  {'size: 5 %':>9}  {'50 %':>6}  {'95 %':>6}"
        )
        lines = [
            f"{row['id']:>3}  {row['class']:<{width}}  {row['objects']:>8}  {row['images']:>7}  "
            + "  ".join(f"{size:>{place}.1f}" for size, place in zip(row["sizes"].values(), (9, 6, 6), strict=True))
            for row in rows
        ]
        return "\n".join([head, *lines] if lines else [head, DASH])


def object_statistics(dataset: Dataset, records: Sequence[Record]) -> ObjectStatistics:
    """The statistics of these records' objects, at the images' own size.

    Raises: UsageError for a data set without objects; Failure for the first annotation that cannot be read.
    """
    dataset = dataset.for_task("instance")
    images, class_ids, areas, crowds = [], [], [], 0
    quiet = len(records) < SHOW_PROGRESS_FROM or None  # None: a bar if there is a terminal
    for number, record in enumerate(tqdm(records, desc=f"objects of {dataset.name}", disable=quiet, leave=False)):
        objects = dataset.truth(record)
        assert isinstance(objects, Instances)
        crowds += int(objects.crowd.sum())
        objects = objects.chosen(~objects.crowd)
        images.append(np.full(len(objects), number))
        class_ids.append(objects.classes)
        areas.append(objects.masks.areas())
    return ObjectStatistics(
        classes=dataset.classes,
        images=np.concatenate([*images, np.zeros(0, np.int64)]).astype(np.int64),
        class_ids=np.concatenate([*class_ids, np.zeros(0, np.int64)]),
        areas=np.concatenate([*areas, np.zeros(0, np.int64)]),
        total_images=len(records),
        crowds=crowds,
    )
