"""The meaning of the ids in a data set's masks: the class of each, and the classes' names and colors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from kseg.conventions import VOID
from kseg.structures import Structure

BACKGROUND = "background"

Some = TypeVar("Some", bound=Structure)


@dataclass(frozen=True, eq=False)
class Relabel:
    """Maps stored ids to classes: with or without hair, species instead of breeds, one category against all others.

    >>> parts = Relabel(("background", "hair", "face"), ((0, 0, 0), (240, 128, 40), (50, 190, 160)))
    >>> face = parts.then(parts.only([2]))
    >>> face.classes, face.table[[0, 1, 2, VOID]].tolist()
    (('background', 'face'), [0, 0, 1, 255])
    """

    classes: tuple[str, ...]
    """names in order of the class id; two classes mean binary foreground"""
    palette: tuple[tuple[int, int, int], ...]
    """one RGB color per class, for masks and overlays"""
    table: np.ndarray | None = None
    """uint8 (256,): the class of every stored id, or `VOID`; None: stored ids are class ids"""
    background: bool = True
    """whether class 0 is background, which pictures leave unpainted, and not a class like the others"""
    things: tuple[int, ...] | None = None
    """ids of the classes that are things, all others being stuff; None where this is unknown"""

    def __call__(self, truth: Some) -> Some:
        """The truth in class ids, from one in stored ids."""
        return truth if self.table is None else truth.relabeled(self.table, background=self.background)

    def only(self, ids: Sequence[int]) -> "Relabel":
        """Keeps some classes: `ids` become 1, 2, …, every other class is background, and void stays void."""
        table = np.zeros(VOID + 1, np.uint8)
        table[[*ids, VOID]] = *range(1, len(ids) + 1), VOID
        names, colors = (self.classes[i] for i in ids), (self.palette[i] for i in ids)
        things = None
        if self.things is not None:
            things = tuple(number for number, one in enumerate(ids, start=1) if one in self.things)
        return Relabel((BACKGROUND, *names), ((0, 0, 0), *colors), table, things=things)

    def then(self, following: "Relabel") -> "Relabel":
        """This mapping followed by `following`, which takes this one's class ids."""
        if self.table is None or following.table is None:
            return replace(following, table=self.table if following.table is None else following.table)
        return replace(following, table=following.table[self.table])

    def counts(self, counts: np.ndarray) -> np.ndarray:
        """int64 (N, 256): pixels per class id, from pixels per stored id."""
        if self.table is None:
            return counts
        merged = np.zeros_like(counts)
        for stored, class_id in enumerate(self.table.tolist()):
            merged[:, class_id] += counts[:, stored]
        return merged


def class_table(class_of: Mapping[int, int]) -> np.ndarray:
    """uint8 (256,): the class of each stored id; an id not in `class_of` keeps its number."""
    table = np.arange(VOID + 1, dtype=np.uint8)
    table[list(class_of)] = list(class_of.values())
    return table
