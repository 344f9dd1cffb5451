"""Oddities of COCO's objects that can be read nevertheless, for `kseg data check`."""

from collections.abc import Sequence

import numpy as np

from kseg.datasets.coco.instances_json import CocoObject, box_of
from kseg.datasets.coco.masks import boxes_agree, cut_of, polygons_of
from kseg.errors import KsegError
from kseg.structures.moves import Size

OUTSIDE = 1.0
"""Pixels by which a point may lie outside the image: tools round, and some count from pixel centers."""

MOST_POINTS = 2000
"""Polygons of more points are not searched for crossings; they are outlines traced pixel by pixel."""


def remarks(objects: Sequence[CocoObject], size: Size, where: str) -> tuple[list[str], list[str]]:
    """(problems, notes) on the objects of an image, a sentence each; `where` names the image."""
    problems, notes = [], []
    first: dict[tuple[int, bytes], CocoObject] = {}
    for one in objects:
        name = f"{where}, object {one.id}"
        earlier = first.setdefault((one.category_id, bytes(one.segmentation)), one)
        if earlier is not one:
            problems.append(f"{name} has the category and the mask of object {earlier.id}; take one of the two out")
        # 1. its mask
        try:
            cut, polygons = cut_of(one, size, name), polygons_of(one, name)
        except KsegError as error:
            problems.append(str(error))
            continue
        if not cut.inside.size:
            problems.append(f"{name}: its mask has no pixel; it is left out")
            continue
        # 2. its box
        stated = box_of(one, size)
        if one.bbox is not None and stated is None:
            problems.append(f"{name}: its box {one.bbox} has no area in the image; the box of its mask is used")
        elif stated is not None and not boxes_agree(stated, np.array(cut.box, np.float64)):
            problems.append(
                f"{name}: its box {_shown(stated)} and the box of its mask {_shown(cut.box)} (y1, x1, y2, x2) "
                "disagree; the mask's is used (bbox is x, y, width, height)"
            )
        # 3. its polygons
        for polygon in polygons or ():
            points = np.array(polygon).reshape(-1, 2)
            far = float(np.maximum(-points, points - (size[1], size[0])).max())
            if far > OUTSIDE:
                problems.append(f"{name}: a polygon reaches {far:.0f} pixels out of the image; it is cut there")
            if crosses_itself(points):
                notes.append(f"{name}: a polygon crosses itself; what it encloses an even number of times is outside")
    return problems, notes


def crosses_itself(points: np.ndarray) -> bool:
    """Whether two edges of the closed polygon (N, 2) cross in their interiors; touching is not crossing.

    >>> bow, square = [[0, 0], [2, 2], [2, 0], [0, 2]], [[0, 0], [2, 0], [2, 2], [0, 2]]
    >>> crosses_itself(np.array(bow)), crosses_itself(np.array(square))
    (True, False)
    """
    if not 4 <= len(points) <= MOST_POINTS:
        return False
    start, end = points, np.roll(points, -1, axis=0)
    side_of_start = _side(start[:, None], end[:, None], start[None])  # edge j's start and the line through edge i
    side_of_end = _side(start[:, None], end[:, None], end[None])
    apart = side_of_start * side_of_end < 0
    return bool((apart & apart.T).any())


def _side(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> np.ndarray:
    """−1, 0 or 1: on which side of the line a point lies."""
    edge, way = end - start, point - start
    return np.sign(edge[..., 0] * way[..., 1] - edge[..., 1] * way[..., 0])


def _shown(box: Sequence[float] | np.ndarray) -> str:
    return "(" + ", ".join(f"{edge:.0f}" for edge in box) + ")"
