"""The mask of an object of COCO: polygons as pycocotools fills them, or run lengths, which are checked first."""

import numpy as np

from kseg.datasets.coco.instances_json import CocoObject, box_of
from kseg.errors import Failure, UsageError
from kseg.reading import parse_json
from kseg.structures.masks import Cut
from kseg.structures.moves import Size

FEWEST_VALUES = 6
"""Fewest values of a polygon: three points. pycocotools would read four values as a box."""

FAR = 1.0
"""A polygon is refused where a point lies outside the image by more than this many sides of it."""

EDGES = 2.0
"""Pixels by which the edges of a stated box and of its mask's box may differ."""
SHARED = 0.5
"""From this IoU on, a stated box and its mask's box may differ by more."""

Polygons = list[list[float]]


def polygons_of(one: CocoObject, where: str) -> Polygons | None:
    """The polygons, x and y in turn; None where the mask is run lengths."""
    try:
        segmentation: Polygons | dict = parse_json(bytes(one.segmentation), Polygons | dict)
    except ValueError as error:
        raise _damaged(where, f"its segmentation is neither polygons nor RLE ({error})") from None
    return None if isinstance(segmentation, dict) else segmentation


def cut_of(one: CocoObject, size: Size, where: str) -> Cut:
    """The object's mask in an image of `size`; the mask may have no pixel. `where` names the object in messages.

    Raises: Failure for a damaged segmentation. UsageError where polygons are to be filled and pycocotools is missing.
    """
    polygons = polygons_of(one, where)
    return Cut.of(_from_runs(one, size, where) if polygons is None else _filled(polygons, size, where))


def objects_box(one: CocoObject, cut: Cut, size: Size) -> np.ndarray:
    """float64 (4,): the stated box where it agrees with the mask, else the smallest box around the mask."""
    stated, around = box_of(one, size), np.array(cut.box, np.float64)
    return stated if stated is not None and boxes_agree(stated, around) else around


def boxes_agree(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two boxes mean the same object."""
    if np.abs(one - other).max() <= EDGES:
        return True
    overlap = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(overlap, 0)))
    union = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - shared
    return shared >= SHARED * union > 0


def _filled(polygons: Polygons, size: Size, where: str) -> np.ndarray:
    """bool (H, W)."""
    try:
        from pycocotools import mask as rasterizer
    except ImportError:
        raise UsageError(
            f"{where}: polygons are filled by pycocotools, which is not installed; pip install 'kseg[coco]'"
        ) from None
    filled = np.zeros(size, bool)
    for polygon in polygons:
        _check_polygon(polygon, size, where)
    if polygons:
        filled |= rasterizer.decode(rasterizer.frPyObjects(polygons, *size)).any(axis=-1)
    return filled


def _check_polygon(polygon: list[float], size: Size, where: str) -> None:
    if len(polygon) < FEWEST_VALUES or len(polygon) % 2:
        raise _damaged(where, f"a polygon has {len(polygon)} values, but needs x and y of at least three points")
    points = np.array(polygon).reshape(-1, 2)
    height, width = size
    outside = np.maximum(-points, points - (width, height)) / (width, height)
    if outside.max() > FAR:
        x, y = points[outside.max(axis=1).argmax()]
        raise _damaged(where, f"its point ({x:g}, {y:g}) lies far outside of the {height}×{width} pixels")


def _from_runs(one: CocoObject, size: Size, where: str) -> np.ndarray:
    """bool (H, W), from the lengths of runs of 0 and 1 in turn, column by column."""
    runs: dict = parse_json(bytes(one.segmentation), dict)
    stated, counts = runs.get("size"), runs.get("counts")
    if stated != list(size):
        raise _damaged(where, f"its RLE is of the size {stated}, the image has {list(size)} (height, width)")
    lengths = None
    if isinstance(counts, str):
        lengths = lengths_of_text(counts)
    elif isinstance(counts, list) and all(isinstance(count, int) for count in counts):
        lengths = np.array([min(max(count, -1), size[0] * size[1] + 1) for count in counts], np.int64)
    if lengths is None or (lengths < 0).any() or lengths.sum() != size[0] * size[1]:
        raise _damaged(where, f"its RLE does not add up to {size[0]}×{size[1]} pixels")
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(size[1], size[0]).T


def lengths_of_text(text: str) -> np.ndarray | None:
    """int64 (R,): the run lengths in COCO's text; None for any other text.

    A character holds five bits of a number. Its sixth bit says whether more characters follow, and the fifth bit of the
    last one is the sign. From the fourth run on, a number is the difference to the run before the last.

    >>> lengths_of_text("R1").tolist(), lengths_of_text("0 ") is None
    ([34], True)
    """
    try:
        values = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        return None
    if not len(values) or values.min() < 0 or values.max() > 63 or values[-1] & 32:
        return None
    # 1. characters of one number belong together
    ends = np.flatnonzero((values & 32) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts + 1
    if sizes.max() > 12:  # more than 60 bits
        return None
    shifts = 5 * (np.arange(len(values)) - np.repeat(starts, sizes))
    numbers = np.add.reduceat((values & 31) << shifts, starts)
    numbers = np.where(values[ends] & 16, numbers - (np.int64(1) << (5 * sizes)), numbers)
    # 2. differences to the run before the last
    for first in (1, 2):
        numbers[first::2] = np.cumsum(numbers[first::2])
    return numbers


def _damaged(where: str, reason: str) -> Failure:
    return Failure(f"{where}: {reason}; correct or remove this object in the JSON")
