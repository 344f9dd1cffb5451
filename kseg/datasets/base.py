"""What every data set is: named splits of records, and pixels for a record."""

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np

from kseg.conventions import DEFAULT_TASK, SPLITS
from kseg.datasets.category import absent
from kseg.datasets.contents import content_digests
from kseg.datasets.counts import count_labels
from kseg.datasets.facts import Facts
from kseg.datasets.images import ValueRange, image_size, read_image
from kseg.datasets.locate import data_dir, short_hash, stamp
from kseg.datasets.memory import Memory
from kseg.datasets.options import DataOptions
from kseg.datasets.record import Record, check_same_size
from kseg.datasets.relabel import Relabel
from kseg.errors import UsageError
from kseg.registry import Registry
from kseg.structures import Instances, LabelMap, Panoptic, Structure

EVERYTHING = "all"
"""Stands for a split's name and means every record, for a folder that is a test set as a whole."""


class Dataset(ABC):
    """A segmentation data set: classes, splits, pixels. Subclasses are registered in `DATASETS` under `name`.

    A record is an image file and a mask file unless a subclass says otherwise. What is the same for all instances
    (`legend`, `training_size` …) may be a class attribute.

    A subclass defines what its ids mean (`legend`) and how a record is read: `read_image`, `identity`, and the truth
    for its `tasks`, which is `read_labels` for "semantic", `read_instances` for "instance" and `read_panoptic` for
    "panoptic". Labels follow from instances, and both from a panoptic truth. Callers use `classes`, `image`,
    `fingerprint` and `truth`.

    A data set serves one of its tasks at a time, by default "semantic"; `for_task` gives it for another task. A
    subclass whose classes depend on the task reads `class_task` in its legend and in its `read_…` methods.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """one line: what it is"""
    facts: ClassVar[Facts | None] = None
    """where it comes from, for `kseg data info`"""
    Options: ClassVar[type[DataOptions]] = DataOptions
    """the options it takes: those of every data set, and in a subclass its own"""
    tasks: Sequence[str] = ("semantic",)
    """names of the tasks that it has a truth for"""
    reads_files: ClassVar[bool] = True
    """whether it reads files from a folder; a synthetic data set does not"""
    folder_name: ClassVar[str | None] = None
    """name of its folder where it differs from `name`"""

    def __init__(self, options: DataOptions):
        self.options = options
        self._given_range: ValueRange | None = None
        self._memory: Memory[Any] = Memory(0)
        self._splits: Mapping[str, Sequence[Record]] | None = None
        """what `use_splits` was given"""
        self._task: str | None = None
        """what `for_task` was given"""
        self._part_of: tuple[Dataset, Relabel] | None = None
        """where `only` made this one: the data set of all classes, and what its class ids mean here"""

    @classmethod
    def place(cls, given: Path | None) -> Path:
        """The folder of its files, `given` or the one in $KSEG_DATA or data; it need not exist."""
        return data_dir(cls.folder_name or cls.name, given)

    @property
    def task(self) -> str:
        """The one of `tasks` that `truth` answers; "semantic" by default."""
        return self._task or (DEFAULT_TASK if DEFAULT_TASK in self.tasks else self.tasks[0])

    @property
    def class_task(self) -> str:
        """The task that the classes are for: `task`, or for "semantic" what `options.classes_of` says."""
        chosen = self.options.classes_of if self.task == DEFAULT_TASK else None
        return self.task if chosen is None else chosen

    @property
    @abstractmethod
    def legend(self) -> Relabel:
        """What the ids stored in an annotation mean."""

    @property
    def relabel(self) -> Relabel:
        """What the stored ids mean here: the legend, or the part of it that `only` chose."""
        if self._part_of is None:
            return self.legend
        whole, chosen = self._part_of
        return whole.relabel.then(chosen)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in order of id; two classes mean binary foreground."""
        return self.relabel.classes

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        """One RGB color per class, for masks and overlays."""
        return self.relabel.palette

    @property
    def has_background(self) -> bool:
        """Whether class 0 is background, which pictures leave unpainted, and not a class like the others."""
        return self.relabel.background

    @property
    def things(self) -> tuple[int, ...] | None:
        """Ids of the classes that are things, for the task "panoptic"; None where this is unknown."""
        return self.relabel.things

    @property
    def test_is_validation(self) -> bool:
        """Whether the test split is the validation split again, because the official test split has no labels."""
        return False

    @property
    def draws_splits(self) -> bool:
        """Whether the images are divided at random (`--data-seed`) and not by lists or folders."""
        return False

    @property
    def layout(self) -> Sequence[str]:
        """What was recognized and what was left out, a sentence each; train, preview and check print it."""
        return ()

    @property
    def problems(self) -> Sequence[str]:
        """What has to be fixed before training or evaluation, a sentence each; check prints all of it."""
        return ()

    @property
    def unpaired(self) -> tuple[Sequence[str], Sequence[str]]:
        """Paths of images without a mask and of masks without an image, which are in no record."""
        return (), ()

    @property
    def finds_classes(self) -> bool:
        """Whether the classes are the values found in the masks, stray values included."""
        return False

    def naming(self, class_ids: Sequence[int], *, void: bool) -> str:
        """Command line options that declare exactly these classes, without gaps; "" where no options can."""
        return ""

    @property
    def reading(self) -> Sequence[str]:
        """How pixels of images and masks are interpreted, as recognized from the files, a sentence each."""
        return ()

    @property
    def value_range(self) -> ValueRange | None:
        """The values of black and white in images of more than 8 bits; None where no image has more."""
        return None

    @property
    def training_size(self) -> tuple[int, int]:
        """Height and width that networks train at unless told otherwise: 224 × 224, as in van Beers et al."""
        return 224, 224

    @abstractmethod
    def all_records(self, split: str) -> Sequence[Record]:
        """Every record of a split in a fixed order, as files, lists or chance divide them."""

    def use_splits(self, splits: Mapping[str, Sequence[Record]]) -> None:
        """From now on these are the records of each split, whatever `all_records` says."""
        self._splits = splits

    def split_records(self, split: str) -> Sequence[Record]:
        """Every record of a split: those of `use_splits`, or `all_records`."""
        return self.all_records(split) if self._splits is None else self._splits.get(split, ())

    def image(self, record: Record) -> np.ndarray:
        """uint8 (H, W, 3), RGB."""
        key = "image", self._given_range, record.id
        return self._memory.recall(key, lambda: self.read_image(record)).copy()

    def size_of(self, record: Record) -> tuple[int, int]:
        """(H, W) of a record's image, from its header where it is a file."""
        if record.image is not None:
            return image_size(record.image)
        height, width = self.image(record).shape[:2]
        return height, width

    def use_range(self, value_range: ValueRange | None) -> str:
        """From now on read images of more than 8 bits as a model was trained, whatever range these images have.

        Returns: a sentence where these images' own range differs; "" where it does not.
        """
        self._given_range, usual = value_range, self.value_range
        if value_range is None or usual is None or usual == value_range:
            return ""
        return (
            f"read as the model was trained: {value_range[0]:g} is black and {value_range[1]:g} white, but these "
            f"images by themselves have {usual[0]:g} and {usual[1]:g}; if they come from another camera, scale them "
            "to the same range first"
        )

    def for_task(self, task: str) -> Self:
        """The same images for one of `tasks`: `truth`, `classes` and everything indexed by class id are of that task.

        Raises: UsageError for a task that the data set has no truth for, and where `only` chose classes that the task
          does not have.
        """
        if task == self.task:
            return self
        self.check_answers(task)
        if self._part_of is not None:
            whole, chosen = self._part_of
            other, names = whole.for_task(task), chosen.classes[1:]
            if lost := [name for name in names if name not in other.classes]:
                has = ", ".join(other.classes)
                raise UsageError(f"{self.name} has no class {lost[0]!r} for the task {task}; choose one of {has}")
            return cast(Self, other.only([other.classes.index(name) for name in names]))
        other = copy.copy(self)
        other._task = task
        return other

    def truth(self, record: Record, task: str | None = None) -> Structure:
        """The truth of a record, of the size of its image, for the data set's task or another one (`for_task`).

        Returns: a `LabelMap` for "semantic", `Instances` for "instance", a `Panoptic` for "panoptic".
        Raises: UsageError for a task that the data set has no truth for. Failure for an annotation that cannot be read,
          or whose size differs from its image's; it is not stretched. The comparison reads the image file's header.
        """
        asked = self if task is None else self.for_task(task)
        return asked._recalled(record, asked.task)

    def check_answers(self, task: str) -> None:
        """Raises UsageError for a task that the data set has no truth for."""
        if task not in self.tasks:
            raise UsageError(
                f"{self.name} has no truth for the task {task!r}; it has {', '.join(self.tasks)}: choose another data "
                "set, or a network for a task that it has"
            )

    def labels(self, record: Record) -> np.ndarray:
        """uint8 (H, W), class ids and VOID, of the same H and W as the image: each pixel's class, whatever the task."""
        structure = self._recalled(record, "semantic")
        assert isinstance(structure, LabelMap)
        return structure.ids.copy()

    def _recalled(self, record: Record, kind: str) -> Structure:
        """The structure that answers the task `kind`, in the class ids of the data set's own task."""
        key = "truth", self.class_task, kind, record.id
        return self.relabel(self._memory.recall(key, lambda: self._read_truth(record, kind)))

    def _read_truth(self, record: Record, task: str) -> Structure:
        structure: Structure
        if task == "panoptic":
            structure = self.read_panoptic(record)
        else:
            structure = self.read_instances(record) if task == "instance" else LabelMap(self.read_labels(record))
        if record.image is not None:
            check_same_size(record, image_size(record.image), structure.size)
        return structure

    def remember(self, budget: int = 2 * 1024**3) -> Self:
        """From now on keep every image and truth once read, at its own size, for many trainings in one process.

        Images and truths together take at most `budget` bytes; what no longer fits is read anew each time.
        Returns: the data set itself. What `only` makes of it shares the memory.
        """
        self._memory = Memory(budget)
        return self

    def only(self, ids: Sequence[int]) -> Self:
        """The same images with some of the classes: `ids` become 1, 2, …; every other class is background.

        With a single class, a split in which no image shows the class is an error (`records`): it can neither train a
        network nor give an IoU.
        """
        part = copy.copy(self)
        part._part_of = self, self.relabel.only(ids)
        return part

    def read_image(self, record: Record) -> np.ndarray:
        """uint8 (H, W, 3), RGB, from its file."""
        return read_image(record.image_file, self._given_range or self.value_range)

    def read_labels(self, record: Record) -> np.ndarray:
        """uint8 (H, W), stored ids and VOID, as the annotation has them."""
        whole = self.read_panoptic(record) if "panoptic" in self.tasks else self.read_instances(record)
        return whole.semantic().ids

    def read_instances(self, record: Record) -> Instances:
        """The objects, as the annotation has them."""
        return self.read_panoptic(record).instances()

    def read_panoptic(self, record: Record) -> Panoptic:
        """The segments, as the annotation has them."""
        raise NotImplementedError(
            f"{type(self).__name__} has to read what its tasks need ({', '.join(self.tasks)}): read_labels, "
            "read_instances or read_panoptic"
        )

    def annotation_remarks(self, record: Record) -> tuple[Sequence[str], Sequence[str]]:
        """(problems, notes) of an annotation that can be read, a sentence each; `kseg data check` prints them."""
        return (), ()

    def fingerprint(self, record: Record) -> str:
        """A short text that changes when the record's pixels or their classes do: a key of caches."""
        if self._part_of is None:
            identity = self.identity(record)
            return identity if self.class_task == DEFAULT_TASK else f"{identity} task {self.class_task}"
        whole, chosen = self._part_of
        return f"{whole.fingerprint(record)} category {', '.join(chosen.classes[1:])}"

    def identity(self, record: Record) -> str:
        """The fingerprint with all classes: name and content of the files, or the seed, and options that matter."""
        return f"{stamp(*self.files_of(record))} {self.truth_key(record)}".rstrip()

    def truth_key(self, record: Record) -> str:
        """What decides about the truth beside the content of its files: options, entries of a JSON."""
        return ""

    def cache_key(self, records: Sequence[Record], measured: str = "") -> str:
        """Name of a file for what was `measured` on these records; it changes when their pixels or classes do."""
        digest = hashlib.sha256(measured.encode())
        for record in records:
            digest.update(f"{record.id}\0{self.fingerprint(record)}\n".encode())
        return f"{self.name}-{digest.hexdigest()[:24]}"

    def files_of(self, record: Record) -> Sequence[Path]:
        """What the record's pixels are read from: the image first."""
        return record.image_file, record.annotation

    def picture_digests(self, records: Sequence[Record]) -> list[str]:
        """A short text per record that is equal for equal pictures, whatever their names, truths and splits."""
        if any(record.image is None for record in records):
            return [self.identity(record) for record in records]
        return content_digests([record.image_file for record in records])

    def truth_digests(self, records: Sequence[Record]) -> list[str]:
        """A short text per record that changes with its truth, and not with the place of its files."""
        if any(record.image is None for record in records):
            return [short_hash(self.identity(record)) for record in records]
        files = [self.files_of(record)[1:] for record in records]
        contents = iter(content_digests([path for paths in files for path in paths]))
        return [
            short_hash(" ".join([*islice(contents, len(paths)), self.truth_key(record)]))
            for record, paths in zip(records, files, strict=True)
        ]

    def label_counts(self, records: Sequence[Record]) -> np.ndarray:
        """int64 (N, 256): the pixels of every label value in each record; read once, then kept in the cache.

        Counts of some classes (`only`) follow from the counts of all, so the masks are read once for all categories.
        """
        if self._part_of is None:
            return count_labels(self.name, self.cache_key(records), records, self.labels)
        whole, chosen = self._part_of
        return chosen.counts(whole.label_counts(records))

    def every_record(self) -> Sequence[Record]:
        """All records there are, also those of no split; for `kseg data check` and `EVERYTHING`."""
        return ()

    def records(self, split: str) -> tuple[Record, ...]:
        """The records of a split, or of `EVERYTHING`, cut to `options.limit`; an empty split is an error."""
        if split not in (*SPLITS, EVERYTHING):
            raise UsageError(f"unknown split {split!r}; valid: {', '.join((*SPLITS, EVERYTHING))}")
        found = self._records_of_every_split() if split == EVERYTHING else self.split_records(split)
        records = tuple(found)[: self.options.limit]
        if not records:
            raise UsageError(f"the {split} split of {self.name} is empty; check the split lists or --limit")
        if self._part_of is not None and len(self.classes) == 2 and not self._images_with_foreground(records):
            raise UsageError(self._absent(split, len(records)))
        return records

    def _images_with_foreground(self, records: Sequence[Record]) -> int:
        return int((self.label_counts(records)[:, 1] > 0).sum())

    def _absent(self, split: str, images: int) -> str:
        elsewhere = {
            other: self._images_with_foreground(records)
            for other in SPLITS
            if other != split and (records := self.split_records(other)[: self.options.limit])
        }
        return absent(self.classes[1], self.name, split, images, elsewhere, self.options.limit)

    def _records_of_every_split(self) -> Sequence[Record]:
        """All records, those of no split included, each once: two splits may share theirs (`test_is_validation`)."""
        found = self.every_record() or [record for split in SPLITS for record in self.split_records(split)]
        return tuple({record.id: record for record in found}.values())


DATASETS: Registry[type[Dataset]] = Registry(
    "data set", "kseg.datasets", skip=("builders",)
)  # they need TensorFlow Datasets
