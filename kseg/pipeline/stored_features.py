"""The feature caches on disk, all together: listed, removed, kept within a bound.

Whoever reads a cache holds a shared lock on its `meta.json` and leaves the time there. What is not locked can be
computed again at any time, so the least recently used goes first when a new one needs the room.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from kseg.errors import UsageError
from kseg.pipeline.feature_files import partial_name
from kseg.reading import parse_json, read_text
from kseg.wording import counted

try:
    import fcntl
except ImportError:  # Windows, which does not let go of files that are open
    fcntl = None  # type: ignore[assignment]

GB = 1024**3
META = "meta.json"
LIMIT_VARIABLE = "KSEG_CACHE_LIMIT"
"""The environment variable that bounds all feature caches together, in gigabytes."""
LIMIT = 64.0


class Tensor(TypedDict):
    """One array of a cache, without its axis of images."""

    shape: list[int]
    dtype: str


class Meta(TypedDict):
    """`meta.json` of a cache."""

    count: int
    tensors: list[Tensor]
    dataset: NotRequired[str]


@dataclass(frozen=True)
class StoredFeatures:
    """One cache: its folder, named by its key; bytes on disk; when it was last used (seconds since 1970)."""

    path: Path
    bytes: int
    used: float
    title: str

    def __str__(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.used))
        return f"{self.path.name}  {self.bytes / GB:7.2f} GB  used {when}  {self.title}"


def limit() -> float:
    """Bytes that all caches together may take; the one that a run makes is made also if it alone takes more."""
    given = os.environ.get(LIMIT_VARIABLE) or str(LIMIT)
    try:
        gigabytes = float(given)
    except ValueError:
        gigabytes = -1.0
    if not gigabytes >= 0:
        raise UsageError(f"{LIMIT_VARIABLE} is {given!r}; give a number of gigabytes, such as {LIMIT:g}")
    return gigabytes * GB


def stored_features(folder: Path) -> list[StoredFeatures]:
    """Every complete cache in `folder`, the least recently used first."""
    features = []
    for meta in folder.glob(f"[!.]*/{META}"):
        with suppress(OSError):  # removed by somebody meanwhile
            size = sum(file.stat().st_size for file in meta.parent.iterdir())
            features.append(StoredFeatures(meta.parent, size, meta.stat().st_mtime, _title(meta)))
    return sorted(features, key=lambda stored: stored.used)


def hold(path: Path) -> int | None:
    """Marks the cache at `path` as used now, and in use until the returned descriptor is closed; None if it is gone."""
    try:
        descriptor = os.open(path / META, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    if fcntl:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH)
    if not (path / META).exists():  # it went while we waited for the lock
        os.close(descriptor)
        return None
    with suppress(OSError):  # somebody else's cache, which we may only read
        os.utime(path / META)
    return descriptor


def in_use(stored: StoredFeatures) -> bool:
    with _exclusively(stored.path) as ours:
        return not ours


def remove(stored: StoredFeatures) -> bool:
    """Removes a cache, or returns False because a run is using it."""
    with _exclusively(stored.path) as ours:
        if not ours:
            return False
        doomed = stored.path.with_name(
            partial_name(stored.path.name)
        )  # out of sight at once, swept up if we are killed
        try:
            stored.path.rename(doomed)
        except OSError:
            return False
    shutil.rmtree(doomed, ignore_errors=True)
    return True


def make_room(folder: Path, needed: int, spare: int) -> None:
    """Removes caches, the least recently used first, until `needed` more bytes keep to `limit` and leave `spare` free.

    None goes where even all of them would not make room on the disk.
    """
    caches = stored_features(folder)
    total, free = sum(stored.bytes for stored in caches), shutil.disk_usage(folder).free
    if needed + spare > free + sum(stored.bytes for stored in caches if not in_use(stored)):
        return
    for stored in caches:
        if total + needed <= limit() and needed + spare <= shutil.disk_usage(folder).free:
            return
        if remove(stored):
            total -= stored.bytes


@contextmanager
def _exclusively(path: Path) -> Iterator[bool]:
    """Whether nobody else holds this cache; nobody can take hold of it inside the block."""
    try:
        descriptor = os.open(path / META, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        yield False
        return
    try:
        if fcntl:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = True
    except OSError:
        ours = False
    try:
        yield ours
    finally:
        os.close(descriptor)


def _title(meta: Path) -> str:
    try:
        content = read_meta(meta)
        return f"{counted(content['count'], 'image')} of {content.get('dataset', 'a data set')}"
    except PermissionError:
        return "somebody else's"
    except (OSError, ValueError):
        return "damaged"


def read_meta(path: Path) -> Meta:
    """Raises: OSError; ValueError where it is damaged."""
    return parse_json(read_text(path), Meta)
