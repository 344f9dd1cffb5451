"""Arrays kept in RAM up to a budget."""

import threading
from collections.abc import Hashable

import numpy as np


class ArrayMemory:
    """Arrays by key until their bytes reach `budget` (None: without limit); safe among threads."""

    def __init__(self, budget: int | None):
        self._budget, self._bytes = budget, 0
        self._arrays: dict[Hashable, np.ndarray] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> np.ndarray | None:
        return self._arrays.get(key)

    def put(self, key: Hashable, array: np.ndarray) -> None:
        with self._lock:
            if key in self._arrays or (self._budget is not None and self._bytes + array.nbytes > self._budget):
                return
            self._bytes += array.nbytes
            self._arrays[key] = array
