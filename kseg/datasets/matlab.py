"""Reads one variable of a MATLAB file, or raises `Failure` with what is wrong with the file."""

from pathlib import Path
from typing import Any

import scipy.io

from kseg.errors import Failure


def matlab_variable(path: Path, name: str, *, what: str, source: str) -> Any:
    """The variable `name`, structs as objects with attributes; None where the file has no such variable.

    Args:
      what: what the file should be, for messages: "class file of SBD".
      source: what to extract again where the file is missing.
    Raises: Failure for a file that is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise Failure(f"mask {path} does not exist; extract {source} again")
    try:
        content = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # what a damaged file raises depends on where the damage is: zlib, struct, KeyError …
        raise no_such_file(path, what, str(error).strip() or type(error).__name__) from error
    return content.get(name)


def no_such_file(path: Path, what: str, reason: str) -> Failure:
    """The error for a file that holds something else."""
    return Failure(f"mask {path} is no {what} ({reason}); extract it from the archive again")
