"""Extracting archives from strangers: nothing outside the target, no links, no devices, no bombs, nothing half done."""

import bz2
import calendar
import contextlib
import gzip
import lzma
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from tqdm import tqdm

from kseg.errors import Failure, KsegError
from kseg.reading import DAMAGE, allowed_growth, open_regular

CHUNK = 1 << 20
PADDING_CHUNKS = 16
HEADERS = 1 << 20
"""The most bytes that may describe one file of a tar. Names and times take a few kilobytes."""
LATEST = 1 << 32
"""Seconds since 1970: times from this one on are written as 0, since not every file system can store them."""
OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
"""How a compressed tar begins."""


@dataclass(frozen=True)
class Limits:
    """What an archive may grow to. Flat label maps compress a hundredfold, so the ratio is generous but finite."""

    total_bytes: int = 32 << 30
    files: int = 500_000
    ratio: int = 500
    """bytes written per byte of archive, once more than `ratio_applies_from` are written"""
    ratio_applies_from: int = 64 << 20


@dataclass(frozen=True)
class Member:
    """One file of an archive, whatever the archive's format."""

    name: str
    time: float
    open: Callable[[], IO[bytes]]


def extract_once(
    archive: Path,
    target: Path,
    *,
    wanted: Callable[[str], bool] = lambda name: True,
    limits: Limits | None = None,
    progress: bool = True,
) -> Path:
    """Extracts a tar, tgz or zip into the new folder `target`, unless it is there already; returns `target`.

    `wanted` says for each member's path whether it is extracted. macOS's AppleDouble twins are left out. The files are
    written to a temporary folder beside `target`, which is renamed when complete. A broken archive or an interruption
    therefore leaves nothing behind, and two processes may extract at once. Raises `Failure` when the archive is broken,
    names a path outside the target, holds a link or device, or outgrows the limits.
    """
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
            root = Path(temporary) / "files"
            root.mkdir()
            _extract(archive, root, wanted, limits or Limits(), progress)
            try:
                os.rename(root, target)
            except OSError:
                if not target.is_dir():  # otherwise another process was faster
                    raise
    except KsegError:
        raise
    except (tarfile.TarError, *DAMAGE) as error:
        if isinstance(error, OSError) and error.errno is not None:  # gzip's own complaints carry no errno
            raise Failure(f"cannot extract {archive} to {target}: {error.strerror}") from error
        raise Failure(f"archive {archive} is broken ({error or type(error).__name__}); download it again") from error
    return target


def _extract(archive: Path, root: Path, wanted: Callable[[str], bool], limits: Limits, progress: bool) -> None:
    growth, written = Growth(archive, limits), 0
    for files, member in enumerate(_members(archive, growth, progress), 1):
        destination = root / _safe(member.name, archive)
        if files > limits.files:
            raise Failure(
                f"archive {archive} holds more than {limits.files} files and is not extracted; extract it by hand if "
                "you trust it"
            )
        if _is_apple_double(member.name) or not wanted(member.name):
            continue
        destination.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, open(destination, "wb") as copy:
            while chunk := source.read(CHUNK):
                written += len(chunk)
                growth.check(written)
                copy.write(chunk)
        time = member.time if 0 <= member.time < LATEST else 0
        os.utime(destination, (time, time))  # so that a second extraction has the same fingerprint


class Growth:
    """Refuses an archive that unpacks to more than its limits, whether the bytes are wanted or not."""

    def __init__(self, archive: Path, limits: Limits):
        self.archive, self.limits = archive, limits
        self.allowed = allowed_growth(archive.stat().st_size, ratio=limits.ratio, free=limits.ratio_applies_from)

    def check(self, size: int) -> None:
        if size > self.limits.total_bytes:
            raise Failure(
                f"archive {self.archive} grows beyond {self.limits.total_bytes} bytes and is not extracted; "
                "extract it by hand if you trust it"
            )
        if size > self.allowed:
            raise Failure(
                f"archive {self.archive} grows more than {self.limits.ratio} fold and is not extracted; "
                "extract it by hand if you trust it"
            )


