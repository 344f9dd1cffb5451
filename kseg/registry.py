"""Names for things: a registry finds its entries by importing the modules of the room it belongs to.

Adding a loss, model or data set is therefore adding a file with a decorator; nothing else has to know.
"""

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Generic, TypeVar

from kseg.errors import unknown_name

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping from name to entry, filled by `@registry.register("name")` in the modules of `package`."""

    def __init__(self, kind: str, package: str, *, skip: Collection[str] = ()):
        """`skip` names modules of the package that register nothing and need a library others can do without."""
        self.kind = kind
        self._package = package
        self._skip = {f"{package}.{name}" for name in skip}
        self._entries: dict[str, T] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[T], T]:
        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice: {self._entries[name]} and {entry}")
            self._entries[name] = entry
            return entry

        return add

    def _import_the_room(self) -> None:
        if not self._complete:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__, prefix=f"{self._package}."):
                if module.name not in self._skip:
                    importlib.import_module(module.name)
            self._complete = True

    def __getitem__(self, name: str) -> T:
        self._import_the_room()
        if name not in self._entries:
            raise unknown_name(self.kind, name, self._entries)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._import_the_room()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._import_the_room()
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        self._import_the_room()
        return len(self._entries)
