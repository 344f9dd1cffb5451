"""Counts in sentences: "1 mask", "2 masks"; and what stands for no number."""

DASH = "–"
"""Stands where a number would, and there is none."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """The number with its noun.

    Args:
      noun: in the singular.
      plural: where it is more than the noun and the ending of its sound: s, es or ies.

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
