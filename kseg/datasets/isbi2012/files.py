"""Finds the slices, either as files or in stacks, which are split into slices in the cache once."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kseg.datasets.images import save_image
from kseg.datasets.isbi2012.facts import LABELS, VOLUME
from kseg.datasets.locate import cache_dir, files_by_stem, short_hash, stamp
from kseg.datasets.trees import find_archive, find_tree, opened_folder, unpacked
from kseg.errors import Failure, UsageError

NAME = "isbi2012"
PLACES = ("", "train", "isbi2012", "isbi2012/train", "membrane/train", "data/membrane/train")
"""Where images and labels may lie in the data folder."""

FOLDERS = (("image", "label"), ("images", "labels"))
ARCHIVES = ("isbi2012_em.tar", "isbi2012.tar", "isbi2012.tar.gz", "isbi2012.zip")


def find_slices(given: Path | None) -> tuple[list[str], dict[str, Path], dict[str, Path]]:
    """Numbers of the slices in order, and the files of images and labels by number.

    Raises: UsageError where there are no slices; Failure where images and labels do not belong together.
    """
    folder = opened_folder(NAME, given)
    folders = _slices_in(folder)
    if folders is None and (archive := find_archive(folder, ARCHIVES)) is not None:
        folder = unpacked(archive, NAME, "everything", lambda name: True)
        folders = _slices_in(folder)
    if folders is None:
        raise UsageError(
            f"{folder} holds neither train/image/ and train/label/ nor {VOLUME} and {LABELS}; "
            f"see `kseg data info {NAME}` for the expected tree"
        )
    images, labels = (files_by_stem(one.glob("*.*")) for one in folders)
    odd = sorted(images.keys() ^ labels.keys())
    wordy = sorted(name for name in images if not name.isdecimal())
    if odd or wordy or not images:
        what = f"{odd[0]} has no image or no label" if odd else f"{wordy[0]} is no number" if wordy else "no slice"
        raise Failure(f"slices in {folders[0]} and {folders[1]}: {what}; the files are named 0.png, 1.png … in both")
    return sorted(images, key=int), images, labels


def _slices_in(folder: Path) -> tuple[Path, Path] | None:
    for image, label in FOLDERS:
        if (tree := find_tree(folder, PLACES, (image, label))) is not None:
            return tree / image, tree / label
    if (tree := find_tree(folder, PLACES, (VOLUME, LABELS))) is not None:
        return divided(tree / VOLUME), divided(tree / LABELS)
    return None


def divided(stack: Path) -> Path:
    """The folder with the slices of a stack as PNG, 0.png, 1.png …; written once, complete or not at all."""
    target = cache_dir() / NAME / f"{stack.stem}-{short_hash(stamp(stack))}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
        root = Path(temporary) / "slices"
        root.mkdir()
        for number, pixels in enumerate(pages(stack)):
            save_image(root / f"{number}.png", pixels)
        try:
            os.rename(root, target)
        except OSError:
            if not target.is_dir():  # otherwise another process was faster
                raise
    return target


def pages(stack: Path) -> Iterator[np.ndarray]:
    """uint8 (H, W) of each page of a TIFF. Raises: Failure."""
    import tifffile

    try:
        with tifffile.TiffFile(stack) as tiff:
            # ImageJ describes all slices in one page; only the series gives all.
            whole = tiff.series[0].asarray()
    except Exception as error:  # tifffile passes on whatever its decoders raise
        raise Failure(f"stack {stack} cannot be read ({error}); download it again") from error
    if whole.ndim != 3 or whole.dtype != np.uint8:
        raise Failure(
            f"stack {stack} has the shape {whole.shape} and values of {whole.dtype}; expected gray slices of 8 bits; "
            "download it again"
        )
    yield from whole
