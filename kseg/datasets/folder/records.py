"""A folder of images and masks as a data set."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from kseg.datasets.base import DATASETS, DataOptions, Dataset, Record
from kseg.datasets.facts import Facts
from kseg.datasets.folder.coding import Coding
from kseg.datasets.folder.mask_options import MaskOptions
from kseg.datasets.folder.pairs import drawn_splits, find_lists, find_pairs, listed_splits
from kseg.datasets.folder.recognition import recognize
from kseg.datasets.images import ValueRange, image_size
from kseg.datasets.images.depth import Depth, measured_depth
from kseg.datasets.images.formats import stored_size
from kseg.datasets.locate import existing_data_dir
from kseg.errors import Failure


@DATASETS.register("folder")
class Folder(Dataset):
    """`images/` and `masks/`, paired by stem; classes are found in the masks unless `--classes` or `--colors` say."""

    name = "folder"
    title = "your own folder with images/ and masks/"
    facts = Facts(
        homepage="your own",
        licence="your own",
        citation="your own",
        tree="""\
DATA_DIR/
    images/NAME.*      PNG, JPEG, TIFF, BMP, GIF, WEBP or AVIF; of more than 8 bits by their own range
    masks/NAME.*       black and white, soft edges, ids (255 = void), palette, alpha; colors with --colors
    train.txt, validation.txt (or val.txt), test.txt      optional: one NAME per line""",
        counts="whatever you have; without lists a seeded split, 80 / 10 / 10 % (--split-sizes, --data-seed)",
    )

    def __init__(self, options: DataOptions):
        super().__init__(options)
        self._mask_options = MaskOptions(
            options.classes, options.colors, options.void, options.binary, options.color_tolerance
        )
        self._mask_options.check()
        self.folder = existing_data_dir(self.name, options.data_dir)
        self._records = find_pairs(self.folder)
        lists = find_lists(self.folder)
        if lists:
            self._splits = listed_splits(lists, self._records)
        else:
            self._splits = drawn_splits(list(self._records.values()), options.split_sizes, options.data_seed)

    @classmethod
    def variant_names(cls, options: DataOptions) -> tuple[str, ...]:
        return () if options.data_dir is None else (options.data_dir.resolve().name,)

    @cached_property
    def coding(self) -> Coding:
        """What the masks' values mean; all masks are read for it."""
        paths = [record.pair[1] for record in self._records.values()]
        return recognize(paths, self._mask_options, self.folder)

    @cached_property
    def _depth(self) -> Depth:
        return measured_depth([record.pair[0] for record in self._records.values()])

    @property
    def value_range(self) -> ValueRange | None:
        return self._depth.value_range

    @property
    def reading(self) -> Sequence[str]:
        return (*self._depth.notes, *self.coding.notes)

    @property
    def finds_classes(self) -> bool:
        return not (self.options.classes or self.options.colors)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.coding.names

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        return self.coding.palette

    def all_records(self, split: str) -> Sequence[Record]:
        return self._splits[split]

    def every_record(self) -> Sequence[Record]:
        return list(self._records.values())

    def labels(self, record: Record) -> np.ndarray:
        image, mask = record.pair
        labels = self.coding.decode(mask)
        if labels.shape != image_size(image):
            raise Failure(_sizes_differ(image, mask, labels.shape))
        return labels

    def fingerprint(self, record: Record) -> str:
        return f"{super().fingerprint(record)} {self.coding} {self.value_range}"


def _sizes_differ(image: Path, mask: Path, shape: tuple[int, ...]) -> str:
    (height, width), (mask_height, mask_width) = image_size(image), shape
    told = f"mask {mask} is {mask_height}×{mask_width} but image {image} is {height}×{width} (height×width)"
    if stored_size(image) == (mask_height, mask_width):
        return f"{told} once turned as its EXIF orientation says; save the image upright, or turn the mask"
    return f"{told}; make the two the same size"
