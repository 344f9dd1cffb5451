"""What every data set is: named splits of records, and pixels for a record."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np

from kseg.conventions import SPLITS
from kseg.datasets.contents import content_digests
from kseg.datasets.counts import count_labels
from kseg.datasets.facts import Facts, RemoteFile
from kseg.datasets.images import ValueRange, read_image
from kseg.datasets.locate import stamp
from kseg.errors import Failure, UsageError
from kseg.ranges import COUNT, SEED, Range, check_ranges
from kseg.registry import Registry

EVERYTHING = "all"
"""In place of a split's name: every record, for a folder that is a test set as a whole."""


@dataclass(frozen=True)
class DataOptions:
    """Which data set, where it lies, and which of its label variants and splits to use."""

    dataset: str = "synthetic"
    """synthetic (no files needed), lfw, helen, camvid, voc, pets, or folder (your own images/ and masks/)"""
    data_dir: Path | None = None
    """where the data set's archives or extracted tree lie (unset: data/NAME)"""
    hair: bool = True
    """faces: whether hair belongs to the foreground or to the background"""
    parts: bool = False
    """faces: keep background, hair and face as three classes instead of two"""
    size: Literal["big", "small"] = "big"
    """faces: the paper's big or small training and validation split"""
    split_scheme: Literal["paper", "official"] = "paper"
    """faces: van Beers' splits by sorted name; voc: Rahman & Wang's, 80/20 of train; or the data set's own lists"""
    colors: tuple[str, ...] = ()
    """folder: masks in color, one NAME=R,G,B per class in order of id (first is background; void=R,G,B counts for
    nothing)"""
    color_tolerance: Annotated[float, Range(least=0, most=442)] = 0.0
    """folder, with --colors: a pixel takes the nearest named color up to this distance in RGB (0..442), as blended
    edges need; what lies farther is void"""
    binary: Literal["auto"] | float | None = None
    """folder: two classes, foreground from this mask value on; --binary alone chooses 128 where edges are soft, 1 where
    areas are painted in any value (unset: recognised)"""
    classes: tuple[str, ...] = ()
    """folder: names of the classes in order of id (unset: found in the masks)"""
    void: Annotated[tuple[int, ...], Range(least=0, most=65_535)] = ()
    """folder: mask values that count for nothing, besides 255 in a mask of ids"""
    images: str | None = None
    """folder: a pattern of the images under --data-dir, as 'imgs/*.jpg' (unset: recognised)"""
    masks: str | None = None
    """folder: where an image's mask lies, as 'labels/{stem}_mask.png'; {stem} is the image's name, or what it is
    in --images; {dir} and {split} likewise"""
    merge_masks: bool = False
    """folder: join several masks of one image into one"""
    limit: Annotated[int | None, COUNT] = None
    """use only the first N records of every split, for a quick look"""
    data_seed: Annotated[int, SEED] = 0  # not `seed`: that is the flag of the run
    """seed of the synthetic images, of a folder's split and of the 80/20 of voc and pets"""
    synthetic_size: Annotated[int, Range(least=16, most=4096)] = 96
    """synthetic: height and width of the images in pixels"""
    synthetic_counts: Annotated[tuple[int, int, int], Range(least=0, most=1_000_000)] = (600, 100, 100)
    """synthetic: number of train, validation and test images"""
    synthetic_foreground: Annotated[float | None, Range(above=0, most=0.2)] = None
    """synthetic: draw the head smaller, anywhere in the picture: mean share of its pixels, up to 0.2, above
    which parts leave the picture (unset: 0.24)"""
    split_sizes: Annotated[tuple[float, float, float], Range(least=0, most=1e9)] = (0.8, 0.1, 0.1)
    """folder without lists: shares of train, validation and test, in which chance places each image by itself; or
    numbers of images, if one is above 1"""
    year: Literal["2010", "2011", "2012", "2012+sbd"] = "2012"
    """voc: which year's images; 2012+sbd trains on trainaug, with the masks of SBD"""
    val_list: Literal["val", "seg11valid"] = "val"
    """voc: the list that is measured on; seg11valid: those images of val that SBD has not in its train list (Long et
    al.: 736 of 2011's)"""
    border: Literal["void", "pet", "class"] = "void"
    """pets: the border around the animal counts for nothing, is part of it, or a class of its own"""
    animals: Literal["pet", "species", "breed"] = "pet"
    """pets: classes besides the background: pet, the two species, or the 37 breeds"""
    category: str | None = None
    """one class of several against all others: it is the foreground, they are the background, void stays void"""

    def __post_init__(self) -> None:
        check_ranges(self)
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise UsageError(f"--classes names {', '.join(twice)} more than once; every class needs a name of its own")


