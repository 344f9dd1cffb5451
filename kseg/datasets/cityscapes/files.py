"""Finds images and fine labels of Cityscapes, in a tree or packed, and says which half is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kseg.datasets.cityscapes.facts import ARCHIVES, COARSE, FINE, IMAGES
from kseg.datasets.trees import find_archive, find_tree, unpacked
from kseg.errors import UsageError

FOLDERS = {"train": "train", "validation": "val"}
ROOTS = ("", "cityscapes", "Cityscapes")

KINDS = ("labelIds", "labelTrainIds", "instanceIds")
"""Endings of the PNGs that are read; colors and polygons are not."""


@dataclass(frozen=True)
class Labels:
    """The PNGs of one image that exist, by kind."""

    files: Mapping[str, Path]

    @property
    def semantic(self) -> Path | None:
        """Classes: `labelIds` before `labelTrainIds`, which follow from them."""
        return self.files.get(KINDS[0]) or self.files.get(KINDS[1])

    @property
    def instances(self) -> Path | None:
        return self.files.get(KINDS[2])


@dataclass(frozen=True)
class SplitFiles:
    """One split, by image id: `aachen_000000_000019`."""

    images: dict[str, Path]
    labels: dict[str, Labels]


def find_files(folder: Path, dataset: str) -> dict[str, SplitFiles]:
    """The files of train and validation.

    Raises: UsageError where all images or all fine labels are missing; the message says what is there instead.
    """
    images, labels = (_tree(folder, name, dataset) for name in (IMAGES, FINE))
    if images is None and labels is None and _place(folder, COARSE) is None:
        raise UsageError(
            f"{folder} holds neither {IMAGES}/ and {FINE}/ nor {' and '.join(ARCHIVES.values())}; see `kseg data info "
            f"{dataset}` for the expected tree"
        )
    if labels is None:
        coarse = _place(folder, COARSE)
        there = f"{coarse}, whose labels leave most pixels void," if coarse else f"{images}"
        raise UsageError(f"{folder} holds {there} but no {FINE}/; add it ({ARCHIVES[FINE]})")
    if images is None:
        raise UsageError(f"{folder} holds {labels} but no {IMAGES}/, the images; add it ({ARCHIVES[IMAGES]})")
    by_split = {split: _split(images / part, labels / part) for split, part in FOLDERS.items()}
    if not any(one.semantic for files in by_split.values() for one in files.labels.values()):
        raise UsageError(
            f"{labels} holds no *_{FINE}_{KINDS[0]}.png and no *_{FINE}_{KINDS[1]}.png in train/ and val/; colors and "
            f"polygons are not read: add those PNGs ({ARCHIVES[FINE]}, or Cityscapes' own scripts make them)"
        )
    return by_split


def _place(folder: Path, name: str) -> Path | None:
    root = find_tree(folder, ROOTS, (name,))
    return None if root is None else root / name


def _tree(folder: Path, name: str, dataset: str) -> Path | None:
    place = _place(folder, name)
    if place is not None:
        return place
    archive = find_archive(folder, [ARCHIVES[name]])
    if archive is None:
        return None
    ends = (*(f"_{kind}.png" for kind in KINDS), f"_{IMAGES}.png")
    parts = tuple(f"{name}/{part}/" for part in FOLDERS.values())
    extracted = unpacked(
        archive, dataset, "train and val", lambda inside: inside.endswith(ends) and any(p in inside for p in parts)
    )
    return _place(extracted, name)


def _split(images: Path, labels: Path) -> SplitFiles:
    by_stem: dict[str, dict[str, Path]] = {}
    for path in sorted(labels.glob("*/*.png")):
        stem, _, kind = path.stem.partition(f"_{FINE}_")
        if kind in KINDS and not path.name.startswith("._"):
            by_stem.setdefault(stem, {})[kind] = path
    return SplitFiles(
        {
            path.stem.removesuffix(f"_{IMAGES}"): path
            for path in sorted(images.glob(f"*/*_{IMAGES}.*"))
            if not path.name.startswith("._")
        },
        {stem: Labels(files) for stem, files in by_stem.items()},
    )
