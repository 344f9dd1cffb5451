"""LFW Part Labels as records: the paper's splits or the official lists, pure-colour masks to parts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kseg.datasets.base import DATASETS
from kseg.datasets.faces import BACKGROUND, FACE, HAIR, FaceDataset, PaperFaceOptions
from kseg.datasets.images import read_labels as read_mask
from kseg.datasets.lfw.facts import FACTS
from kseg.datasets.lfw.files import find_images, find_masks
from kseg.datasets.lists import read_lines
from kseg.datasets.locate import existing_data_dir
from kseg.datasets.record import Record
from kseg.datasets.splits import PaperSplit
from kseg.errors import Failure, UsageError
from kseg.wording import counted

PAPER = PaperSplit(total=2927, big=(2342, 292), small=(1000, 100), test=292)
"""van Beers et al. 2019, table 1. With `big`, 2342 + 292 + 292 leaves one of the 2,927 images out, as in the paper."""

LISTS = {"train": "parts_train.txt", "validation": "parts_validation.txt", "test": "parts_test.txt"}

UNEXPECTED = 254
# One bit per channel that is 255: red is hair, green is face (neck included), blue is background.
PART_OF_BITS = np.full(8, UNEXPECTED, dtype=np.uint8)
PART_OF_BITS[[0b001, 0b010, 0b100]] = HAIR, FACE, BACKGROUND


@DATASETS.register("lfw")
class LFW(FaceDataset):
    """LFW Part Labels. `--data-dir` holds the upstream archives or the extracted tree."""

    name = "lfw"
    title = "LFW Part Labels: 2,927 faces, 250×250, background / hair / face"
    facts = FACTS
    Options = PaperFaceOptions
    options: PaperFaceOptions

    def __init__(self, options: PaperFaceOptions):
        super().__init__(options)
        self.folder = existing_data_dir(self.name, options.data_dir)
        masks = find_masks(self.folder)
        images = find_images(self.folder, masks)
        self._by_stem = {stem: Record(stem, images[stem], mask) for stem, mask in masks.items()}

    def all_records(self, split: str) -> Sequence[Record]:
        if self.options.split_scheme == "official":
            return self._listed(self.folder / LISTS[split])
        # Sorted by file name, as the paper's counts suggest: the pictures of one person stay together.
        records = [self._by_stem[stem] for stem in sorted(self._by_stem)]
        return PAPER.cut(records, split, self.options.size, where=f"labelled images under {self.folder}")

    def every_record(self) -> Sequence[Record]:
        return list(self._by_stem.values())

    def read_labels(self, record: Record) -> np.ndarray:
        return parts_of_colours(read_mask(record.annotation), record.annotation)

    def _listed(self, path: Path) -> list[Record]:
        if not path.is_file():
            raise UsageError(f"the official split needs {path}; see `kseg data info lfw`, or use --split-scheme paper")
        stems = [stem_of_line(line, path) for line in read_lines(path)]
        unknown = [stem for stem in stems if stem not in self._by_stem]
        if unknown:
            more = f" ({counted(len(unknown) - 1, 'other')} likewise)" if len(unknown) > 1 else ""
            raise Failure(f"{path} lists {unknown[0]}, which has no mask{more}; complete the data")
        return [self._by_stem[stem] for stem in stems]


def stem_of_line(line: str, path: Path) -> str:
    """`Ted_Turner 0001` and `Ted_Turner 1` both mean Ted_Turner_0001."""
    words = line.split()
    if len(words) != 2 or not words[1].isdecimal():
        raise Failure(f"{path} has the line {line!r}; expected NAME NUMBER, as in 'Ted_Turner 0001'")
    return f"{words[0]}_{int(words[1]):04d}"


def parts_of_colours(mask: np.ndarray, path: Path) -> np.ndarray:
    """uint8 (H, W, 3) in pure red, green and blue to part ids; any other colour is a `Failure` that names it."""
    if mask.ndim != 3:
        raise Failure(f"mask {path} is grey; LFW's masks are colour: red hair, green face, blue background")
    # A pure colour has channels of 0 and 255 only, so their last bits say it all.
    lit = mask & 1
    parts = PART_OF_BITS[lit[..., 0] | (lit[..., 1] << 1) | (lit[..., 2] << 2)]
    if (parts != UNEXPECTED).all() and np.array_equal(mask, lit * np.uint8(255)):
        return parts
    wrong = (parts == UNEXPECTED) | (mask != lit * np.uint8(255)).any(axis=-1)
    row, column = np.argwhere(wrong)[0]
    colour = tuple(int(value) for value in mask[row, column])
    raise Failure(
        f"mask {path} has the colour {colour} at row {row}, column {column} ({wrong.sum()} such pixels); "
        "expected (255, 0, 0) hair, (0, 255, 0) face or (0, 0, 255) background"
    )
