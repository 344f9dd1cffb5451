"""The synthetic portraits as a data set: record i of a split is drawn from (seed, split, i)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np

from kseg.conventions import SPLITS
from kseg.datasets.base import DATASETS
from kseg.datasets.faces import TEAL, FaceDataset, FaceOptions
from kseg.datasets.facts import Facts
from kseg.datasets.options import SeededOptions
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel, class_table
from kseg.datasets.synthetic.backdrop import FLOOR, SKY
from kseg.datasets.synthetic.scene import MOST_PEOPLE, PERSON, Scene, draw_scene
from kseg.ranges import Range
from kseg.structures import Panoptic

VERSION = 1
"""Incremented when the drawing changes pixels, so that outdated cached features are not used."""

KEPT_DRAWINGS = 32

LEGENDS = {
    "instance": Relabel(("background", "person"), ((0, 0, 0), TEAL), class_table({FLOOR: 0, SKY: 0, PERSON: 1})),
    "panoptic": Relabel(
        ("backdrop", "floor", "sky", "person"),
        ((130, 120, 150), (170, 120, 70), (110, 170, 230), TEAL),
        background=False,
        things=(PERSON,),
    ),
}
"""By task, the classes of people and of the stuff behind them; "semantic" has the parts of faces."""


@dataclass(frozen=True)
class SyntheticOptions(FaceOptions, SeededOptions):
    """Options of the synthetic portraits."""

    synthetic_size: Annotated[int, Range(least=16, most=4096)] = 96
    """height and width of the images in pixels"""
    synthetic_counts: Annotated[tuple[int, int, int] | None, Range(least=0, most=1_000_000)] = None
    """number of train, validation and test images (unset: the model's own, or 600 100 100)"""
    synthetic_foreground: Annotated[float | None, Range(above=0, most=0.2)] = None
    """draw the head smaller, anywhere in the picture: its mean share of the pixels, up to 0.2, above which parts leave
    the picture (unset: 0.24); several people become smaller in proportion"""
    people: Annotated[int | None, Range(least=1, most=MOST_PEOPLE)] = None
    """draw 1 to this many people in each picture, of different sizes and partly hiding each other (unset: 1, or what
    the model was trained on)"""

    usual = {"synthetic_counts": (600, 100, 100)}

    @property
    def most_people(self) -> int:
        """The most people in a picture."""
        return self.people or 1


@DATASETS.register("synthetic")
class Synthetic(FaceDataset):
    """Procedural portraits, drawn on demand: varied skin, hair, clothes, light, clutter, occluders and noise."""

    name = "synthetic"
    title = "procedural portraits, drawn on the fly: background / hair / face"
    Options = SyntheticOptions
    options: SyntheticOptions
    tasks = ("semantic", "instance", "panoptic")
    reads_files = False
    facts = Facts(
        homepage="part of kseg",
        license="as kseg itself",
        citation="none",
        tree="no files",
        counts="600 / 100 / 100 of 96×96; change with --synthetic-counts, --synthetic-size; --data-seed draws others",
        notes=(
            "As in LFW, the neck is face and a full beard is hair. Glasses are face, hats and hands are background.",
            "For the tasks instance and panoptic, a person includes clothes, hat and hands; held things are void. With "
            "--people above 1, people stand on a floor, and in half of the pictures under the sky.",
        ),
    )

    def __init__(self, options: SyntheticOptions):
        super().__init__(options)
        self._counts = dict(zip(SPLITS, options.synthetic_counts or options.usual["synthetic_counts"], strict=True))
        # Image and labels of a record are read one after the other: draw once.
        self._draw = lru_cache(maxsize=KEPT_DRAWINGS)(self._draw_anew)

    @property
    def training_size(self) -> tuple[int, int]:
        """The size the portraits are drawn at."""
        return self.options.synthetic_size, self.options.synthetic_size

    def all_records(self, split: str) -> Sequence[Record]:
        return [Record(f"{split}_{index:05d}") for index in range(self._counts[split])]

    def read_image(self, record: Record) -> np.ndarray:
        return self._draw(record.id).image.copy()

    @property
    def legend(self) -> Relabel:
        return super().legend if self.class_task == "semantic" else LEGENDS[self.class_task]

    def read_labels(self, record: Record) -> np.ndarray:
        return self._draw(record.id).parts.copy() if self.class_task == "semantic" else super().read_labels(record)

    def read_panoptic(self, record: Record) -> Panoptic:
        return self._draw(record.id).panoptic()

    def identity(self, record: Record) -> str:
        options = self.options
        drawn = f"synthetic {VERSION} {options.data_seed} {options.synthetic_size} {record.id} {options.variant}"
        if options.synthetic_foreground is not None:
            drawn = f"{drawn} {options.synthetic_foreground:g}"
        return drawn if options.most_people == 1 else f"{drawn} {options.most_people} people"

    def _draw_anew(self, record_id: str) -> Scene:
        split, index = record_id.rsplit("_", 1)
        seed = (self.options.data_seed, SPLITS.index(split), int(index))
        options = self.options
        return draw_scene(options.synthetic_size, seed, options.synthetic_foreground, options.most_people)
