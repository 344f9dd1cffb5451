"""Finds LFW's images and masks: a tree is used in place, an archive is extracted into the cache once."""

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from kseg.datasets.archives import extract_once
from kseg.datasets.locate import cache_dir, files_by_stem, short_hash, stamp
from kseg.errors import UsageError
from kseg.wording import counted

IMAGES = "lfw_funneled"
MASKS = "parts_lfw_funneled_gt_images"
ARCHIVES = {IMAGES: "lfw-funneled.tgz", MASKS: "parts_lfw_funneled_gt_images.tgz"}


def find_masks(folder: Path) -> dict[str, Path]:
    """Mask files by stem (`Aaron_Peirsol_0001`), sorted."""
    tree = _tree(folder, MASKS, lambda name: name.endswith(".ppm"), "masks")
    return files_by_stem(tree.glob("*.ppm"))


def find_images(folder: Path, stems: Collection[str]) -> dict[str, Path]:
    """The images of these stems: `lfw_funneled/Aaron_Peirsol/Aaron_Peirsol_0001.jpg`.

    Upstream's archive holds 13,233 images; only the labeled ones are extracted.
    """
    wanted = set(stems)
    tree = _tree(folder, IMAGES, lambda name: PurePosixPath(name).stem in wanted, f"{counted(len(wanted), 'image')}")
    return {stem: tree / stem.rsplit("_", 1)[0] / f"{stem}.jpg" for stem in stems}


def _tree(folder: Path, name: str, wanted, selection: str) -> Path:
    """The folder `name` in the data folder, or extracted from its archive."""
    if (folder / name).is_dir():
        return folder / name
    archive = folder / ARCHIVES[name]
    if not archive.is_file():
        raise UsageError(
            f"{folder} holds neither {name}/ nor {archive.name}; see `kseg data info lfw` for the expected tree"
        )
    # The folder's name depends on the archive and on what was chosen from it.
    target = cache_dir() / "lfw" / f"{name}-{short_hash(stamp(archive) + selection)}"
    return extract_once(archive, target, wanted=wanted) / name
