"""Pairs of a folder by file name, and the lists that divide them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kseg.conventions import SPLITS
from kseg.datasets.base import Record
from kseg.errors import Failure, UsageError

NOT_IMAGES = {".txt", ".json", ".csv", ".xml", ".yaml", ".yml", ".md", ".html", ".db", ".ini"}
"""What else people keep beside their images. Anything not listed has to decode, whatever its extension."""

LIST_NAMES = {"train": ("train.txt",), "validation": ("validation.txt", "val.txt"), "test": ("test.txt",)}


def find_pairs(folder: Path) -> dict[str, Record]:
    """Records by stem, sorted; an image without mask, a mask without image and a stem used twice are errors."""
    for name in ("images", "masks"):
        if not (folder / name).is_dir():
            raise UsageError(f"{folder} has no folder {name}/; a folder data set holds images/ and masks/")
    images, masks = _by_stem(folder / "images"), _by_stem(folder / "masks")
    if not images:
        raise UsageError(f"{folder / 'images'} holds no image; put PNG, JPEG, TIFF or BMP files there")
    _demand_partners(images, masks, "mask", folder / "masks")
    _demand_partners(masks, images, "image", folder / "images")
    return {stem: Record(stem, images[stem], masks[stem]) for stem in sorted(images)}


def find_lists(folder: Path) -> dict[str, Path]:
    """The split lists there are."""
    found = {}
    for split, names in LIST_NAMES.items():
        paths = [folder / name for name in names if (folder / name).is_file()]
        if len(paths) > 1:
            raise UsageError(f"{folder} holds both {names[0]} and {names[1]}; keep one of them")
        if paths:
            found[split] = paths[0]
    return found


def listed_splits(lists: Mapping[str, Path], records: Mapping[str, Record]) -> dict[str, list[Record]]:
    """The splits that lists name; a line is `cat`, `cat.jpg` or `images/cat.jpg`, further columns are left."""
    splits: dict[str, list[Record]] = {split: [] for split in SPLITS}
    home: dict[str, Path] = {}
    for split, path in lists.items():
        for line in filter(None, map(str.strip, path.read_text(encoding="utf-8-sig").splitlines())):
            stem = _stem_of(line, records)
            if stem is None:
                raise Failure(f"{path} lists {line!r}, but images/ and masks/ have no such pair; remove the line")
            if stem in home:
                raise Failure(f"{stem!r} is listed in {home[stem].name} and in {path.name}; list every image once")
            home[stem] = path
            splits[split].append(records[stem])
    return splits


def drawn_splits(records: Sequence[Record], sizes: Sequence[float], seed: int) -> dict[str, list[Record]]:
    """Splits of a shuffled folder; the same seed and files give the same splits."""
    counts = split_counts(len(records), sizes)
    order = np.random.default_rng(seed).permutation(len(records))
    splits, start = {}, 0
    for split, count in zip(SPLITS, counts, strict=True):
        splits[split] = [records[index] for index in sorted(order[start : start + count])]
        start += count
    return splits


def split_counts(total: int, sizes: Sequence[float]) -> tuple[int, int, int]:
    """How many of `total` images each split gets: shares that sum to at most 1, or numbers if one is above 1."""
    asked = " ".join(f"{size:g}" for size in sizes)
    if len(sizes) != len(SPLITS) or min(sizes) < 0:
        raise UsageError(f"--split-sizes {asked} must be three shares or numbers: train validation test")
    if max(sizes) > 1:
        if any(size != int(size) for size in sizes):
            raise UsageError(f"--split-sizes {asked} mixes shares and numbers of images; give one or the other")
        counts = [int(size) for size in sizes]
        if sum(counts) > total:
            raise UsageError(f"--split-sizes {asked} asks for {sum(counts)} images and the folder has {total}")
        return counts[0], counts[1], counts[2]
    if sum(sizes) > 1 + 1e-6:
        raise UsageError(f"--split-sizes {asked} adds up to more than 1; shares of train, validation and test must not")
    # Every split that was asked for gets at least one image; train gives way.
    validation, test = (max(1, round(total * size)) if size else 0 for size in sizes[1:])
    left = total - validation - test
    train = left if sum(sizes) > 1 - 1e-6 else min(left, round(total * sizes[0]))
    if train < (sizes[0] > 0):
        raise UsageError(f"{total} images are too few for --split-sizes {asked}; add images or change the sizes")
    return train, validation, test


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() in NOT_IMAGES or not path.is_file():
            continue
        if path.stem in found:
            raise Failure(f"{found[path.stem]} and {path.name} share the name {path.stem!r}; rename or remove one")
        found[path.stem] = path
    return found


def _demand_partners(ours: Mapping[str, Path], theirs: Mapping[str, Path], what: str, where: Path) -> None:
    alone = [path for stem, path in ours.items() if stem not in theirs]
    if alone:
        more = f" (nor have {len(alone) - 1} others)" if len(alone) > 1 else ""
        raise Failure(f"{alone[0]} has no {what} {where / alone[0].stem}.*{more}; add it or take the file out")


def _stem_of(line: str, records: Mapping[str, Record]) -> str | None:
    for text in (line, line.split()[0]):
        path = Path(text)
        for stem in (path.name, path.stem):
            if stem in records:
                return stem
    return None
