"""Cityscapes as records: classes of labelIds, objects and segments of instanceIds."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.cityscapes.classes import CLASS_OF, LABELS, NAMES, PALETTE, PER_CLASS, THINGS
from kseg.datasets.cityscapes.facts import FACTS
from kseg.datasets.cityscapes.files import KINDS, SplitFiles, find_files
from kseg.datasets.ids import read_ids
from kseg.datasets.images import read_labels as read_values
from kseg.datasets.options import DataOptions
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel
from kseg.datasets.trees import opened_folder
from kseg.errors import Failure, UsageError
from kseg.structures import Panoptic, Segment
from kseg.wording import counted

WHOLE = Relabel(NAMES, PALETTE, background=False, things=THINGS)


@DATASETS.register("cityscapes")
class Cityscapes(Dataset):
    """Cityscapes with fine labels. `--data-dir` holds the tree or upstream's archives, or is one archive of both."""

    name = "cityscapes"
    title = "Cityscapes: 1024×2048 street scenes, 19 classes, eight of them objects, void elsewhere"
    facts = FACTS
    test_is_validation = True
    training_size = 512, 1024
    """Half of the images' sides."""

    def __init__(self, options: DataOptions):
        super().__init__(options)
        self._files = find_files(opened_folder(self.name, options.data_dir), self.name)

    @cached_property
    def tasks(self) -> Sequence[str]:  # type: ignore[override]
        """All three where every image has its instanceIds."""
        every = all(labels.instances for files in self._files.values() for labels in files.labels.values())
        return ("semantic", "instance", "panoptic") if every else ("semantic",)

    def check_answers(self, task: str) -> None:
        if task in ("instance", "panoptic") and task not in self.tasks:
            labels = [(stem, one) for files in self._files.values() for stem, one in files.labels.items()]
            lacking = [stem for stem, one in labels if one.instances is None]
            raise UsageError(
                f"{self.name} has no truth for the task {task!r}: {len(lacking)} of {counted(len(labels), 'image')} "
                f"without {KINDS[2]} ({lacking[0]} is one); add the PNGs or take the images out"
            )
        super().check_answers(task)

    @property
    def legend(self) -> Relabel:
        return WHOLE.only(THINGS) if self.class_task == "instance" else WHOLE

    @property
    def layout(self) -> Sequence[str]:
        labels = [one for files in self._files.values() for one in files.labels.values()]
        lacking = sum(one.instances is None for one in labels)
        if not lacking:
            return ()
        return [
            f"{lacking} of {counted(len(labels), 'image')} without {KINDS[2]}: classes alone, no objects and no "
            "panoptic segments"
        ]

    @property
    def unpaired(self) -> tuple[Sequence[str], Sequence[str]]:
        images = [str(path) for files in self._files.values() for path in _without(files.images, files.labels)]
        return images, [
            str(next(iter(one.files.values())))
            for files in self._files.values()
            for one in _without(files.labels, files.images)
        ]

    @property
    def problems(self) -> Sequence[str]:
        lacking = [
            stem
            for files in self._files.values()
            for stem, labels in files.labels.items()
            if labels.semantic is None and stem in files.images
        ]
        if not lacking:
            return ()
        return [
            f"{counted(len(lacking), 'image')} with neither {KINDS[0]} nor {KINDS[1]} ({lacking[0]} is one); add the "
            "PNGs or take the images out"
        ]

    def all_records(self, split: str) -> Sequence[Record]:
        return self._records["validation" if split == "test" else split]

    def every_record(self) -> Sequence[Record]:
        return [record for records in self._records.values() for record in records]

    @cached_property
    def _records(self) -> dict[str, list[Record]]:
        return {split: _records_of(files) for split, files in self._files.items()}

    def read_labels(self, record: Record) -> np.ndarray:
        if self.task != "semantic":
            return super().read_labels(record)
        path = record.annotation.semantic
        if path.stem.endswith(KINDS[1]):
            return read_ids(path, len(NAMES), void=VOID, whose=f"Cityscapes' {KINDS[1]}")
        return CLASS_OF[_label_ids(path)]

    def read_panoptic(self, record: Record) -> Panoptic:
        path = record.annotation.instances
        codes = _gray(path)
        present = np.flatnonzero(np.bincount(codes.ravel(), minlength=1))
        labels = np.where(present < PER_CLASS, present, present // PER_CLASS)
        if labels.max() >= LABELS:
            raise Failure(
                f"{path} has the instance id {present[labels.argmax()]}; ids are labelIds 0..{LABELS - 1}, alone or "
                f"· {PER_CLASS} + number; extract it again"
            )
        number_of = np.zeros(present[-1] + 1, np.uint16)
        segments: list[Segment] = []
        stuff: dict[int, int] = {}
        for code, class_id in zip(present.tolist(), CLASS_OF[labels].tolist(), strict=True):
            if class_id == VOID:
                continue
            thing = class_id in THINGS
            if thing or class_id not in stuff:
                segments.append(Segment(class_id, thing, crowd=thing and code < PER_CLASS))
            number_of[code] = len(segments) if thing else stuff.setdefault(class_id, len(segments))
        return Panoptic(number_of[codes], tuple(segments))

    def annotation_remarks(self, record: Record) -> tuple[Sequence[str], Sequence[str]]:
        labels = record.annotation
        if labels.semantic is None or labels.instances is None or not labels.semantic.stem.endswith(KINDS[0]):
            return (), ()
        classes, codes = _label_ids(labels.semantic), _gray(labels.instances)
        if classes.shape != codes.shape:
            return [
                f"{record.id}: {KINDS[0]} are {classes.shape} and {KINDS[2]} {codes.shape} pixels; extract again"
            ], ()
        differ = np.where(codes < PER_CLASS, codes, codes // PER_CLASS) != classes
        if not differ.any():
            return (), ()
        row, column = np.argwhere(differ)[0]
        return [
            f"{record.id}: {KINDS[0]} and {KINDS[2]} disagree in {counted(int(differ.sum()), 'pixel')}, the first at "
            f"row {row}, column {column} ({classes[row, column]} and {codes[row, column]}); extract both again"
        ], ()

    def files_of(self, record: Record) -> Sequence[Path]:
        return record.image_file, *record.annotation.files.values()


def _records_of(files: SplitFiles) -> list[Record]:
    return [
        Record(stem, files.images[stem], labels)
        for stem, labels in sorted(files.labels.items())
        if stem in files.images and labels.semantic is not None
    ]


def _without(some: dict, others: dict) -> list:
    return [value for stem, value in some.items() if stem not in others]


def _gray(path: Path) -> np.ndarray:
    """int64 (H, W) of a gray PNG of 8 or 16 bits."""
    values = read_values(path)
    if values.ndim != 2:
        raise Failure(f"{path} is in color; ids are gray values of 8 or 16 bits; extract it again")
    return values.astype(np.int64)


def _label_ids(path: Path) -> np.ndarray:
    values = _gray(path)
    if values.max() >= LABELS:
        odd = ", ".join(map(str, np.unique(values[values >= LABELS])[:8].tolist()))
        raise Failure(f"{path} has the values {{{odd}}}; {KINDS[0]} are 0..{LABELS - 1}; extract it again")
    return values
