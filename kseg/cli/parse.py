"""The command line as a dataclass; an error that tyro frames in a box of many lines becomes one sentence."""

import ast
import contextlib
import inspect
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tyro

from kseg.errors import UsageError, unknown_name

WANTED = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path", "STR": "a text"}


HELP = frozenset({"-h", "--help"})


def parse(
    kind: Any,
    arguments: Sequence[str],
    *,
    program: str,
    default: Any = tyro.MISSING_NONPROP,
    more: str = "",
    whose: Callable[[str], str] = lambda flag: "",
) -> Any:
    """An instance of `kind`.

    Args:
      default: an instance that holds what the line leaves out.
      more: text behind the description in the help.
      whose: gives the sentence on a flag that `kind` lacks: whose option the flag is, or "".
    Raises:
      UsageError; SystemExit(0) once help was printed.
    """
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint), contextlib.nullcontext() if HELP & set(arguments) else _unwrapped():
            return tyro.cli(
                kind,
                args=list(arguments),
                prog=program,
                default=default,
                description=f"{inspect.getdoc(kind)}\n\n{more}" if more else None,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes, tyro.conf.DisallowNone),
            )
    except SystemExit as leaving:
        if leaving.code in (0, None):
            raise
        raise _in_one_sentence(complaint.getvalue(), program, whose) from None


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """A wide terminal, because tyro breaks lines at its width, also within a long path."""
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "5000"
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if columns is not None:
            os.environ["COLUMNS"] = columns


def _in_one_sentence(box: str, program: str, whose: Callable[[str], str]) -> UsageError:
    """The error that the text in tyro's box is about."""
    # 1. the parts between the lines of the box, and the command whose help says more
    rows = [line.rstrip().strip("│").rstrip() for line in box.splitlines() if line.strip()[:1] not in ("╭", "╰")]
    parts: list[list[str]] = [[]]
    for row in rows:
        parts.append([]) if row.strip() and not row.strip("─- ") else parts[-1].append(row)
    if "╭" not in box:  # stdout is not UTF-8, for which tyro draws no frame: the title is a part
        del parts[0]
    complaint = " ".join(" ".join(parts[0]).split())
    complaint = re.sub(r"^Error parsing [\w.]+: (?=--)", "", complaint)  # a group's own complaint names the flag
    asked = re.search(r"(?:run:?|see)\s+(\S.*?) --help", " ".join(" ".join(sum(parts[1:], [])).split()))
    command = asked[1] if asked else program
    more = f"`{command} --help` says more"

    # 2. the kinds of complaint
    if match := re.match(
        r"Error parsing (\S+): no type matching (.+?) could be instantiated from (\[.*?\])\.", complaint
    ):
        flag, kind, values = match.groups()
        return UsageError(f"{flag} is {_values(values)}; it must be {_wanted(kind)}; {more}")
    if match := re.match(r"invalid choice '(.*)' for argument '(.+?)'\. Expected one of (\(.*\))", complaint):
        choices = [str(name) for name in ast.literal_eval(match[3]) if name != "None"]
        return unknown_name(match[2], match[1], choices)
    if match := re.match(r"Unrecognized options: (.*)", complaint):
        return _unknown(match[1], parts[1:], command, more, whose)
    if match := re.match(r"Missing from .*?: *(.*)", complaint):
        lacking = re.sub(r"\b([A-Z]+) (.*?) \(required\)", r"\2", match[1])
        return UsageError(f"{command} lacks {lacking}; {more}")
    if match := re.match(r"Missing value for argument '(.+?)'\. Expected (\d+) value", complaint):
        return UsageError(f"{match[1]} is given without its value{'s'[: match[2] != '1']}; {more}")
    if match := re.match(r"Expected one of \{(.*)\}", complaint):
        return UsageError(f"{command} is given nothing to do; name one of {match[1]}; {more}")
    return UsageError(f"{complaint.rstrip('.')}; {more}")


def _unknown(
    words: str, hints: Sequence[Sequence[str]], command: str, more: str, whose: Callable[[str], str]
) -> UsageError:
    """The sentence on an unknown flag. tyro also names what follows the flag, and flags that are alike."""
    unknown_words = words.split(", ")
    flags = [word for word in unknown_words if re.match(r"--?[^\W\d]", word)]
    for part in hints:
        if part and (listed := re.match(r"\s*Available subcommands: (.*)", part[0])):
            return unknown_name(f"{command} action", unknown_words[0], listed[1].split(", "))
    if not flags:
        return UsageError(f"{command} has no place for {' '.join(map(repr, unknown_words))}; leave it out; {more}")
    if others := list(filter(None, map(whose, flags))):
        return UsageError(f"{'; '.join(others)}; leave it out here; {more}")
    alike = [row.split()[0] for part in hints for row in part if re.match(r"\s+--\w", row)]
    meant = f"did you mean {' or '.join(dict.fromkeys(alike))}? " if alike else ""
    return UsageError(f"unknown option {', '.join(flags)}; {meant}{more}")


def _values(text: str) -> str:
    try:
        return " ".join(map(str, ast.literal_eval(text)))
    except (ValueError, SyntaxError):
        return text


def _wanted(kind: str) -> str:
    """`INT` as a whole number, `{INT INT}` as 2 values."""
    words = kind.strip("{}").split()
    if len(words) == 1:
        return WANTED.get(words[0], words[0])
    plain = {"INT": "whole numbers", "FLOAT": "numbers"}
    return f"{len(words)} {plain[words[0]]}" if set(words) <= plain.keys() and len(set(words)) == 1 else kind
