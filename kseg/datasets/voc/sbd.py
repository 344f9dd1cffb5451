"""SBD's MATLAB files: the classes of every pixel and the boundaries of every category (Hariharan et al. 2011)."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from kseg.datasets.matlab import matlab_variable, no_such_file
from kseg.datasets.voc.classes import NAMES
from kseg.errors import Failure

STRUCT = "GTcls"
WHAT = "class file of SBD"


def read_classes(path: Path) -> np.ndarray:
    """uint8 (H, W) of class ids, from `GTcls.Segmentation`; SBD has no void. Raises `Failure` for a broken file."""
    labels = np.asarray(_field(path, "Segmentation"))
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise _broken(path, f"its Segmentation is {labels.dtype} of shape {labels.shape}, not a map of class ids")
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= len(NAMES):
        raise _broken(path, f"its Segmentation has the value {labels.max()}; class ids are 0..{len(NAMES) - 1}")
    return labels.astype(np.uint8)


def read_boundaries(path: Path) -> np.ndarray:
    """bool (20, H, W): the boundary pixels of each category, without background, from `GTcls.Boundaries`."""
    boundaries = np.asarray(_field(path, "Boundaries"), dtype=object).ravel()
    if len(boundaries) != len(NAMES) - 1:
        raise _broken(path, f"it has boundaries of {len(boundaries)} categories instead of {len(NAMES) - 1}")
    return np.stack([(one.toarray() if scipy.sparse.issparse(one) else np.asarray(one)) > 0 for one in boundaries])


def _field(path: Path, name: str) -> Any:
    struct = matlab_variable(path, STRUCT, what=WHAT, source="SBD")
    if not hasattr(struct, name):
        raise _broken(path, f"it has no {STRUCT}.{name}")
    return getattr(struct, name)


def _broken(path: Path, reason: str) -> Failure:
    return no_such_file(path, WHAT, reason)
