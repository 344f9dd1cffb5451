"""The files under a user's folder that may be images or masks."""

import os
from collections.abc import Iterator
from pathlib import Path

from kseg.errors import Failure

NOT_IMAGES = {
    ".txt", ".json", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".toml", ".md", ".rst", ".html", ".pdf", ".db", ".ini",
    ".lnk", ".py", ".ipynb", ".m", ".sh", ".npy", ".npz", ".pkl", ".mat", ".h5", ".hdf5", ".pt", ".pth", ".onnx",
    ".keras", ".tfrecord", ".zip", ".tar", ".gz", ".tgz", ".xz", ".7z", ".rar", ".log", ".xls", ".xlsx", ".doc",
    ".docx", ".mp4", ".avi", ".mov",
}  # fmt: skip
"""Other files that are kept beside images. A file whose extension is not listed has to decode."""

IGNORED_FOLDERS = {"__MACOSX", "__pycache__", "@eaDir", "$RECYCLE.BIN"}


def picture_files(folder: Path) -> list[Path]:
    """All files below `folder` that may be pictures, sorted, without hidden files and those of `NOT_IMAGES`.

    Links are followed; a folder that links back to a parent is entered once.
    """
    return sorted(_walk(folder, set()))


def _walk(folder: Path, entered: set[tuple[int, int]]) -> Iterator[Path]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        entries = list(os.scandir(folder))
    except OSError as error:
        raise Failure(f"cannot read the folder {folder} ({error.strerror}); permit it, or move it away") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if entry.name not in IGNORED_FOLDERS:
                yield from _walk(Path(entry.path), entered)
        elif Path(entry.name).suffix.lower() not in NOT_IMAGES and (entry.is_file() or entry.is_symlink()):
            yield Path(entry.path)
