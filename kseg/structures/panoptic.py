"""The class and the object of each pixel: the structure of panoptic segmentation."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from kseg.conventions import MAX_CLASSES, VOID
from kseg.errors import UsageError
from kseg.structures.base import Structure, check_map
from kseg.structures.instances import Instances
from kseg.structures.label_map import LabelMap
from kseg.structures.moves import Move, Size

NO_SEGMENT = 0
"""The id of void pixels."""

MOST_SEGMENTS = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class Segment:
    """One object (a thing), or all pixels of a class without separate objects (stuff)."""

    class_id: int
    """0..254"""
    thing: bool
    """whether it is an object, which can be counted, or stuff such as sky and grass"""
    crowd: bool = False
    """whether it is many things that are not separated"""

    def __post_init__(self) -> None:
        if not 0 <= self.class_id < MAX_CLASSES:
            raise UsageError(f"a segment has the class {self.class_id}; class ids are 0..{MAX_CLASSES - 1}")
        if self.crowd and not self.thing:
            raise UsageError(f"a segment of class {self.class_id} is a crowd of stuff; only things can be a crowd")


@dataclass(frozen=True, eq=False)
class Panoptic(Structure):
    """Segments that do not overlap: every pixel belongs to one of them or is void.

    Ids number the segments from 1, so that counting pixels needs no sorting. A move drops the segments of which no
    pixel is left and renumbers the others.

    >>> scene = Panoptic(np.array([[1, 1, 2, 0]], np.uint16), (Segment(0, thing=False), Segment(5, thing=True)))
    >>> scene.semantic().ids.tolist(), scene.instances().classes.tolist()
    ([[0, 0, 5, 255]], [5])
    """

    ids: np.ndarray
    """uint16 (H, W): n for a pixel of `segments[n − 1]`, `NO_SEGMENT` for void"""
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        check_map(self.ids, np.uint16, "a map of segments")
        _check_count(self.segments)
        counts = _pixels_of_ids(self.ids, len(self.segments))
        if len(counts) > len(self.segments) + 1:
            raise UsageError(
                f"a map of segments holds the id {len(counts) - 1}, but {len(self.segments)} segments are described; "
                "number them from 1"
            )
        empty = np.flatnonzero(counts[1:] == 0)
        if empty.size:
            raise UsageError(f"segment {empty[0] + 1} has no pixel; leave out segments that the map does not show")
        stuff = [segment.class_id for segment in self.segments if not segment.thing]
        twice = sorted({class_id for class_id in stuff if stuff.count(class_id) > 1})
        if twice:
            raise UsageError(f"class {twice[0]} is stuff and has {stuff.count(twice[0])} segments; join them into one")

    @classmethod
    def from_ids(cls, ids: np.ndarray, segments: Mapping[int, Segment], *, void: Collection[int] = (0,)) -> "Panoptic":
        """From a map (H, W) of arbitrary ids and the segment of each id; the ids `void` have no segment.

        Raises: UsageError for an id of the map that has no segment, and for a segment that has no pixel.
        """
        if not isinstance(ids, np.ndarray) or ids.ndim != 2 or ids.dtype.kind not in "iu" or not ids.size:
            given = f"{ids.dtype} {ids.shape}" if isinstance(ids, np.ndarray) else type(ids).__name__
            raise UsageError(f"a map of segments has to be whole numbers (H, W) with at least one pixel, not {given}")
        held, places = np.unique(ids, return_inverse=True)
        unknown = sorted(set(held.tolist()) - set(segments) - set(void))
        if unknown:
            raise UsageError(
                f"the map of segments holds the id {unknown[0]}, which no segment describes; describe or void it"
            )
        lost = sorted(set(segments) - set(held.tolist()))
        if lost:
            raise UsageError(f"the segment {lost[0]} has no pixel in the map of segments; leave it out")
        _check_count(segments)
        numbers = {one: number for number, one in enumerate(segments, start=1)}
        table = np.array([numbers.get(one, NO_SEGMENT) for one in held.tolist()], np.uint16)
        return cls(table[places.reshape(ids.shape)], tuple(segments.values()))

    @classmethod
    def joined(cls, semantic: LabelMap, instances: Instances) -> "Panoptic":
        """The inverse of `semantic()` and `instances()`: the objects first, in order, then stuff by class.

        Raises: UsageError where two objects overlap, where label map and objects disagree about a pixel, and where a
        pixel of a class with objects belongs to none of them.
        """
        # 1. objects that do not overlap and agree with the label map
        if semantic.size != instances.size:
            raise UsageError(f"the label map has {semantic.size} pixels, the objects {instances.size}; give the same")
        objects = instances.id_map()
        if np.count_nonzero(objects) != instances.masks.areas().sum():
            raise UsageError("objects overlap, but a panoptic map holds one per pixel; decide which lies in front")
        class_of = np.array([VOID, *instances.classes], np.uint8)
        classes = np.where(objects > 0, class_of[objects], semantic.ids)
        if (classes != semantic.ids).any():
            row, column = np.argwhere(classes != semantic.ids)[0]
            raise UsageError(
                f"at row {row}, column {column} the label map says class {semantic.ids[row, column]} and the objects "
                f"{classes[row, column]}; make them agree"
            )

        # 2. stuff where no object is
        rest = np.where(objects > 0, np.uint8(VOID), semantic.ids)
        stuff = np.flatnonzero(np.bincount(rest.ravel(), minlength=VOID + 1)[:VOID])
        uncovered = sorted(set(stuff.tolist()) & set(instances.classes.tolist()))
        if uncovered:
            raise UsageError(f"some pixels of class {uncovered[0]} belong to none of its objects; make them void")

        # 3. numbers: objects first, then stuff
        number_of = np.zeros(VOID + 1, np.int32)
        number_of[stuff] = len(instances) + 1 + np.arange(len(stuff))
        things = zip(instances.classes.tolist(), instances.crowd.tolist(), strict=True)
        segments = (
            *(Segment(class_id, thing=True, crowd=crowd) for class_id, crowd in things),
            *(Segment(class_id, thing=False) for class_id in stuff.tolist()),
        )
        _check_count(segments)
        return cls(np.where(objects > 0, objects, number_of[rest]).astype(np.uint16), segments)

    @property
    def size(self) -> Size:
        return self.ids.shape[0], self.ids.shape[1]

    @property
    def nbytes(self) -> int:
        return self.ids.nbytes

    def areas(self) -> np.ndarray:
        """int64 (S,): pixels of each segment."""
        return _pixels_of_ids(self.ids, len(self.segments))[1:]

    def semantic(self) -> LabelMap:
        """The class of every pixel; void where there is no segment."""
        class_of = np.array([VOID, *(segment.class_id for segment in self.segments)], np.uint8)
        return LabelMap(class_of[self.ids])

    def instances(self) -> Instances:
        """The things in order, including crowds."""
        things = [(number, one) for number, one in enumerate(self.segments, start=1) if one.thing]
        number_of = np.zeros(len(self.segments) + 1, np.int32)
        number_of[[number for number, _ in things]] = np.arange(1, len(things) + 1)
        return Instances.from_id_map(
            number_of[self.ids], [one.class_id for _, one in things], crowd=[one.crowd for _, one in things]
        )

    def relabeled(self, table: np.ndarray, *, background: bool = True) -> "Panoptic":
        number_of = np.zeros(len(self.segments) + 1, np.uint16)
        segments: list[Segment] = []
        stuff: dict[int, int] = {}
        for number, one in enumerate(self.segments, start=1):
            class_id = int(table[one.class_id])
            if class_id == VOID:
                continue
            thing = one.thing and not (background and class_id == 0)
            if thing or class_id not in stuff:
                segments.append(Segment(class_id, thing, one.crowd and thing))
            # Stuff of one class is one segment.
            number_of[number] = len(segments) if thing else stuff.setdefault(class_id, len(segments))
        return Panoptic(number_of[self.ids], tuple(segments))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Panoptic) and self.segments == other.segments and np.array_equal(self.ids, other.ids)

    __hash__ = None  # type: ignore[assignment]

    def _moved(self, move: Move) -> "Panoptic":
        ids = move.of_map(self.ids, NO_SEGMENT)
        left = _pixels_of_ids(ids, len(self.segments))[1:] > 0
        if left.all():
            return Panoptic(ids, self.segments)
        number_of = np.zeros(len(self.segments) + 1, np.uint16)
        number_of[1:][left] = np.arange(1, np.count_nonzero(left) + 1)
        return Panoptic(number_of[ids], tuple(one for one, is_left in zip(self.segments, left, strict=True) if is_left))


def _check_count(segments: Collection) -> None:
    if len(segments) > MOST_SEGMENTS:
        raise UsageError(f"an image has {len(segments)} segments; a map of segments holds at most {MOST_SEGMENTS}")


def _pixels_of_ids(ids: np.ndarray, count: int) -> np.ndarray:
    """int64 (count + 1 or more,): pixels of each id, 0 first."""
    return np.bincount(ids.ravel(), minlength=count + 1)
