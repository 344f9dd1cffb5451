"""Where a data set's files lie, and where kseg caches what it derives from them."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from kseg.datasets.contents import WHOLE, content_digest
from kseg.errors import UsageError

DATA_VARIABLE = "KSEG_DATA"
"""Environment variable: the folder that holds one folder per data set."""

CACHE_VARIABLE = "KSEG_CACHE"
"""Environment variable: where archives are extracted to (default: ~/.cache/kseg)."""


def data_dir(folder: str, given: Path | None) -> Path:
    """The folder of a data set: `given`, or else `folder` under $KSEG_DATA, or under data.

    The folder need not exist; `existing_data_dir` checks it.
    """
    if given is not None:
        return Path(given).expanduser()
    return Path(os.environ.get(DATA_VARIABLE) or "data").expanduser() / folder


def existing_data_dir(name: str, given: Path | None, *, folder: str | None = None) -> Path:
    """`data_dir` of the data set `name`, whose folder is `folder` or `name`. Raises UsageError if it is missing."""
    path = data_dir(folder or name, given)
    if not path.is_dir():
        raise UsageError(
            f"no folder {path} with the files of {name}; pass --data-dir, set {DATA_VARIABLE} to the folder that "
            f"holds {folder or name}/, or see `kseg data info {name}` for where to get them"
        )
    return path


def cache_dir() -> Path:
    """$KSEG_CACHE, or ~/.cache/kseg; created when something is written to it."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "kseg").expanduser()


def stamp(*paths: Path) -> str:
    """A short text of names and contents: it changes when a file is replaced, and stays when its folder moves.

    For a file too large to be read whole, its time is included, since the blocks that are read may be unchanged.
    Raises: OSError for a file that does not exist.
    """
    return " ".join(_stamp(path, path.stat()) for path in paths)


def short_hash(text: str) -> str:
    """Twelve hexadecimal digits for a folder's name."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def files_by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by name without extension, sorted; macOS's AppleDouble twins (`._NAME`) are not files of the data set."""
    return {path.stem: path for path in sorted(paths) if not path.name.startswith("._")}


def _stamp(path: Path, status: os.stat_result) -> str:
    time = f":{status.st_mtime_ns}" if status.st_size > WHOLE else ""
    return f"{path.name}:{content_digest(path)}{time}"
