"""Whether a value fits the annotation of the dataclass field or parameter it is for."""

from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", Path: "a path"}


def fits(value: Any, kind: Any) -> bool:
    """Whether `value`, with tuples for lists, is what `kind` says: a plain type, Literal, union or tuple."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return value in parts
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(fits(item, parts[0]) for item in value)
        return len(value) == len(parts) and all(map(fits, value, parts))
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, {int: Integral, float: Real, Path: str | Path}.get(kind, kind))


def described(kind: Any) -> str:
    """`kind` for a person: "a whole number", "one of on, off", "2 values (a number each)"."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if origin in (Union, UnionType):
        return " or ".join(described(part) for part in parts if part is not NoneType)
    if origin is tuple:
        count = "a list" if parts[-1] is Ellipsis else f"a list of {len(parts)}"
        return f"{count} ({described(parts[0])} each)"
    return NAMES.get(kind, getattr(kind, "__name__", str(kind)))
