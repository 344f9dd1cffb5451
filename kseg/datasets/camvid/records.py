"""CamVid as records: SegNet's 367 / 101 / 233 with ids, or the original colors mapped to the same eleven classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kseg.conventions import SPLITS, VOID
from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.camvid.classes import CLASSES, NAMES, ORIGINAL_COLORS, PALETTE
from kseg.datasets.camvid.facts import FACTS
from kseg.datasets.camvid.files import find_splits
from kseg.datasets.ids import read_ids
from kseg.datasets.images import read_labels as read_mask
from kseg.datasets.lists import read_list
from kseg.datasets.locate import existing_data_dir
from kseg.datasets.options import DataOptions
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel
from kseg.datasets.trees import listed_records
from kseg.errors import Failure

SEGNET_VOID = 11


@DATASETS.register("camvid")
class CamVid(Dataset):
    """CamVid with eleven classes. `--data-dir` holds SegNet's archive or tree, or the original images and labels."""

    name = "camvid"
    title = "CamVid: 701 road scenes, 11 classes and void, SegNet's 360×480 or the original 720×960"
    facts = FACTS
    legend = Relabel(NAMES, PALETTE, background=False)
    """Class 0 is sky."""
    training_size = 360, 480
    """As in SegNet and in Rahman & Wang."""

    def __init__(self, options: DataOptions):
        super().__init__(options)
        self.has_original_labels, self._files = find_splits(existing_data_dir(self.name, options.data_dir))

    def all_records(self, split: str) -> Sequence[Record]:
        files = self._files[split]
        return listed_records(read_list(files.list), files.images, files.masks, listed_in=files.list, where=files.where)

    def every_record(self) -> Sequence[Record]:
        return [record for split in SPLITS for record in self.all_records(split)]

    def read_labels(self, record: Record) -> np.ndarray:
        mask = record.annotation
        if self.has_original_labels:
            return classes_of_colors(read_mask(mask), mask)
        return read_ids(mask, len(NAMES), void=SEGNET_VOID, whose="CamVid's masks")


def _packed(colors: np.ndarray) -> np.ndarray:
    return colors.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)


def _original_table() -> tuple[np.ndarray, np.ndarray]:
    """(packed colors in ascending order, the class id of each)."""
    class_of = {original: index for index, (_, gathered) in enumerate(CLASSES.values()) for original in gathered}
    codes = _packed(np.array(list(ORIGINAL_COLORS.values())))
    ids = np.array([class_of.get(original, VOID) for original in ORIGINAL_COLORS], dtype=np.uint8)
    order = np.argsort(codes)
    return codes[order], ids[order]


ORIGINAL_CODES, ORIGINAL_IDS = _original_table()


def classes_of_colors(mask: np.ndarray, path: Path) -> np.ndarray:
    """uint8 (H, W, 3) in CamVid's 32 colors to ids of the 11 classes; any other color is a `Failure`."""
    if mask.ndim != 3:
        raise Failure(f"mask {path} is gray; the original CamVid labels are colors: put ids into SegNet's layout")
    codes = _packed(mask)
    places = np.minimum(np.searchsorted(ORIGINAL_CODES, codes), len(ORIGINAL_CODES) - 1)
    wrong = ORIGINAL_CODES[places] != codes
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        color = tuple(int(value) for value in mask[row, column])
        raise Failure(
            f"mask {path} has the color {color} at row {row}, column {column} ({wrong.sum()} such pixels), which is "
            "none of CamVid's 32; extract it from the archive again"
        )
    return ORIGINAL_IDS[places]
