"""Finds a year's lists, images and masks: a tree is used in place, an archive is extracted into the cache."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kseg.datasets.locate import files_by_stem
from kseg.datasets.trees import find_archive, find_tree, unpacked
from kseg.datasets.voc.facts import ARCHIVES, SBD_ARCHIVE, SBD_TREE
from kseg.errors import Failure, UsageError
from kseg.wording import counted

LISTS, MASKS, IMAGES = "ImageSets/Segmentation", "SegmentationClass", "JPEGImages"


@dataclass(frozen=True)
class Files:
    """The files, by image id."""

    images: dict[str, Path]
    masks: dict[str, Path]
    """palette PNGs of VOC and, where it has none, `.mat` files of SBD"""
    lists: Path
    """the devkit's folder of lists; it may be missing"""
    where: dict[str, Path]
    """folder of "image" and "mask", for messages"""


def find_files(folder: Path, year: str, others: Collection[str] = ()) -> Files:
    """The files of `year` under the data folder; from an archive, the images with a mask and those of the ids `others`.

    Raises `UsageError` when neither tree nor archive exists, `Failure` for an archive of other data.
    """
    # 1. a tree that is already extracted
    places = (f"VOCdevkit/VOC{year}", f"TrainVal/VOCdevkit/VOC{year}", f"VOC{year}")
    tree = find_tree(folder, (*places, ""), (MASKS, IMAGES))
    if tree is not None:
        if re.fullmatch(r"VOC\d{4}", tree.resolve().name) and tree.resolve().name != f"VOC{year}":
            raise UsageError(
                f"{tree} is not of {year}; pass --year {tree.resolve().name[3:]} or the folder of VOC{year}"
            )
        return _files(tree, tree)
    # 2. the archive: lists and masks, then the images that belong to them
    archive = find_archive(folder, [ARCHIVES[year]])
    if archive is None:
        raise UsageError(
            f"{folder} holds neither VOCdevkit/VOC{year}/ nor {ARCHIVES[year]}; see `kseg data info voc` for the "
            "expected tree"
        )
    labels = unpacked(archive, "voc", "lists and masks", lambda name: _is_in(name, LISTS) or _is_in(name, MASKS))
    labels_tree = find_tree(labels, places, (MASKS,))
    if labels_tree is None:
        raise Failure(f"{archive} does not hold VOCdevkit/VOC{year}/{MASKS}/; download it again")
    wanted = {*files_by_stem((labels_tree / MASKS).glob("*.png")), *others}
    images = unpacked(
        archive,
        "voc",
        f"{counted(len(wanted), 'image')}",
        lambda name: _is_in(name, IMAGES) and PurePosixPath(name).stem in wanted,
    )
    images_tree = find_tree(images, places, (IMAGES,))
    if images_tree is None:
        raise Failure(f"{archive} does not hold VOCdevkit/VOC{year}/{IMAGES}/; download it again")
    return _files(labels_tree, images_tree)


def with_sbd(files: Files, folder: Path) -> Files:
    """`files` with SBD's masks where VOC has none, and with SBD's copies of images that the devkit lacks."""
    tree = find_tree(folder, (SBD_TREE, "dataset", "sbd"), ("cls",))
    if tree is None:
        archive = find_archive(folder, [SBD_ARCHIVE])
        if archive is None:
            raise UsageError(
                f"--year 2012+sbd needs {SBD_TREE}/ or {SBD_ARCHIVE} in {folder}; see `kseg data info voc`"
            )
        extracted = unpacked(
            archive,
            "voc",
            f"masks, and images but {len(files.images)}",
            lambda name: _is_in(name, "cls") or (_is_in(name, "img") and PurePosixPath(name).stem not in files.images),
        )
        tree = find_tree(extracted, (SBD_TREE,), ("cls",))
        if tree is None:
            raise Failure(f"{archive} does not hold {SBD_TREE}/cls/; download it again")
    return Files(
        images=files_by_stem((tree / "img").glob("*.jpg")) | files.images,
        masks=files_by_stem((tree / "cls").glob("*.mat")) | files.masks,
        lists=files.lists,
        where={"image": files.where["image"], "mask": tree / "cls"},
    )


def _files(labels: Path, images: Path) -> Files:
    return Files(
        images=files_by_stem((images / IMAGES).glob("*.jpg")),
        masks=files_by_stem((labels / MASKS).glob("*.png")),
        lists=labels / LISTS,
        where={"image": images / IMAGES, "mask": labels / MASKS},
    )


def _is_in(name: str, folder: str) -> bool:
    return f"/{folder}/" in f"/{name}"
