"""Files that are either there and whole, or not there at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kseg.errors import Failure


@contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """Gives a temporary path beside `path` (of the same suffix) to write to; renames it when the block ends well.

    Whatever goes wrong, `path` keeps what it held and nothing half-written stays behind. A full disk, a missing
    permission and the like become one sentence.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise Failure(
            f"cannot write {path}: {error.strerror or error}; free some space or choose another place"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
