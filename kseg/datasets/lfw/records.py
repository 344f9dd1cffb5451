"""LFW Part Labels as records: the paper's splits or the official lists, pure-color masks to parts."""

from pathlib import Path

import numpy as np

from kseg.datasets.base import DATASETS
from kseg.datasets.faces import BACKGROUND, FACE, HAIR, PaperFaceDataset, PaperFaceOptions
from kseg.datasets.images import read_labels as read_mask
from kseg.datasets.lfw.facts import FACTS
from kseg.datasets.lfw.files import find_images, find_masks
from kseg.datasets.locate import existing_data_dir
from kseg.datasets.record import Record
from kseg.datasets.splits import PaperSplit
from kseg.errors import Failure

PAPER = PaperSplit(total=2927, big=(2342, 292), small=(1000, 100), test=292)
"""van Beers et al. 2019, table 1. With `big`, 2342 + 292 + 292 leaves one of the 2,927 images out, as in the paper."""

LISTS = {"train": "parts_train.txt", "validation": "parts_validation.txt", "test": "parts_test.txt"}

UNEXPECTED = 254
# One bit per channel that is 255: red is hair, green is face (neck included), blue is background.
PART_OF_BITS = np.full(8, UNEXPECTED, dtype=np.uint8)
PART_OF_BITS[[0b001, 0b010, 0b100]] = HAIR, FACE, BACKGROUND


@DATASETS.register("lfw")
class LFW(PaperFaceDataset):
    """LFW Part Labels. `--data-dir` holds the upstream archives or the extracted tree."""

    name = "lfw"
    title = "LFW Part Labels: 2,927 faces, 250×250, background / hair / face"
    facts = FACTS
    paper = PAPER
    lists = LISTS
    lacking = "mask"

    def __init__(self, options: PaperFaceOptions):
        folder = existing_data_dir(self.name, options.data_dir)
        masks = find_masks(folder)
        images = find_images(folder, masks)
        records = (Record(stem, images[stem], mask) for stem, mask in masks.items())
        super().__init__(options, folder, records, where=f"labeled images under {folder}")

    def listed_id(self, line: str, path: Path) -> str:
        return stem_of_line(line, path)

    def read_labels(self, record: Record) -> np.ndarray:
        return parts_of_colors(read_mask(record.annotation), record.annotation)


def stem_of_line(line: str, path: Path) -> str:
    """`Ted_Turner 0001` and `Ted_Turner 1` both mean Ted_Turner_0001."""
    words = line.split()
    if len(words) != 2 or not words[1].isdecimal():
        raise Failure(f"{path} has the line {line!r}; expected NAME NUMBER, as in 'Ted_Turner 0001'")
    return f"{words[0]}_{int(words[1]):04d}"


def parts_of_colors(mask: np.ndarray, path: Path) -> np.ndarray:
    """uint8 (H, W, 3) in pure red, green and blue to part ids; any other color is a `Failure` that names it."""
    if mask.ndim != 3:
        raise Failure(
            f"mask {path} is gray; LFW's masks are color (red hair, green face, blue background): extract it again"
        )
    # A pure color has channels of 0 and 255 only, so their last bits suffice.
    lit = mask & 1
    parts = PART_OF_BITS[lit[..., 0] | (lit[..., 1] << 1) | (lit[..., 2] << 2)]
    if (parts != UNEXPECTED).all() and np.array_equal(mask, lit * np.uint8(255)):
        return parts
    wrong = (parts == UNEXPECTED) | (mask != lit * np.uint8(255)).any(axis=-1)
    row, column = np.argwhere(wrong)[0]
    color = tuple(int(value) for value in mask[row, column])
    raise Failure(
        f"mask {path} has the color {color} at row {row}, column {column} ({wrong.sum()} such pixels); "
        "expected (255, 0, 0) hair, (0, 255, 0) face or (0, 0, 255) background; extract it again"
    )
