"""Finds VOC 2010's images and lists and one of three kinds of labels, as trees or packed."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kseg.datasets.locate import files_by_stem
from kseg.datasets.pascal_context.facts import IMAGES_ARCHIVE, LABEL_ARCHIVES, MAPS, OFFICIAL, SORTED
from kseg.datasets.trees import find_archive, find_tree, unpacked
from kseg.errors import Failure, UsageError

IMAGES, LISTS = "JPEGImages", ("ImageSets/SegmentationContext", "ImageSets/Main", "")
DEVKITS = ("VOCdevkit/VOC2010", "TrainVal/VOCdevkit/VOC2010", "VOC2010", "")
FOLDERS = {"train": "train", "validation": "val"}
SUFFIX = {MAPS: ".mat", OFFICIAL: ".png", SORTED: ".png"}


@dataclass(frozen=True)
class Files:
    """The files, by image id."""

    images: dict[str, Path]
    labels: dict[str, Path]
    lists: dict[str, Path]
    """by split"""
    where: dict[str, Path]
    """folder of "image" and "mask", for messages"""


def find_files(folder: Path, dataset: str) -> Files:
    """Images, labels and lists. Raises UsageError where one of these is missing, Failure for archives of other data."""
    labels, labeled = _labels(folder, dataset)
    devkit = find_tree(folder, DEVKITS, (IMAGES,)) or _devkit(folder, dataset, set(labeled))
    lists = {split: _list(folder, devkit, f"{name}.txt") for split, name in FOLDERS.items()}
    return Files(
        files_by_stem((devkit / IMAGES).glob("*.jpg")), labeled, lists, {"image": devkit / IMAGES, "mask": labels}
    )


def _labels(folder: Path, dataset: str) -> tuple[Path, dict[str, Path]]:
    for name, suffix in SUFFIX.items():
        root = find_tree(folder, DEVKITS, (name,))
        place = None if root is None else root / name
        if place is None and name in LABEL_ARCHIVES:
            archive = find_archive(folder, [LABEL_ARCHIVES[name]])
            if archive is not None:
                place = unpacked(archive, dataset, "labels", lambda inside, end=suffix: inside.endswith(end))  # type: ignore[misc]
                place = place / name if (place / name).is_dir() else place
        labels = files_by_stem(place.glob(f"*{suffix}")) if place is not None else {}
        if place is not None and not labels:
            raise Failure(f"{place} holds no {suffix} file, the labels of this data set; extract them again")
        if place is not None:
            return place, labels
    raise UsageError(
        f"{folder} holds no labels: neither {MAPS}/ID.mat, {OFFICIAL}/ID.png nor VOC2010/{SORTED}/ID.png, nor "
        f"{' or '.join(LABEL_ARCHIVES.values())}; see `kseg data info {dataset}` for the expected tree"
    )


def _devkit(folder: Path, dataset: str, wanted: set[str]) -> Path:
    archive = find_archive(folder, [IMAGES_ARCHIVE])
    if archive is None:
        raise UsageError(
            f"{folder} holds labels but neither VOCdevkit/VOC2010/{IMAGES}/ nor {IMAGES_ARCHIVE} with their images; "
            "add it"
        )
    extracted = unpacked(
        archive,
        dataset,
        "lists and labeled images",
        lambda name: "/ImageSets/Main/" in name or (f"/{IMAGES}/" in name and PurePosixPath(name).stem in wanted),
    )
    devkit = find_tree(extracted, DEVKITS, (IMAGES,))
    if devkit is None:
        raise Failure(f"{archive} does not hold VOCdevkit/VOC2010/{IMAGES}/ with labeled images; download it again")
    return devkit


def _list(folder: Path, devkit: Path, name: str) -> Path:
    for place in (*(devkit / lists for lists in LISTS), folder):
        if (place / name).is_file():
            return place / name
    raise UsageError(f"{devkit / LISTS[1] / name}, VOC 2010's list, is missing; extract the devkit again")
