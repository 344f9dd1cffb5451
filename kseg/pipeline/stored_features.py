"""All feature caches on disk: lists them, removes them and keeps their total size within a bound.

A reader holds a shared lock on a cache's `meta.json` and updates its time. A cache without a lock may be removed, since
it can be computed again; the least recently used is removed first.
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
except ImportError:  # Windows, which does not delete open files
    fcntl = None  # type: ignore[assignment]

GB = 1024**3
META = "meta.json"
LIMIT_VARIABLE = "KSEG_CACHE_LIMIT"
"""Environment variable: the most that all feature caches together may take, in gigabytes."""
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
    """One cache: its folder, named by its key; bytes on disk; time of the last use (seconds since 1970)."""

    path: Path
    bytes: int
    used: float
    title: str

    def __str__(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.used))
        return f"{self.path.name}  {self.bytes / GB:7.2f} GB  used {when}  {self.title}"


def limit() -> float:
    """Bytes that all caches together may take; the cache of the current run may exceed it alone."""
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
        with suppress(OSError):  # removed by another process meanwhile
            size = sum(file.stat().st_size for file in meta.parent.iterdir())
            features.append(StoredFeatures(meta.parent, size, meta.stat().st_mtime, _title(meta)))
    return sorted(features, key=lambda stored: stored.used)


def hold(path: Path) -> int | None:
    """Marks the cache at `path` as in use until the returned descriptor is closed; None if it no longer exists."""
    try:
        descriptor = os.open(path / META, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    if fcntl:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH)
    if not (path / META).exists():  # removed while this process waited for the lock
        os.close(descriptor)
        return None
    with suppress(OSError):  # another user's cache, which may only be read
        os.utime(path / META)
    return descriptor


def in_use(stored: StoredFeatures) -> bool:
    with _exclusively(stored.path) as exclusive:
        return not exclusive


def remove(stored: StoredFeatures) -> bool:
    """Removes a cache, or returns False because a run is using it."""
    with _exclusively(stored.path) as exclusive:
        if not exclusive:
            return False
        # The partial name hides the cache at once; `discard_abandoned` removes it if this process is killed.
        doomed = stored.path.with_name(partial_name(stored.path.name))
        try:
            stored.path.rename(doomed)
        except OSError:
            return False
    shutil.rmtree(doomed, ignore_errors=True)
    return True


def make_room(folder: Path, needed: int, spare: int) -> None:
    """Removes caches, the least recently used first, until `needed` more bytes keep to `limit` and leave `spare` free.

    No cache is removed if removing all of them would not make enough room on the disk.
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
    """Whether this process could lock the cache for itself; the lock lasts for the block."""
    try:
        descriptor = os.open(path / META, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        yield False
        return
    try:
        if fcntl:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        exclusive = True
    except OSError:
        exclusive = False
    try:
        yield exclusive
    finally:
        os.close(descriptor)


def _title(meta: Path) -> str:
    try:
        content = read_meta(meta)
        return f"{counted(content['count'], 'image')} of {content.get('dataset', 'a data set')}"
    except PermissionError:
        return "another user's"
    except (OSError, ValueError):
        return "damaged"


def read_meta(path: Path) -> Meta:
    """Raises OSError, and ValueError where the file is damaged."""
    return parse_json(read_text(path), Meta)
