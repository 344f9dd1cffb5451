"""Split lists of benchmarks, one image per line in various formats, and the lists that kseg includes."""

import codecs
import sys
from pathlib import Path, PurePosixPath

from kseg.errors import Failure, UsageError
from kseg.reading import read_bytes

SOURCE_TREE = Path(__file__).parents[2] / "data" / "splits"
INSTALLED = Path(sys.prefix) / "share" / "kseg" / "splits"


BYTE_ORDER_MARKS = (  # UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
COMMENT = "#"


def read_list(path: Path) -> list[str]:
    """The ids that a list names, in its order.

    A line is an id, a file name or a path of either kind (`0001TP_008550`, `0001TP_008550.jpg`,
    `/SegNet/CamVid/test/0001TP_008550.jpg`, `JPEGImages\\2007_000032.jpg`); further columns, such as the path of the
    mask, are ignored. Raises `Failure` for a file that cannot be read or names no image.
    """
    ids = [id_of_line(line) for line in read_lines(path) if not line.startswith(COMMENT)]
    if not ids:
        raise Failure(f"the list {path} names no image; copy it again")
    return ids


def read_lines(path: Path) -> list[str]:
    """The stripped lines of a list without empty ones.

    Line ends of any system are accepted, and UTF-8, UTF-16 and UTF-32 with a byte order mark. Without a mark, the text
    is UTF-16 where it holds zero bytes, else UTF-8, else Windows-1252. Raises `Failure` for a file that cannot be read.
    """
    try:
        content = read_bytes(path)
        lines = _decoded(content).replace("\ufeff", "").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Failure(f"the list {path} cannot be read ({reason}); save it as UTF-8 text") from error
    return [line.strip() for line in lines if line.strip()]


def _decoded(content: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
    if b"\0" in content:
        return content.decode("utf-16-le" if content[1:2] == b"\0" else "utf-16-be")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="surrogateescape")


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
