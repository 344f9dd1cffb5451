"""HELEN as records: probability maps to labels by argmax, the paper's splits or the official lists."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kseg.datasets.archives import extract_once
from kseg.datasets.base import DATASETS
from kseg.datasets.faces import BACKGROUND, FACE, HAIR, PaperFaceDataset, PaperFaceOptions
from kseg.datasets.helen.facts import ARCHIVE, FACTS
from kseg.datasets.images import read_labels
from kseg.datasets.locate import cache_dir, existing_data_dir, files_by_stem, short_hash, stamp
from kseg.datasets.record import Record
from kseg.datasets.splits import PaperSplit
from kseg.errors import Failure, UsageError

PAPER = PaperSplit(total=2330, big=(1864, 233), small=(1000, 100), test=233)
"""van Beers et al. 2019, table 1: 1864 + 233 + 233 = 2330."""

LISTS = {"train": "exemplars.txt", "validation": "tuning.txt", "test": "testing.txt"}

MAPS = ("background", "skin", "left brow", "right brow", "left eye", "right eye", "nose", "upper lip", "inner mouth",
        "lower lip", "hair")  # fmt: skip
PART_OF_MAP = np.full(len(MAPS), FACE, dtype=np.uint8)
PART_OF_MAP[[MAPS.index("background"), MAPS.index("hair")]] = BACKGROUND, HAIR


@DATASETS.register("helen")
class Helen(PaperFaceDataset):
    """HELEN in the layout of SmithCVPR2013_dataset_resized; an annotation is the folder of its eleven maps."""

    name = "helen"
    title = "HELEN (SmithCVPR2013): 2,330 faces, background / hair / face from 11 probability maps"
    facts = FACTS
    paper = PAPER
    lists = LISTS
    lacking = "image"

    def __init__(self, options: PaperFaceOptions):
        folder = _root(existing_data_dir(self.name, options.data_dir))
        images = files_by_stem((folder / "images").glob("*.jpg"))
        records = (Record(stem, image, folder / "labels" / stem) for stem, image in images.items())
        super().__init__(options, folder, records, where=f"images in {folder / 'images'}")

    def listed_id(self, line: str, path: Path) -> str:
        return id_of_line(line, path)

    def read_labels(self, record: Record) -> np.ndarray:
        _, *maps = self.files_of(record)
        return parts_of_maps([_read_map(path) for path in maps], maps[0].parent)

    def files_of(self, record: Record) -> Sequence[Path]:
        return record.image_file, *map_paths(record.annotation)


def parts_of_maps(maps: Sequence[np.ndarray], where: Path) -> np.ndarray:
    """Part ids of the most probable of eleven maps (H, W).

    Ties go to the lowest number. Background is 0, so a pixel that no map claims is background.
    """
    if len({values.shape for values in maps}) > 1:
        sizes = ", ".join(sorted({f"{values.shape[0]}×{values.shape[1]}" for values in maps}))
        raise Failure(f"the probability maps in {where} differ in size ({sizes}); extract the data again")
    return PART_OF_MAP[np.argmax(np.stack(maps), axis=0)]


def map_paths(folder: Path) -> list[Path]:
    """`ID/ID_lbl00.png` … `ID/ID_lbl10.png`."""
    return [folder / f"{folder.name}_lbl{number:02d}.png" for number in range(len(MAPS))]


def id_of_line(line: str, path: Path) -> str:
    """`17 , 100032540_1` means 100032540_1."""
    number, comma, image_id = (part.strip() for part in line.partition(","))
    if not (comma and number.isdecimal() and image_id):
        raise Failure(f"{path} has the line {line!r}; expected NUMBER , ID, as in '17 , 100032540_1'")
    return image_id


def _read_map(path: Path) -> np.ndarray:
    values = read_labels(path)
    if values.ndim == 3:
        if (values != values[..., :1]).any():
            raise Failure(f"{path} is in color; HELEN's probability maps are gray: extract the data again")
        values = values[..., 0]
    return values


def _root(folder: Path) -> Path:
    """The folder with images/ and labels/: `folder`, the one inside it, or the extracted archive."""
    inner = Path(ARCHIVE).stem
    for candidate in (folder, folder / inner):
        if (candidate / "images").is_dir() and (candidate / "labels").is_dir():
            return candidate
    archive = folder / ARCHIVE
    if not archive.is_file():
        raise UsageError(f"{folder} holds neither images/ and labels/ nor {ARCHIVE}; see `kseg data info helen`")
    extracted = extract_once(archive, cache_dir() / "helen" / short_hash(stamp(archive)))
    for candidate in (extracted / inner, extracted):
        if (candidate / "images").is_dir() and (candidate / "labels").is_dir():
            return candidate
    raise Failure(f"{archive} does not hold images/ and labels/; see `kseg data info helen` for the expected tree")
