"""Files and directories that appear whole or not at all."""

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kseg.errors import Failure

FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""A spreadsheet reads a cell that begins with one of these, full-width ones included, as a formula."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that becomes `path` when the block ends well and is removed when it does not.

    Raises:
      Failure: no permission, disk full …; `path` is then as it was.
    """
    path = Path(path)
    # The suffixes stay at the end: Keras and NumPy choose a format by them.
    temporary = path.with_name(f".writing-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        # `os.path.isfile` is false, and `Path.is_file` an error, where nobody may look.
        if file := next((parent for parent in path.parents if os.path.isfile(parent)), None):
            raise Failure(f"cannot write {path}: {file} is a file and no folder; choose another place") from error
        raise Failure(f"cannot write {path}: {error.strerror or error}; make room or choose another place") from error
    finally:
        with contextlib.suppress(OSError):  # gone already, or its folder could never be entered
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8; a character without a UTF-8 code, as in another system's file name, becomes its number."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table for spreadsheets; a cell that would run as a formula (`=`, `+`, `-`, `@`) gets an apostrophe in front."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in (header, *rows))
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace", newline="")


def _harmless(cell: str) -> str:
    if not cell.lstrip().startswith(FORMULA_SIGNS) and not cell.startswith(("\t", "\r", "\n")):
        return cell
    try:
        float(cell)
        return cell  # a number, which may well be negative
    except ValueError:
        return f"'{cell}"


def write_json(path: Path, content: Any) -> None:
    """Strict JSON: NaN and infinity are errors, because other readers refuse them."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
