"""Figures of an evaluation as JSON has them."""

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
