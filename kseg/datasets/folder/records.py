"""A folder of images and masks as a data set."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from tqdm import tqdm

from kseg.conventions import MAX_CLASSES, VOID
from kseg.datasets.base import DATASETS, DataOptions, Dataset, Record
from kseg.datasets.facts import Facts
from kseg.datasets.folder.coding import Coding, colour_coding, mask_values, value_coding
from kseg.datasets.folder.divide import divide
from kseg.datasets.folder.pairs import find_pairs
from kseg.datasets.images import image_size
from kseg.datasets.images.decode import stored_size
from kseg.datasets.locate import existing_data_dir
from kseg.errors import Failure, UsageError

READERS = 4
SHOW_PROGRESS_FROM = 200


@DATASETS.register("folder")
class Folder(Dataset):
    """Images and masks, paired by `find_pairs` and divided by `divide`.

    The classes are found in the masks unless `--classes` or `--colours` say.
    """

    name = "folder"
    title = "your own folder of images and masks"
    facts = Facts(
        homepage="your own",
        licence="your own",
        citation="your own",
        tree="""\
DATA_DIR/
    images/NAME.*      PNG, JPEG, TIFF or BMP
    masks/NAME.*       grey or palette ids (255 = void), 0 and 255, or colours with --colours; PNG, not JPEG
    train.txt, validation.txt (or val.txt), test.txt      optional: one NAME per line
Other names are recognised (imgs, labels, train/images, NAME_mask.png, one flat folder, masks/NAME/*.png …) or told:
--images 'imgs/*.jpg' --masks 'labels/{stem}_mask.png'""",
        counts="whatever you have; without lists chance divides it, 80 / 10 / 10 % (--split-sizes, --data-seed)",
    )

    def __init__(self, options: DataOptions):
        super().__init__(options)
        if options.colours and options.classes:
            raise UsageError("--colours names the classes already; leave --classes out")
        if len(options.classes) > MAX_CLASSES or len(options.classes) == 1:
            raise UsageError(f"--classes names {len(options.classes)} classes; name 2 to {MAX_CLASSES}")
        by_pattern = options.images is not None and options.data_dir is None
        self.folder = Path() if by_pattern else existing_data_dir(self.name, options.data_dir)
        self._pairs = find_pairs(self.folder, options)
        self._division = divide(self.folder, self._pairs, options)
        self._colour_coding = colour_coding(options.colours) if options.colours else None

    @classmethod
    def variant_names(cls, options: DataOptions) -> tuple[str, ...]:
        return () if options.data_dir is None else (options.data_dir.resolve().name,)

    @property
    def draws_splits(self) -> bool:
        return self._division.drawn

    @property
    def layout(self) -> Sequence[str]:
        return (*self._pairs.layout, *self._division.layout)

    @property
    def problems(self) -> Sequence[str]:
        return (*self._pairs.problems, *self._division.problems)

    @property
    def unpaired(self) -> tuple[Sequence[str], Sequence[str]]:
        return self._pairs.unlabelled, self._pairs.without_image

    @cached_property
    def coding(self) -> Coding:
        """What the masks' values mean. Without `--colours` or three and more `--classes` all masks are read for it."""
        if self._colour_coding:
            return self._colour_coding
        names, where = self.options.classes, self.folder / "masks"
        found = self._found_values() if len(names) <= 2 else range(len(names))
        return value_coding(found, names, self.options.void, where)

    @property
    def finds_classes(self) -> bool:
        return not (self.options.classes or self.options.colours)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.coding.names

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        return self.coding.palette

    def all_records(self, split: str) -> Sequence[Record]:
        return self._division.splits[split]

    def every_record(self) -> Sequence[Record]:
        return list(self._pairs.records.values())

    def labels(self, record: Record) -> np.ndarray:
        image, mask = record.pair
        labels = self.coding.decode(mask)
        if labels.shape != image_size(image):
            raise Failure(_sizes_differ(image, mask, labels.shape))
        for path in record.more_masks:
            further = self.coding.decode(path)
            if further.shape != labels.shape:
                raise Failure(_sizes_differ(image, path, further.shape))
            # Objects win over background and void, and a later object over an earlier one.
            shows = (further != 0) & ((further != VOID) | (labels == 0))
            labels[shows] = further[shows]
        return labels

    def fingerprint(self, record: Record) -> str:
        options = self.options
        return f"{super().fingerprint(record)} {options.colours} {options.classes} {options.void} {self.classes}"

    def _found_values(self) -> list[int]:
        """The values in all masks; a mask that cannot be read is left to the moment it is needed, and to `check`."""
        paths = [path for record in self._pairs.records.values() for path in self.files_of(record)[1:]]
        quiet = len(paths) < SHOW_PROGRESS_FROM
        with ThreadPoolExecutor(READERS) as readers:
            found = readers.map(_values_of, paths)
            sets = list(tqdm(found, total=len(paths), desc="classes in masks", disable=quiet, leave=False))
        failures = [result for result in sets if isinstance(result, Failure)]
        if len(failures) == len(sets):
            raise failures[0]
        return sorted(set().union(*(result for result in sets if not isinstance(result, Failure))))


def _values_of(path: Path) -> set[int] | Failure:
    try:
        present = np.bincount(mask_values(path).ravel(), minlength=256)
    except Failure as failure:
        return failure
    return set(np.flatnonzero(present).tolist())


def _sizes_differ(image: Path, mask: Path, shape: tuple[int, ...]) -> str:
    (height, width), (mask_height, mask_width) = image_size(image), shape
    told = f"mask {mask} is {mask_height}×{mask_width} but image {image} is {height}×{width} (height×width)"
    if stored_size(image) == (mask_height, mask_width):
        return f"{told} once turned as its EXIF orientation says; save the image upright, or turn the mask"
    return f"{told}; make the two the same size"
