"""Arrays and structures kept in RAM up to a budget."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Anything that knows its size in bytes."""

    @property
    def nbytes(self) -> int: ...


Held = TypeVar("Held", bound=Sized)


class Memory(Generic[Held]):
    """Things by key until their bytes reach `budget` (None: no limit); thread-safe."""

    def __init__(self, budget: int | None):
        self._budget, self._bytes = budget, 0
        self._held: dict[Hashable, Held] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Held | None:
        return self._held.get(key)

    def recall(self, key: Hashable, read: Callable[[], Held]) -> Held:
        """The value under `key`; if there is none, the result of `read`, which is kept if it fits."""
        value = self._held.get(key)
        if value is None:
            value = read()
            self.put(key, value)
        return value

    def put(self, key: Hashable, value: Held) -> None:
        with self._lock:
            if key in self._held or (self._budget is not None and self._bytes + value.nbytes > self._budget):
                return
            self._bytes += value.nbytes
            self._held[key] = value
