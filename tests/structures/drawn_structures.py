"""Structures to move, moves to make, and the same moves of a drawn map by other means."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kseg.conventions import VOID
from kseg.structures import Instances, LabelMap, Panoptic, Segment, Structure

HEIGHT, WIDTH = 12, 17

NOTHING = 199
"""In a drawn map of objects: no object."""


def blobs(seed: int, count: int) -> np.ndarray:
    """bool (count, H, W): overlapping ellipses, and last an object of one pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    masks = []
    for _ in range(count - 1):
        center_y, center_x = rng.uniform(0, HEIGHT), rng.uniform(0, WIDTH)
        mask = ((y - center_y) / rng.uniform(1, 5)) ** 2 + ((x - center_x) / rng.uniform(1, 6)) ** 2 < 1
        assert mask.any()
        masks.append(mask)
    dot = np.zeros((HEIGHT, WIDTH), bool)
    dot[rng.integers(HEIGHT), rng.integers(WIDTH)] = True
    return np.stack([*masks, dot])


def label_map(seed: int) -> LabelMap:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 4, (HEIGHT, WIDTH)).astype(np.uint8)
    ids[rng.random(ids.shape) < 0.2] = VOID
    return LabelMap(ids)


def instances(seed: int) -> Instances:
    """Each object of a class of its own, so that a drawn map tells them apart; the first is a crowd."""
    masks = blobs(seed, 5)
    return Instances.of(masks, [10, 11, 12, 13, 14], crowd=[True, False, False, False, False])


def no_instances(seed: int) -> Instances:
    return Instances.of(np.zeros((0, HEIGHT, WIDTH), bool), [])


def panoptic(seed: int) -> Panoptic:
    """Two kinds of stuff, five things of which one is a crowd, and void."""
    ids = np.where(np.arange(HEIGHT)[:, None] + np.zeros((HEIGHT, WIDTH)) < 7, 1, 2).astype(np.uint16)
    for number, mask in enumerate(blobs(seed, 5), start=3):
        ids[mask] = number
    ids[np.random.default_rng(seed).random(ids.shape) < 0.1] = 0
    segments = {1: Segment(0, thing=False), 2: Segment(7, thing=False)}
    segments |= {number: Segment(7 + number, thing=True, crowd=number == 3) for number in range(3, 8)}
    held = set(np.unique(ids).tolist())
    return Panoptic.from_ids(ids, {number: one for number, one in segments.items() if number in held})


STRUCTURES: dict[str, Callable[[int], Structure]] = {
    "label_map": label_map,
    "instances": instances,
    "no_instances": no_instances,
    "panoptic": panoptic,
}


def drawn(structure: Structure) -> np.ndarray:
    """uint8 (H, W): the picture of a structure, in colors that say which class or object a pixel is of."""
    if isinstance(structure, LabelMap):
        return structure.ids
    if isinstance(structure, Panoptic):
        return structure.semantic().ids
    assert isinstance(structure, Instances)
    picture = np.full(structure.size, NOTHING, np.uint8)
    for mask, class_id in zip(structure.masks.array(), structure.classes, strict=True):
        picture[mask] = class_id
    return picture


def beyond(structure: Structure) -> int:
    """The color of what lies outside."""
    return NOTHING if isinstance(structure, Instances) else VOID


@dataclass(frozen=True)
class Case:
    """A move of a structure, and the same of a drawn map written as a loop over pixels."""

    move: Callable[[Structure], Structure]
    size: tuple[int, int]
    source: Callable[[int, int], tuple[float, float]]
    """of each pixel of the result, the place in the picture before that lies under its center"""

    def of_drawing(self, picture: np.ndarray, outside: int) -> np.ndarray:
        moved = np.full(self.size, outside, picture.dtype)
        for i, j in np.ndindex(*self.size):
            y, x = self.source(i, j)
            if 0 <= y < picture.shape[0] and 0 <= x < picture.shape[1]:
                moved[i, j] = picture[math.floor(y), math.floor(x)]
        return moved


def _resize(height: int, width: int) -> Case:
    return Case(
        lambda s: s.resized((height, width)),
        (height, width),
        # whole numbers first, so that a center on a border is on it
        lambda i, j: ((2 * i + 1) * HEIGHT / (2 * height), (2 * j + 1) * WIDTH / (2 * width)),
    )


def _turn(degrees: float) -> Case:
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))

    def source(i: int, j: int) -> tuple[float, float]:
        y, x = i + 0.5 - HEIGHT / 2, j + 0.5 - WIDTH / 2
        return sine * x + cosine * y + HEIGHT / 2, cosine * x - sine * y + WIDTH / 2

    return Case(lambda s: s.rotated(degrees), (HEIGHT, WIDTH), source)


FIELD = np.random.default_rng(3).uniform(-4, 4, (2, HEIGHT, WIDTH))

MOVES: dict[str, Case] = {
    "mirror": Case(lambda s: s.flipped(), (HEIGHT, WIDTH), lambda i, j: (i + 0.5, WIDTH - j - 0.5)),
    "upside down": Case(lambda s: s.flipped(vertical=True), (HEIGHT, WIDTH), lambda i, j: (HEIGHT - i - 0.5, j + 0.5)),
    "crop": Case(lambda s: s.cropped((2, 3, 9, 12)), (7, 9), lambda i, j: (i + 2.5, j + 3.5)),
    "one pixel": Case(lambda s: s.cropped((5, 5, 6, 6)), (1, 1), lambda i, j: (i + 5.5, j + 5.5)),
    "pad": Case(lambda s: s.padded((15, 18)), (15, 18), lambda i, j: (i + 0.5, j + 0.5)),
    "pad at": Case(lambda s: s.padded((20, 20), at=(4, 2)), (20, 20), lambda i, j: (i - 3.5, j - 1.5)),
    "same size": _resize(HEIGHT, WIDTH),
    "smaller": _resize(5, 7),
    "larger": _resize(24, 40),
    "wider and flatter": _resize(4, 31),
    "turn": _turn(25.0),
    "turn back": _turn(-100.0),
    "warp": Case(
        lambda s: s.warped(FIELD), (HEIGHT, WIDTH), lambda i, j: (i + 0.5 + FIELD[0, i, j], j + 0.5 + FIELD[1, i, j])
    ),
}  # fmt: skip
