"""Finds images, trimaps and lists: a tree is used in place, an archive is extracted into the cache once."""

from collections.abc import Callable
from pathlib import Path

from kseg.datasets.locate import files_by_stem
from kseg.datasets.pets.facts import ANNOTATIONS, IMAGES, PLACES
from kseg.datasets.trees import find_archive, find_tree, unpacked
from kseg.errors import Failure, UsageError


def find_images(folder: Path) -> tuple[Path, dict[str, Path]]:
    """The folder of the images, and its files by id without the `.mat` files among them."""
    images = _tree(folder, IMAGES, "", lambda name: name.endswith(".jpg"))
    return images, files_by_stem(images.glob("*.jpg"))


def find_annotations(folder: Path) -> tuple[Path, dict[str, Path]]:
    """The folder of the lists, and the trimaps by id."""
    annotations = _tree(folder, ANNOTATIONS, "trimaps", lambda name: name.endswith((".png", ".txt")))
    return annotations, files_by_stem((annotations / "trimaps").glob("*.png"))


def _tree(folder: Path, name: str, holds: str, wanted: Callable[[str], bool]) -> Path:
    """The folder `name`, with `holds` in it, in the data folder or extracted from its archive."""
    tree = find_tree(folder, PLACES, (f"{name}/{holds}",))
    if tree is not None:
        return tree / name
    archive = find_archive(folder, [f"{place}{name}.tar.gz" for place in ("", *(f"{p}/" for p in PLACES if p))])
    if archive is None:
        raise UsageError(
            f"{folder} holds neither {name}/ nor {name}.tar.gz; see `kseg data info pets` for the expected tree"
        )
    extracted = unpacked(archive, "pets", f"{name}, all that is read", wanted)
    if not (extracted / name / holds).is_dir():
        raise Failure(f"{archive} does not hold {'/'.join(filter(None, (name, holds)))}/; download it again")
    return extracted / name
