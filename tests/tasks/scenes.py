"""Truths of every structure for tests of tasks: a few ellipses on a background, drawn by a seed."""

from collections.abc import Callable

import numpy as np

from kseg.conventions import VOID
from kseg.structures import Instances, LabelMap, Panoptic, Segment, Structure

SIZE = (24, 32)


def objects(seed: int) -> list[np.ndarray]:
    """Two to four bool (H, W), which do not overlap."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    taken, masks = np.zeros(SIZE, bool), []
    for _ in range(rng.integers(2, 5)):
        center, radii = rng.uniform((3, 3), (SIZE[0] - 3, SIZE[1] - 3)), rng.uniform(2, 7, 2)
        mask = (((y - center[0]) / radii[0]) ** 2 + ((x - center[1]) / radii[1]) ** 2 < 1) & ~taken
        if mask.any():
            masks.append(mask)
            taken |= mask
    return masks


def label_map(seed: int, num_classes: int, *, clean: bool) -> LabelMap:
    ids = np.zeros(SIZE, np.uint8)
    for number, mask in enumerate(objects(seed)):
        ids[mask] = 1 + number % (num_classes - 1)
    if not clean:
        ids[np.random.default_rng(seed).random(SIZE) < 0.1] = VOID
    return LabelMap(ids)


def instances(seed: int, num_classes: int, *, clean: bool) -> Instances:
    """Unless `clean`, the last is a crowd."""
    masks = np.stack(objects(seed))
    crowd = [not clean and number == len(masks) - 1 for number in range(len(masks))]
    return Instances.of(masks, 1 + np.arange(len(masks)) % (num_classes - 1), crowd=crowd)


def panoptic(seed: int, num_classes: int, *, clean: bool) -> Panoptic:
    """Things, then the stuff around them, of class 0; unless `clean`, the last thing is a crowd and some pixels are of
    no segment."""
    masks = objects(seed)
    ids = np.full(SIZE, len(masks) + 1, np.uint16)
    for number, mask in enumerate(masks, start=1):
        ids[mask] = number
    if not clean:
        ids[0] = 0
    things = [
        Segment(1 + number % (num_classes - 1), thing=True, crowd=not clean and number == len(masks) - 1)
        for number in range(len(masks))
    ]
    segments = dict(enumerate((*things, Segment(0, thing=False)), start=1))
    held = set(np.unique(ids).tolist())
    return Panoptic.from_ids(ids, {number: one for number, one in segments.items() if number in held})


SCENES: dict[type[Structure], Callable[..., Structure]] = {
    LabelMap: label_map,
    Instances: instances,
    Panoptic: panoptic,
}


def image_of(seed: int) -> np.ndarray:
    """uint8 (H, W, 3)"""
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
