"""Ranges of numbers, declared beside the dataclass fields they belong to, and checked in one place.

    rate: Annotated[float, Range(least=0)] = 0.1

Every command checks its flags this way, and the groups of options check themselves as they are made, so that flags,
TOML files, recorded configurations and Python code meet the same bounds.
"""

import dataclasses
import functools
import math
import numbers
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from kseg.errors import UsageError, unknown_name
from kseg.field_types import described, fits

LARGEST_FLOAT = 3.4e38
"""The largest float32; weights, losses and learning rates are float32."""

LARGEST_INT = 2**31 - 1


@dataclass(frozen=True)
class Range:
    """Bounds of a number, or of every number in a tuple: `least` and `most` belong to them, `above` and `below` do not.

    A number without bounds of its own has to be finite, and within what float32 or int32 holds.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value lies within; nan lies nowhere."""
        largest = LARGEST_INT if isinstance(value, numbers.Integral) else LARGEST_FLOAT
        bounds = (
            value >= (-largest if self.least is None else self.least),
            value <= (largest if self.most is None else self.most),
            self.above is None or value > self.above,
            self.below is None or value < self.below,
        )
        return all(bounds) and math.isfinite(value)

    def __str__(self) -> str:
        words = {"at least": self.least, "above": self.above, "at most": self.most, "below": self.below}
        given = [f"{word} {_shown(bound)}" for word, bound in words.items() if bound is not None]
        return " and ".join(given) or "a finite number of ordinary size"


NOT_NEGATIVE = Range(least=0)
POSITIVE = Range(above=0)
SHARE = Range(least=0, most=1)
COUNT = Range(least=1, most=1_000_000)
SEED = Range(least=0, most=2**32 - 1)
"""What NumPy's, Keras' and the frameworks' generators all take."""

SIDE = Range(least=32, most=16_384)
"""Height or width of images that a network trains on, in pixels: strides go up to 32, and memory is bounded."""

FED = Range(least=1, most=16_384)
"""Height or width of images that a trained network is fed, in pixels."""


def check_ranges(options: Any) -> None:
    """Refuse a number outside of its range, in a dataclass and in the dataclasses among its fields.

    Raises:
      UsageError: names the flag, the value, the range and the default.
    """
    ranges = _ranges(options.__class__)
    for field in dataclasses.fields(options):
        value, bounds = getattr(options, field.name), ranges[field.name]
        if dataclasses.is_dataclass(value):
            check_ranges(value)
            continue
        for number in value if isinstance(value, tuple | list) else (value,):
            if _is_number(number) and not bounds.holds(number):
                flag = field.name.replace("_", "-")
                raise UsageError(f"--{flag} is {_shown(value)}; it must be {bounds}{_otherwise(field)}")


def check_value(name: str, value: Any, hint: Any, default: Any) -> None:
    """Refuse the value of a parameter that does not fit its annotation, or a number outside of its range.

    Args:
      name: what the sentence calls the parameter.
    Raises:
      UsageError: names the value, what is wanted and the default.
    """
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    bounds = _declared(hint)
    choices = [choice for choice in get_args(bare) if get_origin(bare) is Literal]
    if choices and value not in choices and all(isinstance(choice, str) for choice in choices):
        raise unknown_name(name, value, choices)
    numbers_in = [part for part in (value if isinstance(value, tuple | list) else (value,)) if _is_number(part)]
    suits = fits(value, bare)
    if not suits or not all(map(bounds.holds, numbers_in)):
        wanted = described(bare) if not suits else str(bounds)
        otherwise = ", or left out" if default is None else f", such as the default, {_shown(default)}"
        raise UsageError(f"{name} is {value!r}; it must be {wanted}{otherwise}")


@functools.cache
def _ranges(kind: Any) -> dict[str, Range]:
    """The range of every field; `Range()` where none is declared."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: _declared(hints[field.name]) for field in dataclasses.fields(kind)}


def _declared(hint: Any) -> Range:
    metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((part for part in metadata if isinstance(part, Range)), Range())


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _otherwise(field: dataclasses.Field) -> str:
    if field.default is dataclasses.MISSING:
        return ""
    return ", or left out" if field.default in (None, ()) else f", such as the default, {_shown(field.default)}"


def _shown(value: Any) -> str:
    """A number as a person writes it; one of hundreds of digits would fill the screen."""
    if isinstance(value, tuple | list):
        return " ".join(map(_shown, value))
    if isinstance(value, int) and abs(value) > 10**18:
        return "a number of more than 18 digits"
    return f"{value:g}" if isinstance(value, float) else str(value)
