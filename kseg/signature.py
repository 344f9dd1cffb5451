"""Options that a function declares by its signature: one place for name, type, range, default and help.

def unet(image, channels, *, base_width: Width = 64):
    …
    Args:
      base_width: filters of the first stage.
"""

import dataclasses
import functools
import inspect
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from kseg.ranges import Range

RENAMED = {"colours": "colors", "colour": "color", "normalise": "normalize"}
"""Old name of an option → new; flags, files and records of the version before this one have the old."""

Width = Annotated[int, Range(least=1, most=65_536)]
"""Feature maps of a layer."""

Dropped = Annotated[float, Range(least=0, below=1)]
"""Share of the features that training drops."""


@dataclass(frozen=True)
class Option:
    """A keyword-only parameter of a signature."""

    name: str
    hint: Any
    default: Any
    text: str
    """what the docstring says of it"""

    @property
    def field(self) -> tuple[str, Any, Any]:
        """A field of a dataclass that may be left at None."""
        bare, marks = (get_args(self.hint)[0], get_args(self.hint)[1:]) if is_annotated(self.hint) else (self.hint, ())
        hint: Any = bare | None
        unset = "" if self.default is None else f" (unset: {self.default})"
        return (
            self.name,
            Annotated[(hint, *marks)] if marks else hint,
            dataclasses.field(default=None, metadata={"help": first_sentence(self.text) + unset}),
        )


def flattened(hint: Any) -> Any:
    """`Annotated[int, …] | None` as `Annotated[int | None, …]`."""
    parts = get_args(hint)
    marked = [part for part in parts if is_annotated(part)]
    if is_annotated(hint) or not marked:
        return hint
    bare: Any = functools.reduce(operator.or_, [get_args(part)[0] if part in marked else part for part in parts])
    return Annotated[(bare, *(mark for part in marked for mark in get_args(part)[1:]))]


def is_annotated(hint: Any) -> bool:
    return get_origin(hint) is Annotated


def declared(function: Callable[..., Any], *, only: Collection[str] | None = None) -> dict[str, Option]:
    """The options that a function declares by its keyword-only parameters, or by those of them that `only` names.

    Raises: TypeError where one lacks its annotation, its default, or a text under "Args:" in the docstring.
    """
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and (only is None or parameter.name in only)
    ]
    if not parameters:
        return {}
    hints, texts = get_type_hints(function, include_extras=True), described(function)
    options = {}
    for parameter in parameters:
        lacking = [
            what
            for what, has in (
                ("an annotation", parameter.name in hints),
                ("a default", parameter.default is not parameter.empty),
                ("a text under Args: in the docstring", parameter.name in texts),
            )
            if not has
        ]
        if lacking:
            name = getattr(function, "__name__", function)
            raise TypeError(f"option {parameter.name} of {name} lacks {', '.join(lacking)}")
        hint = flattened(hints[parameter.name])
        options[parameter.name] = Option(parameter.name, hint, parameter.default, texts[parameter.name])
    return options


def described(function: Callable[..., Any]) -> Mapping[str, str]:
    """Parameter → its text under "Args:" in the docstring, in one line."""
    text = inspect.getdoc(function) or ""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)*)", text, re.MULTILINE)
    entries = re.findall(r"^  (\w+): (.*(?:\n {3,}.*)*)", section[1], re.MULTILINE) if section else []
    return {name: " ".join(entry.split()) for name, entry in entries}


def first_sentence(text: str) -> str:
    """The part of a text that help shows; the rest is for readers of the docstring."""
    return re.split(r"(?<=[^.])\. (?=[A-Z\"])", text)[0].rstrip(".")
