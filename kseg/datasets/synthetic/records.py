"""The synthetic portraits as a data set: record i of a split is drawn from (seed, split, i)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np

from kseg.conventions import SPLITS
from kseg.datasets.base import DATASETS
from kseg.datasets.faces import FaceDataset, FaceOptions
from kseg.datasets.facts import Facts
from kseg.datasets.options import SeededOptions
from kseg.datasets.record import Record
from kseg.datasets.synthetic.backdrop import paint_backdrop
from kseg.datasets.synthetic.canvas import Canvas
from kseg.datasets.synthetic.head import paint_person
from kseg.datasets.synthetic.occluders import paint_occluders
from kseg.datasets.synthetic.people import somebody
from kseg.datasets.synthetic.photograph import photograph
from kseg.ranges import Range

VERSION = 1
"""Counts changes to the drawing that change pixels, so that cached features are not mistaken for current ones."""

KEPT_DRAWINGS = 32

NATURAL_SHARE = 0.24
"""Mean share of face and hair in a picture, were all of the head inside it."""


@dataclass(frozen=True)
class SyntheticOptions(FaceOptions, SeededOptions):
    """Options of the synthetic portraits."""

    synthetic_size: Annotated[int, Range(least=16, most=4096)] = 96
    """height and width of the images in pixels"""
    synthetic_counts: Annotated[tuple[int, int, int], Range(least=0, most=1_000_000)] = (600, 100, 100)
    """number of train, validation and test images"""
    synthetic_foreground: Annotated[float | None, Range(above=0, most=0.2)] = None
    """draw the head smaller, anywhere in the picture: mean share of its pixels, up to 0.2, above which parts leave the
    picture (unset: 0.24)"""


@DATASETS.register("synthetic")
class Synthetic(FaceDataset):
    """Procedural portraits: varied skin, hair, clothes, light, clutter, occluders and noise; drawn when asked for."""

    name = "synthetic"
    title = "procedural portraits, drawn on the fly: background / hair / face"
    Options = SyntheticOptions
    options: SyntheticOptions
    reads_files = False
    facts = Facts(
        homepage="part of kseg",
        licence="as kseg itself",
        citation="none",
        tree="no files",
        counts="600 / 100 / 100 of 96×96; change with --synthetic-counts, --synthetic-size; --data-seed draws others",
        notes=("As in LFW the neck is face and a full beard is hair; glasses are face, hats and hands background.",),
    )

    def __init__(self, options: SyntheticOptions):
        super().__init__(options)
        self._counts = dict(zip(SPLITS, options.synthetic_counts, strict=True))
        # Image and labels of a record are asked for one after the other: draw once.
        self._draw = lru_cache(maxsize=KEPT_DRAWINGS)(self._draw_anew)

    @property
    def training_size(self) -> tuple[int, int]:
        """The size the portraits are drawn at."""
        return self.options.synthetic_size, self.options.synthetic_size

    def all_records(self, split: str) -> Sequence[Record]:
        return [Record(f"{split}_{index:05d}") for index in range(self._counts[split])]

    def read_image(self, record: Record) -> np.ndarray:
        return self._draw(record.id)[0].copy()

    def read_labels(self, record: Record) -> np.ndarray:
        return self._draw(record.id)[1].copy()

    def identity(self, record: Record) -> str:
        options = self.options
        drawn = f"synthetic {VERSION} {options.data_seed} {options.synthetic_size} {record.id} {options.variant}"
        return drawn if options.synthetic_foreground is None else f"{drawn} {options.synthetic_foreground:g}"

    def _draw_anew(self, record_id: str) -> tuple[np.ndarray, np.ndarray]:
        split, index = record_id.rsplit("_", 1)
        seed = (self.options.data_seed, SPLITS.index(split), int(index))
        return portrait(self.options.synthetic_size, seed, self.options.synthetic_foreground)


def portrait(size: int, seed: Sequence[int], foreground: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """uint8 image (size, size, 3) and part labels (size, size); the same seed gives the same person at any size.

    With `foreground` the same person stands further away and anywhere in the same room.
    """
    rng = np.random.default_rng(list(seed))
    canvas = Canvas(size, (0.5, 0.5, 0.5))
    paint_backdrop(canvas, rng)
    person = somebody(rng)
    with canvas.smaller(*_distance(seed, foreground)):
        paint_person(canvas, rng, person)
        paint_occluders(canvas, rng, person)
    photograph(canvas, rng)
    return canvas.to_uint8(), canvas.parts


def _distance(seed: Sequence[int], foreground: float | None) -> tuple[float, float, float]:
    """(scale, x, y) of the person, drawn from a generator of its own, so that nothing else in the picture changes."""
    if foreground is None:
        return 1.0, 0.0, 0.0
    scale = math.sqrt(foreground / NATURAL_SHARE)
    x, y = np.random.default_rng([*seed, 1]).uniform(scale - 1, 1 - scale, 2)
    return scale, float(x), float(y)
