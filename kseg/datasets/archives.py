"""Extracting archives from strangers: nothing outside the target, no links, no devices, no bombs, nothing half done."""

import calendar
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from tqdm import tqdm

from kseg.errors import Failure

CHUNK = 1 << 20
PADDING_CHUNKS = 16


@dataclass(frozen=True)
class Limits:
    """What an archive may grow to. Flat label maps shrink a hundredfold, so the ratio is generous but finite."""

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

    `wanted` gets each member's path inside the archive and chooses. macOS's AppleDouble twins are left out. The files
    are written to a temporary folder beside `target` that is renamed when complete, so that a broken archive or an
    interruption leaves nothing behind and two processes may do it at once. Raises `Failure` when the archive is
    broken, names a path outside the target, holds a link or device, or outgrows the limits.
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
                if not target.is_dir():  # if it is, another process was faster
                    raise
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, UnicodeError, NotImplementedError) as error:
        raise Failure(f"archive {archive} is broken ({error or type(error).__name__}); download it again") from error
    except OSError as error:
        if isinstance(error, zipfile.BadZipFile) or error.errno is None:  # gzip's own complaints carry no errno
            raise Failure(f"archive {archive} is broken ({error}); download it again") from error
        raise Failure(f"cannot extract {archive} to {target}: {error.strerror}") from error
    return target


def _extract(archive: Path, root: Path, wanted: Callable[[str], bool], limits: Limits, progress: bool) -> None:
    written = files = 0
    allowed = max(limits.ratio_applies_from, limits.ratio * archive.stat().st_size)
    for member in _members(archive, progress):
        destination = root / _safe(member.name, archive)
        if _is_apple_double(member.name) or not wanted(member.name):
            continue
        files += 1
        if files > limits.files:
            raise Failure(f"archive {archive} holds more than {limits.files} files and is not extracted")
        destination.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, open(destination, "wb") as copy:
            while chunk := source.read(CHUNK):
                written += len(chunk)
                if written > limits.total_bytes:
                    raise Failure(f"archive {archive} grows beyond {limits.total_bytes} bytes and is not extracted")
                if written > allowed:
                    raise Failure(f"archive {archive} grows more than {limits.ratio} fold and is not extracted")
                copy.write(chunk)
        os.utime(destination, (member.time, member.time))  # so that a second extraction has the same fingerprint


def _safe(name: str, archive: Path) -> PurePosixPath:
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.drive or windows.root or ".." in (*path.parts, *windows.parts) or "\0" in name:
        raise Failure(f"archive {archive} wants to write outside its folder ({name!r}) and is not extracted")
    return path


def _is_apple_double(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name.startswith("._") or "__MACOSX" in path.parts


def _members(archive: Path, progress: bool) -> Iterator[Member]:
    if tarfile.is_tarfile(archive):
        return _tar_members(archive, progress)
    if zipfile.is_zipfile(archive):
        return _zip_members(archive, progress)
    raise Failure(f"{archive} is neither a tar nor a zip archive, or is cut short; download it again")


def _tar_members(archive: Path, progress: bool) -> Iterator[Member]:
    size = archive.stat().st_size
    with (
        open(archive, "rb") as raw,
        tarfile.open(fileobj=raw, mode="r:*") as tar,
        tqdm(
            total=size, unit="B", unit_scale=True, desc=archive.name, disable=None if progress else True, leave=False
        ) as bar,
    ):
        for entry in tar:
            bar.update(min(raw.tell(), size) - bar.n)
            if entry.isdir():
                _safe(entry.name, archive)
            elif entry.isreg():
                yield Member(entry.name, max(entry.mtime, 0), lambda entry=entry: tar.extractfile(entry))  # type: ignore
            else:
                what = "link" if entry.issym() or entry.islnk() else "device"
                raise Failure(f"archive {archive} holds a {what} ({entry.name!r}) and is not extracted")
        # The checksum of a compressed stream is at its very end, behind the padding that a tar reader does not need.
        for _ in range(PADDING_CHUNKS):
            if not (tar.fileobj and tar.fileobj.read(CHUNK)):
                break


def _zip_members(archive: Path, progress: bool) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as bundle:
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
