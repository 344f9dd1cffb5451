"""`--config FILE`: a TOML file sets defaults, flags win."""

import argparse
import dataclasses
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tyro

from kseg.errors import UsageError
from kseg.reading import read_text
from kseg.training.config import from_json

MOST_BYTES = 1 << 20
"""Of a file of settings."""


def defaults_from_file(command: Any, arguments: Sequence[str]) -> Any:
    """The command with the values of the file that `--config` names, or tyro's sign for "no defaults"."""
    fields = {field.name for field in dataclasses.fields(command)} if dataclasses.is_dataclass(command) else set()
    if "config" not in fields:
        return tyro.MISSING_NONPROP
    # argparse finds these flags; everything else is left to tyro, which reads the line again.
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config", type=Path, nargs="?")  # without its value: tyro says so
    finder.add_argument("--dataset", nargs="?")
    given = finder.parse_known_args(list(arguments))[0]
    path = given.config
    if path is None:
        return tyro.MISSING_NONPROP
    try:
        content = tomllib.loads(read_text(path, most=MOST_BYTES))
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}; name a TOML file") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--config {path} is not TOML: {error}; write [training], then epochs = 3") from None
    if given.dataset is not None and isinstance(content.get("data", {}), dict):
        content["data"] = {**content.get("data", {}), "dataset": given.dataset}  # whose options the file may set
    options = from_json(content, where=str(path), note=lambda sentence: print(f"kseg: {sentence}", file=sys.stderr))
    return command(options=options, config=path)
