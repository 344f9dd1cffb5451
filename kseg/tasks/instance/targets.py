"""The targets of objects: arrays of one shape, however many objects an image shows."""

import numpy as np

from kseg.pipeline.source import ArraySpec, Targets
from kseg.structures import Instances, Structure
from kseg.structures.masks import Cut

MOST_OBJECTS = 64
"""Objects of an image that a network learns to find: the largest ones where there are more."""

MOST_BOXES = 512
"""Objects of an image whose boxes the loss knows. Those beyond `MOST_OBJECTS` count as crowds, neither to be found nor
background."""

MASK_SIDE = 112
"""Cells of a mask target along each side of its box: four for each of the 28 that a mask head predicts."""

WHOLE = 255
"""The value of a mask target in a cell that the object covers wholly."""


class InstanceTargets:
    """Arrays for B = `MOST_BOXES` and M = `MOST_OBJECTS` objects and S = `MASK_SIDE`, in the truth's order, then zeros.

    "boxes", float32 (B, 4), y1, x1, y2, x2 in pixels; "classes", int32 (B,), class ids; "valid", float32 (B,), 1 where
    there is an object; "crowd", float32 (B,), 1 where the object is a region of many, or one beyond M; "masks",
    uint8 (M, S, S), the share of each cell of the box that the object covers, of `WHOLE`; and "size", float32 (2,), the
    image's height and width. Objects beyond M come last and have no mask.

    Objects without a pixel, or with a box without an area, cannot be found and are left out.
    """

    task, needs_image = "instance", False

    def specs(self, size: tuple[int | None, ...]) -> dict[str, ArraySpec]:
        return {
            "boxes": ArraySpec((MOST_BOXES, 4), "float32"),
            "classes": ArraySpec((MOST_BOXES,), "int32"),
            "valid": ArraySpec((MOST_BOXES,), "float32"),
            "crowd": ArraySpec((MOST_BOXES,), "float32"),
            "masks": ArraySpec((MOST_OBJECTS, MASK_SIDE, MASK_SIDE), "uint8"),
            "size": ArraySpec((2,), "float32"),
        }

    def __call__(self, truth: Structure, image: np.ndarray | None) -> Targets:
        assert isinstance(truth, Instances)
        targets: Targets = {
            name: np.zeros([side or 0 for side in spec.shape], spec.dtype)
            for name, spec in self.specs(truth.size).items()
        }
        learned = largest(truth, MOST_OBJECTS)
        known = np.concatenate([learned, np.setdiff1d(largest(truth, MOST_BOXES), learned)])
        objects, count = truth.chosen(known), len(known)
        targets["boxes"][:count] = objects.boxes
        targets["classes"][:count] = objects.classes
        targets["valid"][:count] = 1.0
        targets["crowd"][:count] = objects.crowd | (np.arange(count) >= len(learned))
        for row, (cut, box) in enumerate(zip(objects.masks.cuts, objects.boxes, strict=True)):
            if row < len(learned) and not objects.crowd[row]:
                targets["masks"][row] = np.rint(WHOLE * mask_in_box(cut, box, MASK_SIDE))
        targets["size"][:] = truth.size
        return targets


def largest(truth: Instances, most: int) -> np.ndarray:
    """int64 (N ≤ most,), rising: the objects with the most pixels, crowds after all others, without empty ones."""
    areas = truth.masks.areas()
    has_box = (truth.boxes[:, :2] < truth.boxes[:, 2:]).all(axis=1)
    there = np.flatnonzero((areas > 0) & has_box)
    order = np.lexsort((-areas[there], truth.crowd[there]))
    return np.sort(there[order[:most]])


def mask_in_box(cut: Cut, box: np.ndarray, side: int) -> np.ndarray:
    """float32 (side, side): the share of each cell of a box, divided into side × side cells, that a mask covers.

    >>> mask_in_box(Cut(np.array([[True, False]])), np.array([0.0, 0.0, 1.0, 2.0]), 2).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    height, width = cut.inside.shape
    rows = _shares(box[0], box[2], side, cut.top, height)
    columns = _shares(box[1], box[3], side, cut.left, width)
    return np.asarray(rows @ cut.inside.astype(np.float32) @ columns.T, np.float32)


def _shares(start: float, end: float, side: int, first: int, count: int) -> np.ndarray:
    """float32 (side, count): the share of each of `side` equal parts of [start, end] that each of `count` pixels from
    `first` on covers."""
    edges = np.linspace(start, end, side + 1)
    pixels = np.arange(first, first + count)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(covered, 0, None) * (side / (end - start))).astype(np.float32)
