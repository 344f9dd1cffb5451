"""Files and directories that appear whole or not at all."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kseg.errors import Failure


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
        raise Failure(f"cannot write {path}: {error.strerror or error}; make room or choose another place") from error
    finally:
        with contextlib.suppress(OSError):  # gone already, or its folder could never be entered
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                temporary.unlink()


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Strict JSON: NaN and infinity are errors, because other readers refuse them."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
