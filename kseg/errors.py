"""Errors a user can act on: one sentence with the value received and the way out, and an exit code."""

import difflib
from collections.abc import Iterable


class KsegError(Exception):
    """Something a person can mend; the command line prints the sentence without a traceback."""

    exit_code = 1


class UsageError(KsegError, ValueError):
    """A request that cannot be met: an unknown name, a contradictory flag, a wrong kind of file. Exit code 2."""

    exit_code = 2


class Failure(KsegError, RuntimeError):
    """A sound request that failed: a broken file, a full disk, a loss that is NaN. Exit code 1."""


def unknown_name(kind: str, name: object, valid: Iterable[str]) -> UsageError:
    """The error for a name that is not among `valid`; names the nearest ones first, whatever their capitals."""
    valid = sorted(valid)
    lower: dict[str, list[str]] = {}
    for known in valid:
        lower.setdefault(known.lower(), []).append(known)
    wanted = str(name).lower()
    found = [wanted] if wanted in lower else difflib.get_close_matches(wanted, lower, n=3, cutoff=0.5)
    near = [known for match in found for known in lower[match]]
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return UsageError(f"unknown {kind} {name!r}; {hint}valid: {', '.join(valid)}")
