"""Fuses the objects of an instance network and the label map of a semantic network into one panoptic result."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from kseg.conventions import MAX_CLASSES
from kseg.errors import UsageError
from kseg.ranges import SHARE, Range, check_ranges
from kseg.structures.instances import Instances
from kseg.structures.label_map import LabelMap
from kseg.structures.panoptic import NO_SEGMENT, Panoptic, Segment


@dataclass(frozen=True)
class FusionOptions:
    """Thresholds for what becomes a segment."""

    confidence: Annotated[float, SHARE] = 0.5
    """objects with a smaller score are dropped"""
    overlap: Annotated[float, SHARE] = 0.5
    """objects with a larger share behind others are dropped"""
    stuff_area: Annotated[int, Range(least=0, most=2**31 - 1)] = 4096
    """stuff of fewer pixels becomes void"""

    def __post_init__(self) -> None:
        check_ranges(self)


def fuse(
    objects: Instances, semantic: LabelMap, things: Collection[int], options: FusionOptions | None = None
) -> Panoptic:
    """Objects in the order of their scores, each without pixels of objects before it; then the stuff around them.

        - objects with a score of at least `confidence` are taken, the highest score first
        - an object keeps the pixels that no object before it has; it is dropped if it loses more than `overlap` of them
        - a pixel without an object gets its class in `semantic` if that is stuff, and is void otherwise
        - stuff of fewer than `stuff_area` pixels becomes void

    Args:
      objects: detections with scores; objects without scores, as of a truth, count as sure. Crowds are left out.
      semantic: class ids and void, of the same size and the same classes.
      things: class ids of the things; every other class is stuff.
      options: None: those of the paper.
    Returns: the objects, the highest score first, then stuff by class id.
    Errors: UsageError for different sizes, and for an object of a class that is stuff.
    Source: Kirillov et al. 2019, "Panoptic Segmentation", section 6, with the thresholds of "Panoptic Feature Pyramid
    Networks", section 4. Deviations: none.

    >>> objects = Instances.of(np.array([[[1, 1, 0, 0]], [[0, 1, 1, 0]]], bool), classes=[2, 2], scores=[0.6, 0.9])
    >>> semantic = LabelMap(np.array([[1, 1, 1, 1]], np.uint8))
    >>> fuse(objects, semantic, {2}, FusionOptions(stuff_area=1)).ids.tolist()
    [[2, 1, 1, 3]]
    """
    # 1. what fits together
    options = options or FusionOptions()
    if objects.size != semantic.size:
        raise UsageError(f"the objects are of {objects.size} pixels, the label map of {semantic.size}; give the same")
    if foreign := sorted({int(one) for one in objects.classes} - {int(one) for one in things}):
        raise UsageError(f"an object has the class {foreign[0]}, which is stuff; things are {sorted(things)}")
    # 2. objects, the highest score first; among equal scores the first
    ids = np.full(objects.size, NO_SEGMENT, np.uint16)
    segments: list[Segment] = []
    scores = np.ones(len(objects)) if objects.scores is None else objects.scores
    for place in np.argsort(-scores, kind="stable"):
        if scores[place] < options.confidence or objects.crowd[place]:
            continue
        cut = objects.masks.cuts[place]
        window = ids[cut.window]
        free = cut.inside & (window == NO_SEGMENT)
        area, left = np.count_nonzero(cut.inside), np.count_nonzero(free)
        if left == 0 or area - left > options.overlap * area:
            continue
        segments.append(Segment(int(objects.classes[place]), thing=True))
        window[free] = len(segments)

    # 3. stuff where no object is
    rest = np.where(ids == NO_SEGMENT, semantic.ids, np.uint8(MAX_CLASSES))
    areas = np.bincount(rest.ravel(), minlength=MAX_CLASSES + 1)[:MAX_CLASSES]
    for class_id in np.flatnonzero(areas):
        if areas[class_id] >= options.stuff_area and class_id not in things:
            segments.append(Segment(int(class_id), thing=False))
            ids[rest == class_id] = len(segments)
    return Panoptic(ids, tuple(segments))
