"""A folder of images and masks as a data set."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.facts import Facts
from kseg.datasets.folder.coding import Coding, ValueCoding, text_of
from kseg.datasets.folder.colors import PROPOSED
from kseg.datasets.folder.divide import divide
from kseg.datasets.folder.names import shown
from kseg.datasets.folder.options import FolderOptions
from kseg.datasets.folder.pairs import find_pairs
from kseg.datasets.folder.recognition import recognize
from kseg.datasets.images import ValueRange, image_size
from kseg.datasets.images.depth import Depth, measured_depth
from kseg.datasets.images.formats import stored_size
from kseg.datasets.locate import existing_data_dir
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel
from kseg.errors import Failure


@DATASETS.register("folder")
class Folder(Dataset):
    """Images and masks, paired by `find_pairs` and divided by `divide`.

    The classes are found in the masks unless `--classes` or `--colors` say.
    """

    name = "folder"
    title = "your own folder of images and masks"
    Options = FolderOptions
    options: FolderOptions
    facts = Facts(
        homepage="your own",
        licence="your own",
        citation="your own",
        tree="""\
DATA_DIR/
    images/NAME.*      PNG, JPEG, TIFF, BMP, GIF, WEBP or AVIF; of more than 8 bits by their own range
    masks/NAME.*       black and white, soft edges, ids (255 = void), palette, alpha; colors with --colors
    train.txt, validation.txt (or val.txt), test.txt      optional: one NAME per line
Other names are recognised (imgs, labels, train/images, NAME_mask.png, one flat folder, masks/NAME/*.png …) or told:
--images 'imgs/*.jpg' --masks 'labels/{stem}_mask.png'""",
        counts="whatever you have; without lists chance divides it, 80 / 10 / 10 % (--split-sizes, --data-seed)",
    )

    def __init__(self, options: FolderOptions):
        super().__init__(options)
        by_pattern = options.images is not None and options.data_dir is None
        self.folder = Path() if by_pattern else existing_data_dir(self.name, options.data_dir)
        self._pairs = find_pairs(self.folder, options)
        self._division = divide(self.folder, self._pairs, options)
        # Read when first asked for, and once for all that `only` makes of this data set.
        self._coding, self._depth = cache(self._recognized_coding), cache(self._measured_depth)

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

    @property
    def coding(self) -> Coding:
        """What the masks' values mean; all masks are read for it."""
        return self._coding()

    def _recognized_coding(self) -> Coding:
        paths = [path for record in self._pairs.records.values() for path in self.files_of(record)[1:]]
        return recognize(paths, self.options, self.folder)

    def _measured_depth(self) -> Depth:
        return measured_depth([record.image_file for record in self._pairs.records.values()])

    @property
    def value_range(self) -> ValueRange | None:
        return self._depth().value_range

    @property
    def reading(self) -> Sequence[str]:
        return (*self._depth().notes, *self.coding.notes)

    @property
    def finds_classes(self) -> bool:
        return not (self.options.classes or self.options.colors)

    def naming(self, class_ids: Sequence[int], *, void: bool) -> str:
        colors = dict(self.coding.stored_as) if isinstance(self.coding, ValueCoding) else {}
        wanted = [*class_ids, *([VOID] if void else [])]
        if len(class_ids) > PROPOSED or not set(wanted) <= set(colors):
            return ""
        names = {VOID: "void", class_ids[0]: "background"}
        return "--colors " + " ".join(f"{names.get(one, f'NAME{one}')}={text_of(colors[one])}" for one in wanted)

    @property
    def legend(self) -> Relabel:
        return Relabel(self.coding.names, self.coding.palette)

    def all_records(self, split: str) -> Sequence[Record]:
        return self._division.splits[split]

    def every_record(self) -> Sequence[Record]:
        return list(self._pairs.records.values())

    def read_labels(self, record: Record) -> np.ndarray:
        image, (first, *others) = record.image_file, record.annotation
        labels = self._decoded(first, image)
        for path in others:
            further = self._decoded(path, image)
            # Objects win over background and void, and a later object over an earlier one.
            shows = (further != 0) & ((further != VOID) | (labels == 0))
            labels[shows] = further[shows]
        return labels

    def _decoded(self, mask: Path, image: Path) -> np.ndarray:
        labels = self.coding.decode(mask)
        if labels.shape != image_size(image):
            raise Failure(_sizes_differ(image, mask, labels.shape))
        return labels

    def files_of(self, record: Record) -> Sequence[Path]:
        return record.image_file, *record.annotation

    def identity(self, record: Record) -> str:
        files = shown(super().identity(record))  # it is encoded by those who ask, whatever bytes are in the names
        return f"{files} {self.coding} {self.value_range}"


def _sizes_differ(image: Path, mask: Path, shape: tuple[int, ...]) -> str:
    (height, width), (mask_height, mask_width) = image_size(image), shape
    told = f"mask {mask} is {mask_height}×{mask_width} but image {image} is {height}×{width} (height×width)"
    if stored_size(image) == (mask_height, mask_width):
        return f"{told} once turned as its EXIF orientation says; save the image upright, or turn the mask"
    return f"{told}; make the two the same size"
