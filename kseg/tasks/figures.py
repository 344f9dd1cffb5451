"""Figures of an evaluation as JSON and tables have them."""

from typing import Any

import numpy as np

Figure = float | None
"""None where a score has no meaning"""


def plain(value: Any) -> Any:
    """The same with None for every float that is no number, in lists and dicts of any depth, for JSON has no nan."""
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
