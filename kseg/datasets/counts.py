"""Pixels of every label in each image: all masks are read once, and the counts are cached.

Which images show a category, how frequent classes are and their weights follow from these counts.
"""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from kseg.atomic import replacing
from kseg.datasets.locate import cache_dir
from kseg.errors import Failure
from kseg.npz import read_npz
from kseg.reading import DAMAGE

Item = TypeVar("Item")

READERS = 4
SHOW_PROGRESS_FROM = 200
VALUES = 256


def count_labels(dataset: str, key: str, records: Sequence[Item], labels: Callable[[Item], np.ndarray]) -> np.ndarray:
    """int64 (N, 256): pixels of every label value in each record, row by row; `labels` reads one label map.

    The counts are cached under $KSEG_CACHE by `key`, which changes with any mask; `dataset` names the progress bar.
    Raises: what `labels` raises for the first mask that cannot be read.
    """
    path = cache_dir() / "counts" / f"{key}.npz"
    counts = _stored(path, len(records))
    if counts is None:
        counts = _read(dataset, records, labels)
        _keep(path, counts)
    return counts


def _keep(path: Path, counts: np.ndarray) -> None:
    try:
        with replacing(path) as temporary:
            np.savez_compressed(temporary, counts=counts)
    except Failure as failure:
        if not isinstance(failure.__cause__, PermissionError):
            raise
        # A cache that cannot be written costs time, not the run.
        print(f"kseg: label counts are not cached: {path.parent} cannot be written; set KSEG_CACHE", file=sys.stderr)


def _stored(path: Path, count: int) -> np.ndarray | None:
    """The cached counts; None where there are none or the file is damaged."""
    try:
        counts = read_npz(path)["counts"]
    except DAMAGE:
        return None
    sound = counts.shape == (count, VALUES) and counts.dtype == np.int64 and counts.min(initial=0) >= 0
    return counts if sound else None


def _read(dataset: str, records: Sequence[Item], labels: Callable[[Item], np.ndarray]) -> np.ndarray:
    def counted(record: Item) -> np.ndarray:
        return np.bincount(labels(record).ravel(), minlength=VALUES)

    with ThreadPoolExecutor(READERS) as readers:
        rows = readers.map(counted, records)
        quiet = len(records) < SHOW_PROGRESS_FROM or None  # None: a bar if there is a terminal
        bar = tqdm(rows, total=len(records), desc=f"labels of {dataset}", disable=quiet, leave=False)
        return np.array(list(bar), dtype=np.int64).reshape(-1, VALUES)
