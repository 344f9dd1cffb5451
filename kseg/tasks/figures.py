"""Figures of an evaluation in JSON, tables and lines of text."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kseg.wording import counted

Figure = float | None
"""None where a score has no meaning"""


def plain(value: Any) -> Any:
    """The same with None for nan and infinity, in lists and dicts of any depth, because JSON has neither."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def number(value: Figure) -> float:
    """A stored figure as a number: nan for None."""
    return float("nan") if value is None else float(value)


def cell(value: float) -> str:
    """A figure in a table: six decimals, nothing for nan."""
    return "" if np.isnan(value) else f"{value:.6f}"


def in_a_line(named: Mapping[str, float]) -> str:
    """Scores with their titles, four decimals; undefined where one has no meaning.

    >>> in_a_line({"PQ": 0.5, "PQ of stuff": float("nan")})
    'PQ 0.5000   PQ of stuff undefined'
    """
    return "   ".join(f"{title} {'undefined' if np.isnan(value) else f'{value:.4f}'}" for title, value in named.items())


def what_is_wrong(noun: str, number: int, *, missed: int, false: int, misnamed: int) -> str:
    """The objects or segments of an image, with the number of mistakes of each kind.

    >>> what_is_wrong("object", 3, missed=1, false=0, misnamed=0)
    '3 objects: 1 missed'
    """
    wrong = {"missed": missed, "too many": false, "of another class": misnamed}
    words = ", ".join(f"{count} {kind}" for kind, count in wrong.items() if count)
    return f"{counted(number, noun)}: {words or 'all found'}"
