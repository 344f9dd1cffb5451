"""Split lists of benchmarks: one image a line, written in more ways than one; and the lists that kseg brings along."""

import sys
from pathlib import Path, PurePosixPath

from kseg.errors import Failure, UsageError

SOURCE_TREE = Path(__file__).parents[2] / "data" / "splits"
INSTALLED = Path(sys.prefix) / "share" / "kseg" / "splits"


def read_list(path: Path) -> list[str]:
    """The ids that a list names, in its order.

    A line is an id, a file name or a path of either kind (`0001TP_008550`, `0001TP_008550.jpg`,
    `/SegNet/CamVid/test/0001TP_008550.jpg`, `JPEGImages\\2007_000032.jpg`); further columns, such as the path of the
    mask, are left. Line ends of Windows, a byte order mark and empty lines do not matter. Raises `Failure` for a file
    that cannot be read or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Failure(f"the list {path} cannot be read ({reason}); copy it again") from error
    ids = [id_of_line(line) for line in lines if line.strip()]
    if not ids:
        raise Failure(f"the list {path} names no image; copy it again")
    return ids


def id_of_line(line: str) -> str:
    """`/SegNet/CamVid/test/0001TP_008550.jpg /SegNet/…png` means 0001TP_008550."""
    return PurePosixPath(line.split()[0].replace("\\", "/")).stem


def committed_list(folder: str, name: str) -> Path:
    """The list `data/splits/FOLDER/NAME.txt` of kseg itself."""
    for root in (SOURCE_TREE, INSTALLED):
        if (path := root / folder / f"{name}.txt").is_file():
            return path
    raise UsageError(
        f"kseg's own list {folder}/{name}.txt lies neither in {SOURCE_TREE} nor in {INSTALLED}; install kseg again"
    )
