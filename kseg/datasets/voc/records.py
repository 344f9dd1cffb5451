"""VOC as records: the devkit's lists, Rahman & Wang's splits of them, and SBD's additional masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.facts import RemoteFile
from kseg.datasets.ids import read_ids
from kseg.datasets.lists import committed_list, read_list
from kseg.datasets.locate import existing_data_dir
from kseg.datasets.options import SeededOptions
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel
from kseg.datasets.splits import drawn_splits
from kseg.datasets.trees import listed_records
from kseg.datasets.voc.classes import NAMES, PALETTE
from kseg.datasets.voc.facts import DEVKITS, FACTS, SBD
from kseg.datasets.voc.files import find_files, with_sbd
from kseg.datasets.voc.sbd import read_classes
from kseg.errors import UsageError, unknown_name

Year = Literal["2010", "2011", "2012", "2012+sbd"]
YEARS: tuple[Year, ...] = get_args(Year)

SHARES = (0.8, 0.2, 0.0)
"""Rahman & Wang, section 4.1: 80 % of the train list for training, 20 % for validation; the val list is the test."""

VOID_VALUE = 255


@dataclass(frozen=True)
class VOCOptions(SeededOptions):
    """Options of PASCAL VOC."""

    split_scheme: Literal["paper", "official"] = "paper"
    """Rahman & Wang's splits, 80/20 of train by --data-seed with val as test; or VOC's own lists"""
    year: Year = "2012"
    """which year's images; 2012+sbd trains on trainaug, with the masks of SBD"""
    val_list: Literal["val", "seg11valid"] = "val"
    """the list to measure on; seg11valid: the images of val that are not in SBD's train list (Long et al.: 736 of
    2011's)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.year not in YEARS:
            raise unknown_name("year of voc", self.year, YEARS)

    @property
    def variant_names(self) -> tuple[str, ...]:
        scheme = [] if self.split_scheme == "paper" else [self.split_scheme]
        return (self.year.replace("+", "_"), *scheme, *([] if self.val_list == "val" else [self.val_list]))

    def needed_files(self, files: Sequence[RemoteFile]) -> Sequence[RemoteFile]:
        year, _, sbd = self.year.partition("+")
        return (DEVKITS[year], SBD) if sbd else (DEVKITS[year],)


@DATASETS.register("voc")
class VOC(Dataset):
    """PASCAL VOC segmentation of one year. `--data-dir` holds the upstream archives or the extracted devkit."""

    name = "voc"
    title = "PASCAL VOC 2010, 2011, 2012 or 2012 with SBD: 20 categories and background, 255 void"
    facts = FACTS
    Options = VOCOptions
    options: VOCOptions
    legend = Relabel(NAMES, PALETTE)
    training_size = 375, 500
    """As in Rahman & Wang, and the size of most images."""

    def __init__(self, options: VOCOptions):
        super().__init__(options)
        self.year, _, sbd = options.year.partition("+")
        folder = existing_data_dir(self.name, options.data_dir)
        self._train_list = "trainaug" if sbd else "train"
        augmented = read_list(committed_list("voc2012", "trainaug")) if sbd else ()
        files = find_files(folder, self.year, augmented)
        self.files = with_sbd(files, folder) if sbd else files

    @property
    def test_is_validation(self) -> bool:
        return self.options.split_scheme == "official"

    @property
    def draws_splits(self) -> bool:
        return self.options.split_scheme == "paper"

    def all_records(self, split: str) -> Sequence[Record]:
        if self.options.split_scheme == "official":
            return self._train if split == "train" else self._val
        if split == "test":
            return self._val
        # The paper does not say how it divides the list. Ids begin with the year, so a cut by order would validate on
        # the newest photographs only; a random split (--data-seed) has all years in both parts.
        return drawn_splits(self._train, SHARES, self.options.data_seed, key=lambda record: record.id)[split]

    def every_record(self) -> Sequence[Record]:
        return [*self._train, *self._val]

    def read_labels(self, record: Record) -> np.ndarray:
        mask = record.annotation
        if mask.suffix == ".mat":
            return read_classes(mask)
        return read_ids(mask, len(NAMES), void=VOID_VALUE, whose="VOC's masks")

    @cached_property
    def _train(self) -> list[Record]:
        return self._listed(self._train_list)

    @cached_property
    def _val(self) -> list[Record]:
        records = self._listed("val")
        if self.options.val_list == "val":
            return records
        # A devkit with fewer images also has fewer of these.
        wanted = set(read_list(committed_list("voc2012", self.options.val_list)))
        chosen = [record for record in records if record.id in wanted]
        if not chosen:
            raise UsageError(
                f"none of the {len(records)} images of val is in --val-list {self.options.val_list}; leave it out"
            )
        return chosen

    def _listed(self, name: str) -> list[Record]:
        path = self._list(name)
        return listed_records(
            read_list(path), self.files.images, self.files.masks, listed_in=path, where=self.files.where
        )

    def _list(self, name: str) -> Path:
        """The devkit's list, which may name fewer images, else kseg's copy."""
        path = self.files.lists / f"{name}.txt"
        if path.is_file():
            return path
        if self.year == "2012":
            return committed_list("voc2012", name)
        raise UsageError(
            f"{path} is missing, and kseg has no copy of VOC {self.year}'s lists; extract the devkit again"
        )