@dataclass(frozen=True)
class Record:
    """One image with its truth."""

    id: str
    """unique within the data set; safe as a file name"""
    image: Path | None = None
    """file of the image; None if the data set draws it"""
    mask: Path | None = None
    """file of the label map (helen: folder of its maps); None if the data set draws it"""
    more_masks: tuple[Path, ...] = ()
    """folder: further masks of the same image, whose objects are joined with those of `mask`"""

    @property
    def pair(self) -> tuple[Path, Path]:
        """Image and mask of a record that has files."""
        assert self.image is not None and self.mask is not None, f"{self.id} is drawn"
        return self.image, self.mask


class Dataset(ABC):
    """A segmentation data set: classes, splits, pixels. Subclasses are registered in `DATASETS` under `name`.

    A record is a file of an image and one of a mask, unless a subclass says otherwise; what is the same for all of its
    instances (`classes`, `palette` …) it may give as a class attribute.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """one line: what it is"""
    facts: ClassVar[Facts | None] = None
    own_options: ClassVar[tuple[str, ...]] = ()
    """the fields of `DataOptions` that mean something here and not for every data set"""
    """where it comes from, for `kseg data info`"""

    def __init__(self, options: DataOptions):
        self.options = options
        self._given_range: ValueRange | None = None

    @classmethod
    def remote_files(cls, options: DataOptions) -> Sequence[RemoteFile]:
        """The files to download for these options."""
        return cls.facts.files if cls.facts else ()

    @classmethod
    def variant_names(cls, options: DataOptions) -> tuple[str, ...]:
        """What tells these options from others of the data set in the name of a run."""
        return ()

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
        return read_image(record.pair[0], self._given_range or self.value_range)

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

    @abstractmethod
    def labels(self, record: Record) -> np.ndarray:
        """uint8 (H, W), class ids and VOID, of the same H and W as the image."""

    def fingerprint(self, record: Record) -> str:
        """A short text that changes when the record's pixels do (name and content of its files; or its seed)."""
        return stamp(*self.files_of(record))

    def files_of(self, record: Record) -> Sequence[Path]:
        """What the record's pixels are read from."""
        return (*record.pair, *record.more_masks)

    def picture_digests(self, records: Sequence[Record]) -> list[str]:
        """Of each record a short text that is the same for the same picture, whatever its name, truth and split."""
        if any(record.image is None for record in records):
            return [self.fingerprint(record) for record in records]
        return content_digests([record.pair[0] for record in records])

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


DATASETS: Registry[type[Dataset]] = Registry(
    "data set", "kseg.datasets", skip=("builders",)
)  # they need TensorFlow Datasets


def open_dataset(options: DataOptions, *, with_problems: bool = False) -> Dataset:
    """The data set that `options` name, checked for files but with no pixel read yet; as a binary one by `category`.

    Raises: Failure of its first problem, unless `with_problems` are wanted too, for `kseg data check`.
    """
    from kseg.datasets.category import OneCategory

    dataset = DATASETS[options.dataset](options)
    if dataset.problems and not with_problems:
        more = len(dataset.problems) - 1
        others = f" ({more} more: `kseg data check` names {'it' if more == 1 else 'them'})" if more else ""
        raise Failure(f"{dataset.problems[0]}{others}")
    return dataset if options.category is None else OneCategory(dataset, options.category)