class Unpacked:
    """What a compressed tar unpacks to, read by `tarfile`, which itself sets no bound to headers or to what it skips.

    The position counts what has been unpacked. Between members only `HEADERS` bytes may be read: a PAX header, a long
    name or the map of a sparse file is held in memory whole.
    """

    def __init__(self, file: IO[bytes], growth: Growth):
        self._file, self._growth = file, growth
        self.headers_left: int | None = HEADERS
        """None inside a member"""

    def read(self, size: int = -1) -> bytes:
        if self.headers_left is not None:
            if not 0 <= size <= self.headers_left:
                raise Failure(
                    f"archive {self._growth.archive} describes a file in more than {HEADERS} bytes and is not extracted"
                )
            self.headers_left -= size
        content = self._file.read(size)
        self._growth.check(self._file.tell())
        return content

    def seek(self, position: int, whence: int = 0) -> int:
        self._growth.check(position)
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()


def _safe(name: str, archive: Path) -> PurePosixPath:
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.drive or windows.root or ".." in (*path.parts, *windows.parts) or "\0" in name:
        raise Failure(f"archive {archive} wants to write outside its folder ({name!r}) and is not extracted")
    return path


def _is_apple_double(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name.startswith("._") or "__MACOSX" in path.parts


def _members(archive: Path, growth: Growth, progress: bool) -> Iterator[Member]:
    with open_regular(archive) as raw:
        start = raw.read(max(map(len, OPENERS)))
        raw.seek(0)
        opener = next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), contextlib.nullcontext)
        with opener(raw) as unpacked:
            stream = Unpacked(unpacked, growth)
            try:
                tar = tarfile.open(fileobj=stream, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115
            except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError):
                tar = None
            if tar is not None:
                yield from _tar_members(tar, stream, raw, archive, progress)
                return
        if not zipfile.is_zipfile(raw):
            raise Failure(f"{archive} is neither a tar nor a zip archive, or is cut short; download it again")
        yield from _zip_members(raw, archive, growth, progress)


def _tar_members(
    tar: tarfile.TarFile, stream: Unpacked, raw: IO[bytes], archive: Path, progress: bool
) -> Iterator[Member]:
    size = archive.stat().st_size
    with tqdm(
        total=size, unit="B", unit_scale=True, desc=archive.name, disable=None if progress else True, leave=False
    ) as bar:
        while (entry := tar.next()) is not None:
            stream.headers_left = None
            tar.members.clear()  # type: ignore[attr-defined]  # otherwise tarfile keeps every member and its headers
            bar.update(min(raw.tell(), size) - bar.n)
            if entry.isdir():
                _safe(entry.name, archive)
            elif entry.isreg():
                yield Member(entry.name, entry.mtime, lambda entry=entry: tar.extractfile(entry))  # type: ignore
            else:
                what = "link" if entry.issym() or entry.islnk() else "device"
                raise Failure(f"archive {archive} holds a {what} ({entry.name!r}) and is not extracted")
            stream.headers_left = HEADERS
        # The checksum of a compressed stream is at its very end, behind the padding that a tar reader does not need.
        stream.headers_left = None
        for _ in range(PADDING_CHUNKS):
            if not stream.read(CHUNK):
                break


def _zip_members(raw: IO[bytes], archive: Path, growth: Growth, progress: bool) -> Iterator[Member]:
    with zipfile.ZipFile(raw) as bundle:
        growth.check(sum(entry.file_size for entry in bundle.infolist()))
        for entry in tqdm(bundle.infolist(), desc=archive.name, disable=None if progress else True, leave=False):
            kind = (entry.external_attr >> 16) & 0o170000
            if kind not in (0, 0o100000, 0o040000):
                raise Failure(f"archive {archive} holds a link or device ({entry.filename!r}) and is not extracted")
            if entry.flag_bits & 1:
                raise Failure(f"archive {archive} is encrypted; extract it by hand")
            if entry.is_dir():
                _safe(entry.filename, archive)
            else:
                time = calendar.timegm((*entry.date_time, 0, 0, 0))
                yield Member(entry.filename, time, lambda entry=entry: bundle.open(entry))  # type: ignore
