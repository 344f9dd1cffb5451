"""Counts and times in sentences: "1 mask", "2 masks", "3 min 20 s"; and the dash for a missing number."""

from collections.abc import Iterable

DASH = "–"
"""Stands in place of a missing number."""

NAMED = 6
"""Names in a sentence before the others are counted."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """The number with its noun.

    Args:
      noun: in the singular.
      plural: of a noun whose plural does not end in s, es or ies.

    >>> counted(1, "image"), counted(2, "class"), counted(0, "category"), counted(12, "batch")
    ('1 image', '2 classes', '0 categories', '12 batches')
    """
    if number == 1:
        return f"1 {noun}"
    if plural is None:
        if noun.endswith("y") and noun[-2:-1] not in "aeiou":
            plural = f"{noun[:-1]}ies"
        else:
            plural = noun + ("es" if noun.endswith(("s", "x", "sh", "tch")) else "s")
    return f"{number} {plural}"


def listed(names: Iterable[object], most: int = NAMED) -> str:
    """The first `most` names or numbers, and how many others there are.

    >>> listed(["sky", "road"]), listed(range(7, 11), 2)
    ('sky, road', '7, 8 and 2 more')
    """
    texts = [str(name) for name in names]
    others = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {others} more" if others > 0 else "")


def duration(seconds: float) -> str:
    """A time as a person says it.

    >>> duration(3.21), duration(42), duration(200), duration(7500)
    ('3.2 s', '42 s', '3 min 20 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
