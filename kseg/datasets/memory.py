"""Arrays and structures kept in RAM up to a budget."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What knows how much memory it takes."""

    @property
    def nbytes(self) -> int: ...


Held = TypeVar("Held", bound=Sized)


class Memory(Generic[Held]):
    """Things by key until their bytes reach `budget` (None: without limit); safe among threads."""

    def __init__(self, budget: int | None):
        self._budget, self._bytes = budget, 0
        self._held: dict[Hashable, Held] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Held | None:
        return self._held.get(key)

    def recall(self, key: Hashable, read: Callable[[], Held]) -> Held:
        """What is held under `key`; where nothing is, what `read` gives, which is held if it fits."""
        found = self._held.get(key)
        if found is None:
            found = read()
            self.put(key, found)
        return found

    def put(self, key: Hashable, thing: Held) -> None:
        with self._lock:
            if key in self._held or (self._budget is not None and self._bytes + thing.nbytes > self._budget):
                return
            self._bytes += thing.nbytes
            self._held[key] = thing
