"""What every data set is: named splits of records, and pixels for a record."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kseg.conventions import SPLITS
from kseg.datasets.contents import content_digests
from kseg.datasets.counts import count_labels
from kseg.datasets.facts import Facts
from kseg.datasets.images import ValueRange, image_size, read_image
from kseg.datasets.locate import stamp
from kseg.datasets.options import DataOptions
from kseg.errors import Failure, UsageError
from kseg.registry import Registry
from kseg.structures import Instances, LabelMap, Panoptic, Structure

EVERYTHING = "all"
"""In place of a split's name: every record, for a folder that is a test set as a whole."""


@dataclass(frozen=True)
class Record:
    """One image with its truth."""

    id: str
    """unique within the data set; safe as a file name"""
    image: Path | None = None
    """file of the image; None if the data set draws it"""
    annotation: Any = None
    """what its data set reads the truth from: a file, a folder, several files; nobody else looks into it"""

    @property
    def image_file(self) -> Path:
        """The image of a record that has it in a file."""
        assert self.image is not None, f"{self.id} is drawn"
        return self.image


class Dataset(ABC):
    """A segmentation data set: classes, splits, pixels. Subclasses are registered in `DATASETS` under `name`.

    A record is a file of an image and one of a mask, unless a subclass says otherwise; what is the same for all of its
    instances (`classes`, `palette` …) it may give as a class attribute.

    A subclass writes how a record is read: `read_image`, and of the truth what its `tasks` need, `read_labels` for
    "semantic", `read_instances` for "instance", `read_panoptic` for "panoptic", from which the other two follow.
    Everybody else asks for `image` and `truth`.
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
    """whether there are files of it in a folder; a data set that is drawn has none"""

    def __init__(self, options: DataOptions):
        self.options = options
        self._given_range: ValueRange | None = None

    @property
    def has_background(self) -> bool:
        """Whether class 0 is background, which pictures leave unpainted, and not a class like the others."""
        return True

    @property
    def test_is_validation(self) -> bool:
        """Whether the test split is the validation split once more, because no other has labels."""
        return False

    @property
    def draws_splits(self) -> bool:
        """Whether chance (`--data-seed`) divides the images, and no list or folder of theirs."""
        return False

    @property
    def layout(self) -> Sequence[str]:
        """What was recognised of the files and what was left out, a sentence each; train, preview and check say it."""
        return ()

    @property
    def problems(self) -> Sequence[str]:
        """What has to be mended before anything is trained or measured, a sentence each; check says all of it."""
        return ()

    @property
    def unpaired(self) -> tuple[Sequence[str], Sequence[str]]:
        """Paths of images without a mask and of masks without an image, which are in no record."""
        return (), ()

    @property
    def finds_classes(self) -> bool:
        """Whether the classes are what the masks happened to hold, stray values included."""
        return False

    def naming(self, class_ids: Sequence[int], *, void: bool) -> str:
        """Options that make these classes all there are, without gaps between them; "" where none do."""
        return ""

    @property
    def reading(self) -> Sequence[str]:
        """How pixels of images and masks are understood, a sentence each, where it was recognised from the files."""
        return ()

    @property
    def value_range(self) -> ValueRange | None:
        """What is black and white in images of more than 8 bits; None where there are none."""
        return None

    @property
    def training_size(self) -> tuple[int, int]:
        """Height and width that networks train at unless told otherwise: 224 × 224, as in van Beers et al."""
        return 224, 224

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Class names in order of id; two classes mean binary foreground."""

    @property
    @abstractmethod
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        """One RGB colour per class, for masks and overlays."""

    @abstractmethod
    def all_records(self, split: str) -> Sequence[Record]:
        """Every record of a split, in a fixed order."""

    def image(self, record: Record) -> np.ndarray:
        """uint8 (H, W, 3), RGB."""
        return self.read_image(record)

    def use_range(self, value_range: ValueRange | None) -> str:
        """From now on read images of more than 8 bits as a model was trained, whatever range these images have.

        Returns: a sentence where these images have another one; "" where not.
        """
        self._given_range, own = value_range, self.value_range
        if value_range is None or own is None or own == value_range:
            return ""
        return (
            f"read as the model was trained: {value_range[0]:g} is black and {value_range[1]:g} white, but these "
            f"images by themselves have {own[0]:g} and {own[1]:g}; where that is another camera, scale them alike first"
        )

    def truth(self, record: Record, task: str = "semantic") -> Structure:
        """The truth of a record for one of `tasks`, of the size of its image.

        Returns: a `LabelMap` for "semantic", `Instances` for "instance", a `Panoptic` for "panoptic".
        Raises: UsageError for a task that the data set has no truth for. Failure for an annotation that cannot be read,
          or is of another size than its image: it is refused, not stretched. Of an image in a file only the header is
          read for it; what a data set draws has one size.
        """
        if task not in self.tasks:
            raise UsageError(f"{self.name} has no truth for the task {task!r}; it has {', '.join(self.tasks)}")
        structure = self._read_truth(record, task)
        if record.image is not None:
            check_same_size(record, image_size(record.image), structure.size)
        return structure

    def labels(self, record: Record) -> np.ndarray:
        """uint8 (H, W), class ids and VOID, of the same H and W as the image: what `truth` says of semantics."""
        structure = self.truth(record)
        assert isinstance(structure, LabelMap)
        return structure.ids

    def _read_truth(self, record: Record, task: str) -> Structure:
        if task == "panoptic":
            return self.read_panoptic(record)
        return self.read_instances(record) if task == "instance" else LabelMap(self.read_labels(record))

    def read_image(self, record: Record) -> np.ndarray:
        """uint8 (H, W, 3), RGB, from its file."""
        return read_image(record.image_file, self._given_range or self.value_range)

    def read_labels(self, record: Record) -> np.ndarray:
        """uint8 (H, W), class ids and VOID, as the annotation has them."""
        return self.read_panoptic(record).semantic().ids

    def read_instances(self, record: Record) -> Instances:
        """The objects, as the annotation has them."""
        return self.read_panoptic(record).instances()

    def read_panoptic(self, record: Record) -> Panoptic:
        """The segments, as the annotation has them."""
        raise NotImplementedError(
            f"{type(self).__name__} has to read what its tasks need ({', '.join(self.tasks)}): read_labels, "
            "read_instances or read_panoptic"
        )

    def fingerprint(self, record: Record) -> str:
        """A short text that changes when the record's pixels do (name and content of its files; or its seed)."""
        return stamp(*self.files_of(record))

    def files_of(self, record: Record) -> Sequence[Path]:
        """What the record's pixels are read from: the image first."""
        return record.image_file, record.annotation

    def picture_digests(self, records: Sequence[Record]) -> list[str]:
        """Of each record a short text that is the same for the same picture, whatever its name, truth and split."""
        if any(record.image is None for record in records):
            return [self.fingerprint(record) for record in records]
        return content_digests([record.image_file for record in records])

    def label_counts(self, records: Sequence[Record]) -> np.ndarray:
        """int64 (N, 256): the pixels of every label value in each record; read once, then kept in the cache."""
        return count_labels(self, records)

    def every_record(self) -> Sequence[Record]:
        """All records there are, also those of no split; for `kseg data check` and `EVERYTHING`."""
        return ()

    def records(self, split: str) -> tuple[Record, ...]:
        """The records of a split, or of `EVERYTHING`, cut to `options.limit`; an empty split is an error."""
        if split not in (*SPLITS, EVERYTHING):
            raise UsageError(f"unknown split {split!r}; valid: {', '.join((*SPLITS, EVERYTHING))}")
        found = self._records_of_every_split() if split == EVERYTHING else self.all_records(split)
        records = tuple(found)[: self.options.limit]
        if not records:
            raise UsageError(f"the {split} split of {self.name} is empty; check the split lists or --limit")
        return records

    def _records_of_every_split(self) -> Sequence[Record]:
        """All records, those of no split included, each once: two splits may share theirs (`test_is_validation`)."""
        found = self.every_record() or [record for split in SPLITS for record in self.all_records(split)]
        return tuple({record.id: record for record in found}.values())


def check_same_size(record: Record, image: tuple[int, ...], labels: tuple[int, ...]) -> None:
    """Raises Failure where the image of a record and its truth differ in size."""
    if image != labels:
        raise Failure(
            f"{record.id}: image and label map have {image} and {labels} pixels; they must be the same size "
            "(kseg data check lists every such pair)"
        )


DATASETS: Registry[type[Dataset]] = Registry(
    "data set", "kseg.datasets", skip=("builders",)
)  # they need TensorFlow Datasets
