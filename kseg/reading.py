"""Files that others wrote, read through one door: regular files alone, of a bounded size, JSON of the wanted type.

A run directory is copied between machines, a model is downloaded, a configuration is edited by hand: each may be
damaged, of another program, or made to do harm. The reader gets what the file should hold, or an error in one sentence.
"""

import errno
import json
import lzma
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from kseg.errors import Failure, KsegError

MOST_BYTES = 1 << 28
"""The largest text file that is read: results of a large test split take some megabytes."""

MOST_ANNOTATIONS = 1 << 31
"""The largest JSON with the annotations of a whole data set: COCO's has 450 MB."""

DAMAGE = (
    OSError, EOFError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RuntimeError, MemoryError,
    struct.error, lzma.LZMAError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What readers of archives and arrays raise at a file that is not what its name says; re-raise KsegError first."""

KINDS = {stat.S_ISFIFO: "a pipe", stat.S_ISDIR: "a folder", stat.S_ISSOCK: "a socket"}

T = TypeVar("T")


def open_regular(path: Path | str) -> IO[bytes]:
    """`open(path, "rb")` that does not wait: opening a pipe to which nobody writes would hang for ever.

    Raises:
      OSError: as `open`, and where the path leads to a pipe, device or folder; `strerror` says so.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((name for is_kind, name in KINDS.items() if is_kind(mode)), "a device")
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, f"it is {kind}, not a file", str(path))
    return os.fdopen(descriptor, "rb")


def allowed_growth(packed: int, *, ratio: int = 500, free: int = 1 << 26) -> int:
    """Bytes that `packed` bytes may unpack to: generous, because flat label maps shrink a hundredfold, but finite."""
    return max(free, ratio * packed)


def read_bytes(path: Path | str, *, most: int = MOST_BYTES) -> bytes:
    """The file's bytes. Raises: OSError; ValueError where it is longer than `most` bytes."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is longer than {most >> 20} MiB")
    return content


def read_text(path: Path | str, *, most: int = MOST_BYTES) -> str:
    """The file's text. Raises: OSError; ValueError where it is not UTF-8, or longer than `most` bytes."""
    content = read_bytes(path, most=most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 text, byte {error.start} is {content[error.start]:#04x}") from None


def parse_json(text: str | bytes, kind: type[T] | Any = Any, *, nan: bool = False) -> T:
    """JSON as a value of the type `kind`: a TypedDict, dataclass, list[float | None] …; unknown keys are let through.

    `nan` takes NaN and Infinity too, which is what Python writes for scores that have no meaning.
    Raises: ValueError with the place and the type that was wanted there.
    """
    try:
        return msgspec.convert(json.loads(text), kind) if nan else msgspec.json.decode(text, type=kind)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def held_to(value: Any, kind: type[T] | Any) -> T:
    """Plain lists, dicts and numbers, read elsewhere, as `kind`. Raises: as `parse_json`."""
    try:
        return msgspec.convert(value, kind)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json(path: Path | str, kind: type[T] | Any = Any, *, remedy: str, most: int = MOST_BYTES) -> T:
    """The JSON in a file of up to `most` bytes, as `parse_json`.

    Raises:
      Failure: the file cannot be opened; it is damaged or not what was wanted, and `remedy` says what to do. A missing
        permission is no reason to remove the file, so `remedy` is left out of that sentence.
    """
    try:
        return parse_json(read_text(path, most=most), kind)
    except OSError as error:
        raise cannot_read(path, error) from None
    except ValueError as error:
        raise Failure(f"{path} cannot be read ({error}); {remedy}") from None


def read_json_lines(path: Path | str, kind: type[T] | Any = Any, *, remedy: str) -> list[T]:
    """A JSON value a line. Raises: as `read_json`, naming the line."""
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise cannot_read(path, error) from None
    except ValueError as error:
        raise Failure(f"{path} cannot be read ({error}); {remedy}") from None
    values = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                values.append(parse_json(line, kind, nan=True))
            except ValueError as error:
                raise Failure(f"line {number} of {path} cannot be read ({error}); {remedy}") from None
    return values


def cannot_read(path: Path | str, error: OSError) -> KsegError:
    """The error for a file that does not exist or may not be read; its advice is never to remove the file."""
    if isinstance(error, FileNotFoundError):
        return Failure(f"there is no {path}; copy it there, or run the command that writes it")
    said = error.strerror or error
    return Failure(f"cannot read {path}: {said}; change its permissions or put a readable file in its place")
