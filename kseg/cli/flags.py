"""Flags as a person may write them, rewritten for the dataclasses: old spellings, and `--binary` without a value."""

import argparse
import sys
from collections.abc import Sequence

from kseg.signature import RENAMED

BINARY, AUTOMATIC = "--binary", "auto"


def understood(arguments: Sequence[str]) -> list[str]:
    """The arguments with new names for old ones, noted on stderr, and with a value behind a bare `--binary`."""
    flags: list[str] = []
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if (new := renamed(name)) != name:
            print(f"kseg: {name} is now {new}; the old name ends with the next version", file=sys.stderr)
            argument = new + equals + value
        flags.append(argument)
        if argument == BINARY and not _is_threshold(arguments[index + 1 : index + 2]):
            flags.append(AUTOMATIC)
    return flags


def value_of(arguments: Sequence[str], flag: str) -> str | None:
    """The value of a flag of one value; the last one counts. Everything else is left to tyro, which reads it again."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument(flag, dest="value", nargs="?")  # tyro reports a missing value
    return finder.parse_known_args(list(arguments))[0].value


def renamed(flag: str) -> str:
    """The flag by its present name; old ones go on working for one version."""
    option = flag.removeprefix("--").replace("-", "_")
    return f"--{RENAMED[option].replace('_', '-')}" if flag.startswith("--") and option in RENAMED else flag


def _is_threshold(following: Sequence[str]) -> bool:
    try:
        return bool(following) and (following[0] == AUTOMATIC or float(following[0]) is not None)
    except ValueError:
        return False
