"""Width of the narrowest structures of a data set, from a sample of its masks; a training size has to keep them."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
from scipy import ndimage

from kseg.atomic import write_text
from kseg.conventions import VOID
from kseg.datasets.base import Dataset
from kseg.datasets.images import resize_labels
from kseg.datasets.locate import cache_dir
from kseg.datasets.record import Record
from kseg.errors import Failure
from kseg.reading import parse_json, read_text

SAMPLE = 48
"""Masks that are measured, spread evenly over the records."""

LONGEST_SIDE = 1024
"""Larger masks are measured at this size: a distance transform of twelve megapixels takes seconds."""

NARROW_SHARE = 0.25
"""A class is as wide as the component up to which this share of its pixels lies, from the narrowest on."""

READERS = 4


def median_size(dataset: Dataset, records: Sequence[Record]) -> tuple[int, int]:
    """Median height and median width of a sample of the images, from their headers where they are files."""
    sizes = np.array([dataset.size_of(record) for record in _sample(records)])
    height, width = np.median(sizes, axis=0)
    return round(height), round(width)


def narrowest_width(dataset: Dataset, records: Sequence[Record]) -> float | None:
    """Width in pixels of the narrowest class, background included, at the masks' own size; None without a border.

    The result is cached.
    Raises: `Failure` for the first mask that cannot be read.
    """
    sample = _sample(records)
    path = cache_dir() / "widths" / f"{dataset.cache_key(sample, f'{SAMPLE} {LONGEST_SIDE} {NARROW_SHARE}')}.json"
    try:
        return parse_json(read_text(path), dict[str, float | None])["width"]
    except (OSError, ValueError, KeyError):
        pass  # not measured yet, or damaged
    with ThreadPoolExecutor(READERS) as readers:
        parts = list(readers.map(lambda record: component_widths(dataset.labels(record)), sample))
    width = _narrowest(np.concatenate(parts))
    with suppress(Failure):  # a cache that cannot be written costs seconds, and `count_labels` says so
        write_text(path, json.dumps({"width": width}))
    return width


def component_widths(labels: np.ndarray) -> np.ndarray:
    """float64 (N, 3): class, width and pixels of every connected component (by its sides) of a label map.

        width = 4·(mean d − ½)

    where d is a pixel's distance to the nearest valid pixel of another class; at least 2 pixels. A strip gives its own
    width (the mean distance to its borders is a quarter of it), a disc two thirds of its diameter. Void belongs to
    neither side, and classes continue beyond the edge of the image. A class that fills the image has no width.
    """
    shrunk = min(1.0, LONGEST_SIDE / max(labels.shape))
    small = resize_labels(labels, tuple(max(1, round(side * shrunk)) for side in labels.shape))
    rows = []
    for class_id in np.unique(small):
        others = (small != class_id) & (small != VOID)
        if class_id == VOID or not others.any():
            continue
        distance = ndimage.distance_transform_edt(~others)
        parts, count = ndimage.label(small == class_id)
        index = np.arange(1, count + 1)
        widths = np.maximum(2.0, 4.0 * (ndimage.mean(distance, parts, index) - 0.5)) / shrunk
        pixels = np.bincount(parts.ravel(), minlength=count + 1)[1:] / shrunk**2
        rows.append(np.stack([np.full(count, float(class_id)), widths, pixels], axis=1))
    return np.concatenate(rows) if rows else np.zeros((0, 3))


def _narrowest(components: np.ndarray) -> float | None:
    """The smallest width of a class, which is the width of the component where `NARROW_SHARE` of its pixels ends."""
    widths = []
    for class_id in np.unique(components[:, 0]):
        of_class = components[components[:, 0] == class_id, 1:]
        of_class = of_class[np.argsort(of_class[:, 0], kind="stable")]
        covered = np.cumsum(of_class[:, 1])
        widths.append(of_class[np.searchsorted(covered, NARROW_SHARE * covered[-1]), 0])
    return round(float(min(widths)), 2) if widths else None


def _sample(records: Sequence[Record]) -> list[Record]:
    """At most `SAMPLE` of the records, the same ones every time."""
    places = np.unique(np.linspace(0, len(records) - 1, min(SAMPLE, len(records))).round().astype(int))
    return [records[place] for place in places]
