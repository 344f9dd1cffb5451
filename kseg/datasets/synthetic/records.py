"""The synthetic portraits as a data set: record i of a split is drawn from (seed, split, i)."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from kseg.conventions import SPLITS
from kseg.datasets.base import DATASETS, DataOptions, Record
from kseg.datasets.faces import FaceDataset
from kseg.datasets.facts import Facts
from kseg.datasets.synthetic.backdrop import paint_backdrop
from kseg.datasets.synthetic.canvas import Canvas
from kseg.datasets.synthetic.head import paint_person
from kseg.datasets.synthetic.occluders import paint_occluders
from kseg.datasets.synthetic.people import somebody
from kseg.datasets.synthetic.photograph import photograph
from kseg.errors import UsageError

VERSION = 1
"""Counts changes to the drawing that change pixels, so that cached features are not mistaken for current ones."""

SMALLEST, LARGEST = 16, 4096
KEPT_DRAWINGS = 32


@DATASETS.register("synthetic")
class Synthetic(FaceDataset):
    """Procedural portraits: varied skin, hair, clothes, light, clutter, occluders and noise; drawn when asked for."""

    name = "synthetic"
    title = "procedural portraits, drawn on the fly: background / hair / face"
    facts = Facts(
        homepage="part of kseg",
        licence="as kseg itself",
        citation="none",
        tree="no files",
        counts="600 / 100 / 100 of 96×96; change with --synthetic-counts, --synthetic-size; --data-seed draws others",
        notes=("As in LFW the neck is face and a full beard is hair; glasses are face, hats and hands background.",),
    )

    def __init__(self, options: DataOptions):
        super().__init__(options)
        if not SMALLEST <= options.synthetic_size <= LARGEST:
            raise UsageError(f"--synthetic-size {options.synthetic_size} is outside {SMALLEST}..{LARGEST}")
        if len(options.synthetic_counts) != len(SPLITS) or min(options.synthetic_counts) < 0:
            raise UsageError(
                f"--synthetic-counts {options.synthetic_counts} must be three counts: train validation test"
            )
        self._counts = dict(zip(SPLITS, options.synthetic_counts, strict=True))
        # Image and labels of a record are asked for one after the other: draw once.
        self._draw = lru_cache(maxsize=KEPT_DRAWINGS)(self._draw_anew)

    @property
    def training_size(self) -> tuple[int, int]:
        """The size the portraits are drawn at."""
        return self.options.synthetic_size, self.options.synthetic_size

    def all_records(self, split: str) -> Sequence[Record]:
        return [Record(f"{split}_{index:05d}") for index in range(self._counts[split])]

    def image(self, record: Record) -> np.ndarray:
        return self._draw(record.id)[0].copy()

    def part_labels(self, record: Record) -> np.ndarray:
        return self._draw(record.id)[1].copy()

    def fingerprint(self, record: Record) -> str:
        return f"synthetic {VERSION} {self.options.data_seed} {self.options.synthetic_size} {record.id} {self.variant}"

    def _draw_anew(self, record_id: str) -> tuple[np.ndarray, np.ndarray]:
        split, index = record_id.rsplit("_", 1)
        return portrait(self.options.synthetic_size, (self.options.data_seed, SPLITS.index(split), int(index)))


def portrait(size: int, seed: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """uint8 image (size, size, 3) and part labels (size, size); the same seed gives the same person at any size."""
    rng = np.random.default_rng(list(seed))
    canvas = Canvas(size, (0.5, 0.5, 0.5))
    paint_backdrop(canvas, rng)
    person = somebody(rng)
    paint_person(canvas, rng, person)
    paint_occluders(canvas, rng, person)
    photograph(canvas, rng)
    return canvas.to_uint8(), canvas.parts
