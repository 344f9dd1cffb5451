"""COCO's panoptic format: one color PNG per image, whose pixels are segment ids, and one JSON that describes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np

from kseg.datasets.images import read_labels
from kseg.errors import Failure, UsageError
from kseg.reading import MOST_ANNOTATIONS, read_json
from kseg.wording import counted

REMEDY = "write it in COCO's panoptic format: annotations, each with image_id, file_name and segments_info"


class Category(TypedDict):
    id: int
    name: str
    isthing: NotRequired[int | bool]
    color: NotRequired[tuple[int, int, int]]


class SegmentInfo(TypedDict):
    id: int
    category_id: int
    iscrowd: NotRequired[int | bool]
    area: NotRequired[float]


class _Annotation(TypedDict):
    image_id: int | str
    file_name: str
    segments_info: list[SegmentInfo]


class _File(TypedDict):
    annotations: list[_Annotation]
    categories: NotRequired[list[Category]]


@dataclass(frozen=True)
class PanopticImage:
    """One image of a folder."""

    png: Path
    segments: tuple[SegmentInfo, ...]

    def ids(self) -> np.ndarray:
        """int32 (H, W): R + 256 G + 65536 B of each pixel; 0 means no segment.

        Raises: Failure where the file is missing, broken or not a color image.
        """
        colors = read_labels(self.png)
        if colors.ndim != 3:
            raise Failure(
                f"{self.png} has {colors.dtype} values {colors.shape}, not colors; save segment ids as RGB, "
                "id = R + 256 G + 65536 B"
            )
        weights = np.array([1, 1 << 8, 1 << 16], np.int32)
        return colors.astype(np.int32) @ weights


@dataclass(frozen=True)
class PanopticFolder:
    """What a JSON and its folder of PNGs hold."""

    json: Path
    """the folder, where each image has its own JSON"""
    categories: tuple[Category, ...]
    """empty where the file names none, as predictions may"""
    images: Mapping[int | str, PanopticImage]
    """by image_id, in the order of the file"""


def read_panoptic(path: Path, pngs: Path | None = None) -> PanopticFolder:
    """Reads the JSON and finds its PNGs.

    Args:
      path: the JSON, or the folder of PNGs. The JSON lies in the folder, or beside it under the folder's name, as in
        COCO's `panoptic_val2017/` and `panoptic_val2017.json`. A folder may also hold a JSON of the same name beside
        each PNG, as `kseg predict` writes them.
      pngs: the folder of PNGs, where it lies elsewhere.
    Raises:
      UsageError: there is no such folder, no JSON, or more than one.
      Failure: the JSON is damaged, or holds an image or a category twice.
    """
    if pngs is None and (apart := _one_beside_each_png(path)):
        return _joined(path, [read_panoptic(json, path) for json in apart])
    json, beside = _places(path)
    pngs = pngs or beside
    content: _File = read_json(json, _File, remedy=REMEDY, most=MOST_ANNOTATIONS)
    categories = content.get("categories", [])
    _once([category["id"] for category in categories], "the category", json)
    annotations = content["annotations"]
    _once([annotation["image_id"] for annotation in annotations], "the image", json)
    images = {
        # some tools write the photograph's name as file_name
        annotation["image_id"]: PanopticImage(
            (pngs / annotation["file_name"]).with_suffix(".png"), tuple(annotation["segments_info"])
        )
        for annotation in annotations
    }
    if not images:
        raise Failure(f"{json} has no annotations: nothing to read; {REMEDY}")
    return PanopticFolder(json, tuple(categories), images)


def _places(path: Path) -> tuple[Path, Path]:
    """The JSON and the folder of PNGs."""
    if path.is_file():
        beside = path.with_suffix("")
        return path, beside if beside.is_dir() else path.parent
    if not path.is_dir():
        raise UsageError(f"there is no {path}; give a folder of panoptic PNGs or its JSON")
    inside = sorted(path.glob("*.json"))
    named = path.with_name(f"{path.name}.json")
    if not inside and named.is_file():
        return named, path
    if len(inside) != 1:
        several = f"{counted(len(inside), 'JSON file')} in it ({', '.join(file.name for file in inside[:4])})"
        raise UsageError(
            f"{path} has {several if inside else 'no JSON file in it'} and no {named.name} beside it; "
            "give the JSON with segments_info itself"
        )
    below = path / inside[0].stem
    return inside[0], below if below.is_dir() else path


def _one_beside_each_png(path: Path) -> list[Path]:
    """The JSONs of a folder with several, each beside the PNG of its name; [] for any other folder."""
    if not path.is_dir():
        return []
    jsons = sorted(path.glob("*.json"))
    return jsons if len(jsons) > 1 and all(json.with_suffix(".png").is_file() for json in jsons) else []


def _joined(path: Path, folders: list[PanopticFolder]) -> PanopticFolder:
    """Joins several JSONs into one folder; a category may state isthing in only some of them."""
    categories: dict[int, Category] = {}
    images: dict[int | str, PanopticImage] = {}
    for folder in folders:
        for category in folder.categories:
            known = categories.setdefault(category["id"], category)
            both = {key: (known[key], category[key]) for key in known.keys() & category.keys()}  # type: ignore[literal-required]
            if apart := [key for key, (one, other) in both.items() if one != other]:
                one, other = both[apart[0]]
                raise Failure(
                    f"{folder.json} gives the category {category['id']} the {apart[0]} {other!r} and another JSON of "
                    f"{path} {one!r}; write all of them with one model"
                )
            categories[category["id"]] = known | category
        if twice := sorted(folder.images.keys() & images.keys(), key=str):
            raise Failure(f"{folder.json} has the image {twice[0]!r}, as another JSON of {path} has; keep one of them")
        images |= folder.images
    return PanopticFolder(path, tuple(categories.values()), images)


def _once(names: list, what: str, path: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}, key=str) if len(set(names)) < len(names) else []
    if twice:
        raise Failure(f"{path} has {what} {twice[0]!r} more than once; keep one of them")
