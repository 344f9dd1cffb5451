"""Which classes are things and which are stuff, and how the two halves of a panoptic network number them.

Objects have the labels 1 … T for the things by class id; 0 is no object. Pixels have the labels 0 … S − 1 for the kinds
of stuff by class id, and S for a thing of any class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.structures import Panoptic


@dataclass(frozen=True)
class Kinds:
    """The kinds of the classes 0 … `count` − 1.

    >>> kinds = Kinds.told(4, [1, 3])
    >>> kinds.things.tolist(), kinds.stuff.tolist(), kinds.pixel_label[[0, 1, 2, 3, 255]].tolist()
    ([1, 3], [0, 2], [0, 2, 1, 2, 255])
    """

    is_thing: tuple[bool, ...]

    @classmethod
    def told(cls, count: int, things: Sequence[int] | None) -> "Kinds":
        """The kinds from the class ids of things; None: every class but the first is a thing."""
        chosen = range(1, count) if things is None else things
        return cls(tuple(number in chosen for number in range(count)))

    @cached_property
    def things(self) -> np.ndarray:
        """int64 (T,): class ids, rising."""
        return np.flatnonzero(self.is_thing)

    @cached_property
    def stuff(self) -> np.ndarray:
        """int64 (S,): class ids, rising."""
        return np.flatnonzero(~np.array(self.is_thing))

    @cached_property
    def object_label(self) -> np.ndarray:
        """int32 (C,): the object label of each class, 1 … T; 0 for stuff."""
        return np.where(self.is_thing, np.cumsum(self.is_thing), 0).astype(np.int32)

    @cached_property
    def pixel_label(self) -> np.ndarray:
        """uint8 (256,): the pixel label of each class, 0 … S; `VOID` for an id that is no class."""
        table = np.full(VOID + 1, VOID, np.uint8)
        table[: len(self.is_thing)] = len(self.stuff)
        table[self.stuff] = np.arange(len(self.stuff))
        return table

    @cached_property
    def class_of_pixel(self) -> np.ndarray:
        """uint8 (S + 1,): the class id of each pixel label; `VOID` for a thing."""
        return np.array([*self.stuff, VOID], np.uint8)

    def check(self, truth: Panoptic) -> None:
        """Raises UsageError where a truth has an object of a class that is stuff."""
        for one in truth.segments:
            if one.thing and not self.is_thing[one.class_id]:
                raise UsageError(
                    f"a truth has an object of class {one.class_id}, which is stuff; things are "
                    f"{self.things.tolist()}: name it among the `things` of the data set's Relabel"
                )
