"""A panoptic PNG and its JSON as one structure, and how the two disagree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kseg.conventions import MAX_CLASSES
from kseg.datasets.images import contrasting_palette
from kseg.datasets.panoptic_files import Category, PanopticImage, SegmentInfo
from kseg.errors import Failure
from kseg.structures import Panoptic, Segment
from kseg.structures.panoptic import NO_SEGMENT
from kseg.wording import counted

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Kinds:
    """The categories as classes without gaps, in order of category id."""

    class_of: dict[int, int]
    """class id by category id"""
    names: tuple[str, ...]
    palette: tuple[Color, ...]
    things: tuple[int, ...]
    """class ids of those that can be counted"""

    @classmethod
    def of(cls, categories: Sequence[Category], where: Path) -> "Kinds":
        """Raises: Failure for too few or too many categories, for a name that is empty or given twice, and where
        isthing is missing."""
        ordered = sorted(categories, key=lambda one: one["id"])
        names = tuple(one["name"] for one in ordered)
        if not 2 <= len(names) <= MAX_CLASSES:
            raise Failure(f"{where} has {counted(len(names), 'category')}; a panoptic truth needs 2 to {MAX_CLASSES}")
        if unnamed := [one["id"] for one in ordered if not one["name"].strip()]:
            raise Failure(f"{where} has the category {unnamed[0]} without a name; give it one")
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise Failure(f"{where} has the category {twice[0]!r} more than once; give each a name of its own")
        if untold := [one["name"] for one in ordered if "isthing" not in one]:
            raise Failure(
                f"{where} does not say whether {untold[0]!r} is a thing or stuff; add isthing, 1 or 0, to each category"
            )
        things = tuple(class_id for class_id, one in enumerate(ordered) if one["isthing"])
        if not things:
            raise Failure(f"{where} has no category with isthing 1; set it for the categories that are things")
        drawn = contrasting_palette(len(names) + 1)[1:]
        colors = tuple(_color(one, drawn[class_id], where) for class_id, one in enumerate(ordered))
        return cls({one["id"]: class_id for class_id, one in enumerate(ordered)}, names, colors, things)


def panoptic_of(image: PanopticImage, kinds: Kinds) -> Panoptic:
    """The segments that have a pixel; segments of one kind of stuff are joined.

    Raises: Failure for a PNG that cannot be read, a segment of the PNG that the JSON lacks or has twice, and a category
      that the JSON does not define.
    """
    ids = image.ids()
    described = _described(image, kinds)
    held, places = np.unique(ids, return_inverse=True)
    if unknown := sorted(set(held.tolist()) - set(described) - {NO_SEGMENT}):
        raise _wrong(image, f"the PNG shows the segment {unknown[0]}, which segments_info lacks; describe it there")
    segments: list[Segment] = []
    stuff: dict[int, int] = {}
    number_of = np.zeros(len(held), np.uint16)
    for place, segment_id in enumerate(held.tolist()):
        if segment_id == NO_SEGMENT:
            continue
        info = described[segment_id]
        class_id = kinds.class_of[info["category_id"]]
        thing = class_id in kinds.things
        if not thing and class_id in stuff:
            number_of[place] = stuff[class_id]
            continue
        segments.append(Segment(class_id, thing, crowd=thing and bool(info.get("iscrowd", 0))))
        number_of[place] = len(segments)
        if not thing:
            stuff[class_id] = len(segments)
    return Panoptic(number_of[places.reshape(ids.shape)], tuple(segments))


def remarks(image: PanopticImage, kinds: Kinds, where: str) -> tuple[list[str], list[str]]:
    """(problems, notes) on a truth that can be read, a sentence each."""
    held, counts = np.unique(image.ids(), return_counts=True)
    pixels = dict(zip(held.tolist(), counts.tolist(), strict=True))
    problems, notes = [], []
    kinds_of_stuff: Counter[int] = Counter()
    for info in image.segments:
        name, area = f"{where}, segment {info['id']}", info.get("area")
        painted = pixels.get(info["id"], 0)
        class_id = kinds.class_of[info["category_id"]]
        if not painted:
            problems.append(f"{name} is in segments_info and has no pixel in the PNG; it is left out")
        elif area is not None and round(area) != painted:
            problems.append(
                f"{name} has {painted} pixels and an area of {area:g} in segments_info: segments overlapped when the "
                "PNG was written; the PNG is used"
            )
        if class_id not in kinds.things:
            kinds_of_stuff[class_id] += 1
            if info.get("iscrowd", 0):
                notes.append(f"{name} is a crowd of {kinds.names[class_id]}, which is stuff; the crowd is left out")
    notes += [
        f"{where}: {count} segments of {kinds.names[class_id]}, which is stuff; they are joined"
        for class_id, count in kinds_of_stuff.items()
        if count > 1
    ]
    return problems, notes


def _described(image: PanopticImage, kinds: Kinds) -> dict[int, SegmentInfo]:
    described: dict[int, SegmentInfo] = {}
    for info in image.segments:
        if info["id"] in described:
            raise _wrong(image, f"segments_info has the segment {info['id']} twice; give each segment its own id")
        if info["id"] == NO_SEGMENT:
            raise _wrong(image, "segments_info has a segment of the id 0, which is void; give it another id")
        if info["category_id"] not in kinds.class_of:
            raise _wrong(
                image, f"segment {info['id']} has the category {info['category_id']}; define it under categories"
            )
        described[info["id"]] = info
    return described


def _color(category: Category, drawn: Color, where: Path) -> Color:
    color = category.get("color")
    if color is None:
        return drawn
    if not all(0 <= channel <= 255 for channel in color):
        raise Failure(f"{where} gives the category {category['name']!r} the color {list(color)}; channels are 0..255")
    return color


def _wrong(image: PanopticImage, reason: str) -> Failure:
    return Failure(f"{image.png}: {reason}")
