"""Finds a data set's files: as a tree in one of several places, or in an archive."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kseg.datasets.archives import extract_once
from kseg.datasets.locate import cache_dir, existing_data_dir, short_hash, stamp
from kseg.datasets.record import Record
from kseg.errors import Failure
from kseg.wording import counted


def find_tree(folder: Path, places: Iterable[str], holds: Sequence[str]) -> Path | None:
    """The first of the `places` under `folder` that has all the entries `holds`; "" is the folder itself."""
    for place in places:
        if all((folder / place / entry).exists() for entry in holds):
            return folder / place
    return None


def find_archive(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of these files that exists."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def unpacked(archive: Path, dataset: str, selection: str, wanted: Callable[[str], bool]) -> Path:
    """The cache folder with the `wanted` files of an archive; `selection` names the choice in words."""
    # The folder's name depends on the archive and on what was chosen from it.
    key = short_hash(f"{stamp(archive)} {selection}")
    return extract_once(archive, cache_dir() / dataset / f"{archive.name.split('.')[0]}-{key}", wanted=wanted)


def listed_records(
    ids: Sequence[str], images: dict[str, Path], masks: dict[str, Path], *, listed_in: Path, where: dict[str, Path]
) -> list[Record]:
    """Records of listed ids; an id without image or mask is a `Failure` that names the list and the folder."""
    for kind, files in (("image", images), ("mask", masks)):
        lacking = [one for one in ids if one not in files]
        if lacking:
            more = f" (and {counted(len(lacking) - 1, 'other')})" if len(lacking) > 1 else ""
            raise Failure(
                f"{listed_in} lists {lacking[0]}, which has no {kind} in {where[kind]}{more}; complete the data or "
                "take it off the list"
            )
    return [Record(one, images[one], masks[one]) for one in ids]


def opened_folder(dataset: str, given: Path | None, *, folder: str | None = None) -> Path:
    """`existing_data_dir`, or the extracted archive if `given` is one.

    Raises: UsageError where there is neither; Failure for a broken archive.
    """
    if given is not None and Path(given).expanduser().is_file():
        return unpacked(Path(given).expanduser(), dataset, "everything", lambda name: True)
    return existing_data_dir(dataset, given, folder=folder)
