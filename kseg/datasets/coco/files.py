"""Finds the annotations and images of COCO's splits, in a tree or packed as upstream packs them."""

from dataclasses import dataclass
from pathlib import Path

from kseg.datasets.coco.facts import ANNOTATIONS, FOLDERS, YEARS
from kseg.datasets.trees import find_archive, unpacked
from kseg.errors import UsageError

ROOTS = ("", "coco", "COCO", "coco2017", "coco2014")


@dataclass(frozen=True)
class SplitPlaces:
    """Where one split lies."""

    json: Path
    images: Path


def find_splits(folder: Path, stem: str, dataset: str, archive: str = ANNOTATIONS) -> dict[str, SplitPlaces]:
    """The splits of the first year that has any.

    Args:
      stem: what the JSON's name begins with, as in `instances_train2017.json`.
      dataset: whose cache packed files are extracted into.
      archive: the name of the packed annotations, by {year}.
    Raises: UsageError where no annotations, or no images for them, are there.
    """
    for year in YEARS:
        places: dict[str, SplitPlaces] = {}
        for split, part in FOLDERS.items():
            json = _annotations(folder, f"{stem}_{part}{year}.json", dataset, archive.format(year=year))
            if json is not None:
                places[split] = SplitPlaces(json, _images(folder, f"{part}{year}", dataset, json))
        if places:
            return places
    first, part = YEARS[0], FOLDERS["train"]
    raise UsageError(
        f"{folder} holds neither annotations/{stem}_{part}{first}.json nor {archive.format(year=first)}; see `kseg "
        f"data info {dataset}` for the expected tree, or take --dataset folder for a JSON of your own"
    )


def _annotations(folder: Path, name: str, dataset: str, packed: str) -> Path | None:
    for root in ROOTS:
        if (path := folder / root / "annotations" / name).is_file():
            return path
    archive = find_archive(folder, [packed])
    if archive is None:
        return None
    # The panoptic archive holds its PNGs as another archive.
    path = unpacked(archive, dataset, "annotations", lambda inside: "annotations/" in inside) / "annotations" / name
    return path if path.is_file() else None


def _images(folder: Path, name: str, dataset: str, json: Path) -> Path:
    for root in ROOTS:
        for place in (folder / root / name, folder / root / "images" / name):
            if place.is_dir():
                return place
    archive = find_archive(folder, [f"{name}.zip"])
    if archive is None:
        raise UsageError(f"{json} is there, but neither {name}/ nor {name}.zip with its images in {folder}; add it")
    return unpacked(archive, dataset, "images", lambda inside: f"{name}/" in inside) / name
