"""Help of `kseg train`: the commonest flags in a line each, and by topic what applies to the chosen data and model."""

import ast
import dataclasses
import functools
import inspect
import os
import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from kseg.cli.parse import HELP
from kseg.errors import unknown_name

COMMON = (
    "dataset", "data_dir", "model", "weights", "init", "image_size", "loss", "augment", "preset", "epochs",
    "batch_size", "learning_rate", "precision", "seed", "workdir", "config",
)  # fmt: skip
"""The flags that help without a topic shows."""

USUAL = {
    "training": (
        "preset", "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "patience", "precision", "seed",
    ),
    "augment": ("augment", "flip", "crop"),
    "loss": ("loss", "loss_reduction", "class_weights", "pixel_weights"),
}  # fmt: skip
"""The flags of these groups that are shown beside the options of a data set and a model; others are shown by topic."""

TITLES = {
    "data": "data", "model": "model", "loss": "loss", "augment": "augmentation", "training": "training",
    "command": "files",
}  # fmt: skip
TOPICS = (*list(TITLES)[:-1], "all")
"""Words behind `--help`."""

WIDEST, NAME_COLUMN = 100, 26
WORDS = {int: "INT", float: "FLOAT", str: "STR", Path: "PATH", NoneType: ""}


@dataclasses.dataclass(frozen=True)
class Flag:
    """A flag as help shows it."""

    name: str
    usage: str
    text: str


def asked_for(arguments: Sequence[str]) -> str | None:
    """The topic that the line asks help about, "" for help without a topic; None where it asks for no help."""
    place = next((place for place, word in enumerate(arguments) if word in HELP), None)
    if place is None:
        return None
    following = arguments[place + 1 : place + 2]
    if not following or following[0].startswith("-"):
        return ""
    if following[0] not in TOPICS:
        raise unknown_name("topic of --help", following[0], TOPICS)
    return following[0]


def overview(command: Any, program: str, lists: Mapping[str, Sequence[str]]) -> str:
    """The commonest flags, what there is to choose from, and how to see the rest."""
    flags = {flag.name: flag for _, flags in groups(command) for flag in flags}
    lines = [f"usage: {program} [--FLAG VALUE …]", "", *description(command), ""]
    lines += [line for name in COMMON for line in row(flags[name], short=True)]
    lines += ["", listed(lists), ""]
    lines += textwrap.wrap(
        "More: --help model lists the models; --dataset NAME --model NAME --help shows the options of these two; "
        f"--help TOPIC those of a topic: {', '.join(TOPICS)}.",
        columns(),
    )
    return "\n".join(lines)


def listed(lists: Mapping[str, Sequence[str]]) -> str:
    """Titles and the names under each."""
    wrapped = (
        textwrap.fill(f"{title}: {', '.join(names)}", columns(), subsequent_indent="  ")
        for title, names in lists.items()
    )
    return "\n".join(wrapped)


def chosen(command: Any, program: str, topic: str) -> str:
    """The flags of a topic, or those that most runs need, for the data set and model of the command."""
    lines = [f"usage: {program} [--FLAG VALUE …]"]
    hidden: list[str] = []
    for group, flags in groups(command):
        shown = flags
        if topic == "":
            usual = USUAL.get(group)
            shown = [flag for flag in flags if usual is None or flag.name in usual]
            hidden += [group] if len(shown) < len(flags) else []
        elif topic not in ("all", group):
            continue
        lines += ["", f"{TITLES[group]}:", *(line for flag in shown for line in row(flag))]
    if hidden:
        rest = " | ".join([*hidden, "all"])
        lines += ["", *textwrap.wrap(f"More: --help {rest}.", columns())]
    return "\n".join(lines)


def description(command: Any) -> list[str]:
    paragraphs = (inspect.getdoc(type(command)) or "").split("\n\n")
    return [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, columns())]


def groups(command: Any) -> Iterator[tuple[str, list[Flag]]]:
    """The flags of a command that holds `options`: of each of its groups, and of the command itself."""
    for field in dataclasses.fields(command.options):
        yield field.name, list(flags_of(getattr(command.options, field.name)))
    yield "command", [flag for flag in flags_of(command) if flag.name != "options"]


def flags_of(options: Any) -> Iterator[Flag]:
    """The flags of a dataclass, with its values for defaults."""
    kind: type = type(options)
    hints, texts = get_type_hints(kind, include_extras=True), documented(kind)
    for field in dataclasses.fields(options):
        name, value = field.name.replace("_", "-"), getattr(options, field.name)
        text = field.metadata.get("help") or texts.get(field.name, "")
        usage = f"--[no-]{name}" if bare(hints[field.name]) is bool else f"--{name} {metavar(hints[field.name])}"
        if value not in (None, (), False) and "(unset:" not in text:
            shown = value if not isinstance(value, tuple) else " ".join(map(str, value))
            text = f"{text} (default: {'on' if value is True else shown})"
        yield Flag(field.name, usage, text)


def row(flag: Flag, *, short: bool = False) -> list[str]:
    """A flag and its text, in one line if `short`."""
    room = columns() - NAME_COLUMN
    text = flag.text
    if short:
        clause = re.split(r"[;:(] ?|(?<=[^.])\. ", text)[0].strip().rstrip(".,")
        lines = [textwrap.shorten(clause, room, placeholder=" …")]
    else:
        lines = textwrap.wrap(text, room) or [""]
    head = f"  {flag.usage}"
    if len(head) < NAME_COLUMN:
        return [f"{head:<{NAME_COLUMN}}{lines[0]}", *(" " * NAME_COLUMN + line for line in lines[1:])]
    return [head, *(" " * NAME_COLUMN + line for line in lines)]


def columns() -> int:
    """The width of the terminal, within bounds that read well; `COLUMNS` wins."""
    return max(60, min(WIDEST, shutil.get_terminal_size((80, 24)).columns - (0 if "COLUMNS" in os.environ else 1)))


def bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def metavar(hint: Any) -> str:
    """`INT`, `INT INT`, `on|off`, `auto|FLOAT`."""
    hint = bare(hint)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "|".join(map(str, parts))
    if origin is tuple:
        return f"{metavar(parts[0])} …" if parts[-1] is Ellipsis else " ".join(map(metavar, parts))
    if parts:
        return "|".join(filter(None, map(metavar, parts)))
    return WORDS.get(hint, str(getattr(hint, "__name__", hint)).upper())


@functools.cache
def documented(kind: type) -> Mapping[str, str]:
    """Field → the string under it, in one line, of a dataclass and of those it inherits from."""
    texts: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(owner) or owner.__module__ == "builtins":
            continue
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
        except (OSError, TypeError, SyntaxError):
            continue  # made of a signature: its fields carry their texts
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for before, after in zip(statements, statements[1:], strict=False):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and is_text:
                texts[before.target.id] = " ".join(str(after.value.value).split())  # type: ignore[attr-defined]
    return texts
