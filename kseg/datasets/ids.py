"""Masks of benchmarks whose pixel values are class ids."""

from pathlib import Path

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.images import read_labels
from kseg.errors import Failure
from kseg.wording import listed


def read_ids(path: Path, count: int, *, void: int, whose: str) -> np.ndarray:
    """uint8 (H, W) of a gray or palette mask with ids 0 … count − 1; the mask's value `void`, like 255, is `VOID`.

    `whose` names the data set's masks in errors. Raises `Failure` for a mask in color, which a palette PNG becomes when
    some programs save it, and for values that are neither ids nor void.
    """
    values = read_labels(path)
    if values.ndim == 3:
        raise Failure(
            f"mask {path} is saved as RGB, which loses the ids; {whose} hold class ids 0..{count - 1} as gray values "
            "or palette indices; extract it from the archive again"
        )
    is_void = (values == void) | (values == VOID)
    odd = np.unique(values[(values >= count) & ~is_void])
    if odd.size:
        raise Failure(
            f"mask {path} has the values {{{listed(odd)}}}; {whose} hold class ids 0..{count - 1} and {void} for void; "
            "extract it from the archive again"
        )
    return np.where(is_void, VOID, values).astype(np.uint8)
