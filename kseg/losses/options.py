"""Types of the options of losses, for the functions' signatures, and the check of their values.

Options are checked when a loss is made from text, since the second stage of a schedule may be called hours later.
"""

import math
import numbers
import warnings
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import numpy as np

from kseg.errors import UsageError, unknown_name
from kseg.signature import RENAMED

LARGEST = 3.4e38
"""Larger numbers are infinite in float32."""


class Wanted(NamedTuple):
    """A range in words, and whether a finite number lies in it."""

    words: str
    holds: Callable[[float], bool]


AtLeast0 = Annotated[float, Wanted("a number from 0 up", lambda x: x >= 0)]
AtLeast1 = Annotated[float, Wanted("a number from 1 up", lambda x: x >= 1)]
AtLeastMinus1 = Annotated[float, Wanted("a number from -1 up", lambda x: x >= -1)]
Above0 = Annotated[float, Wanted("a number above 0", lambda x: x > 0)]
Above1 = Annotated[float, Wanted("a number above 1", lambda x: x > 1)]
Share = Annotated[float, Wanted("a number from 0 to 1", lambda x: 0 <= x <= 1)]
ShareAbove0 = Annotated[float, Wanted("a number above 0 and up to 1", lambda x: 0 < x <= 1)]
ShareBelow1 = Annotated[float, Wanted("a number from 0 up and below 1", lambda x: 0 <= x < 1)]
Threshold = Annotated[float | None, Wanted("None, or a number between 0 and 1", lambda x: 0 < x < 1)]
Whole = Annotated[int, Wanted("a whole number from 0 up", lambda x: x >= 0)]
Count = Annotated[int, Wanted("a whole number from 1 up", lambda x: x >= 1)]
ClassWeights = Annotated[
    tuple[float, ...] | None, Wanted("None, or a tuple of one number from 0 up per class", lambda x: x >= 0)
]


def present_name(option: str, options: tuple[str, ...]) -> str:
    """The current name of an option; text and saved models of the previous version may use the old one."""
    new = RENAMED.get(option, option)
    if option in options or new not in options:
        return option
    warnings.warn(f"{option} is now {new}; the old name ends with the next version", FutureWarning, stacklevel=2)
    return new


def checked_option(loss: str, option: str, value: Any, annotation: Any, default: Any) -> Any:
    """The value as plain Python, so that it can be saved and written as text.

    Args:
      annotation: one of the types above, a `Literal`, float, int or bool.
    Raises:
      UsageError: the value does not fit; the message says which values do.
    """
    if get_origin(annotation) is Literal:
        if not isinstance(value, str) or value not in get_args(annotation):
            raise unknown_name(f"{option} of loss {loss!r}:", value, get_args(annotation))
        return value
    if annotation is bool:
        return checked_bool(loss, option, value)
    if annotation in (float, int):
        annotation = Annotated[annotation, Wanted("a number", lambda x: True)]
    if get_origin(annotation) is not Annotated:
        return value  # a user's own loss checks its own options
    kind, wanted = get_args(annotation)
    plain = _plain(value, kind, wanted)
    if plain is None and not (value is None and type(None) in get_args(kind)):
        example = "" if default is None else f", such as {default:.4g}"
        raise UsageError(f"loss {loss!r} got {option}={value!r}; {wanted.words} is wanted{example}")
    return plain


def checked_bool(loss: str, option: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise UsageError(f"loss {loss!r} got {option}={value!r}; True or False is wanted")
    return bool(value)


def checked_void(loss: str, value: Any) -> int:
    label = number(value)
    if label is None or label != int(label):
        raise UsageError(f"loss {loss!r} got void={value!r}; a label is a whole number, such as 255")
    return int(label)


def number(value: Any) -> float | None:
    """A finite number, as int if it is one; None for anything else, including booleans."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not abs(value) <= LARGEST:
        return None
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _plain(value: Any, kind: Any, wanted: Wanted) -> Any:
    """The value as plain Python if it has the type and lies in the range, else None."""
    if kind == tuple[float, ...] | None:
        several = [number(x) for x in value] if isinstance(value, tuple | list | np.ndarray) else []
        return tuple(several) if several and all(x is not None and wanted.holds(x) for x in several) else None
    plain = number(value)
    if plain is None or not wanted.holds(plain):
        return None
    if kind is int:
        return int(plain) if plain == math.floor(plain) else None
    return plain
