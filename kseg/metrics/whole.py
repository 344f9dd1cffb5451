"""Checks of arguments that are counts: any integer type is accepted, including NumPy's; fractions raise UsageError."""

import operator

from kseg.conventions import MAX_CLASSES
from kseg.errors import UsageError


def whole(value, what: str, *, least: int = 1) -> int:
    """`value` as an int of at least `least`; `what` names it in error messages."""
    try:
        number = operator.index(value)
    except TypeError:
        raise UsageError(f"{what} is a whole number, received {value!r}; round it first") from None
    if number < least:
        raise UsageError(f"{what} is at least {least}, received {number}")
    return number


def class_count(num_classes, *, least: int = 1) -> int:
    """`num_classes` as a Python int, since a NumPy integer could overflow in products with ids."""
    number = whole(num_classes, "the number of classes (num_classes, including background)", least=least)
    if number > MAX_CLASSES:
        raise UsageError(f"the number of classes is {least} to {MAX_CLASSES}, received {number}")
    return number


def class_label(label, num_classes: int, name: str) -> int:
    """The class of the score `name`, as an int."""
    number = whole(label, f"the label of {name}", least=0)
    if number >= num_classes:
        raise UsageError(f"the label of {name} is a class 0..{num_classes - 1}, received {label}")
    return number
