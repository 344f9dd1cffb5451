"""Draws a whole picture: a room, one or several people from back to front, and the camera's effects."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kseg.datasets.synthetic.backdrop import BACKDROP, FLOOR, SKY, paint_backdrop, paint_grounds
from kseg.datasets.synthetic.canvas import HELD, NOBODY, Canvas
from kseg.datasets.synthetic.head import paint_person
from kseg.datasets.synthetic.occluders import paint_occluders
from kseg.datasets.synthetic.people import somebody
from kseg.datasets.synthetic.photograph import photograph
from kseg.structures import Panoptic, Segment

NATURAL_SHARE = 0.24
"""Mean share of face and hair in a picture if the whole head is inside it."""

MOST_PEOPLE = 6

PERSON = 3
"""The class id of people beside `BACKDROP`, `FLOOR` and `SKY`."""

FIRST_GROUND = MOST_PEOPLE + 1
"""Id of `BACKDROP` in a map of segments, after the people; the other grounds follow."""

GROUP_SCALES = (0.28, 0.62)
"""Smallest and largest scale of several people, relative to the only person of a portrait."""

Place = tuple[float, float, float]
"""Scale of a person, and x and y of the point where it is centered."""


class Scene(NamedTuple):
    """The drawn image and its truth: `parts` and `owners` hold the last stroke over each pixel."""

    image: np.ndarray
    """uint8 (n, n, 3)"""
    parts: np.ndarray
    """uint8 (n, n): background, hair or face"""
    grounds: np.ndarray
    """uint8 (n, n): `BACKDROP`, `FLOOR` or `SKY` behind the people, also where people hide it"""
    owners: np.ndarray
    """uint8 (n, n): k where person k is visible, counted from 1 and from back to front; 0 for the surroundings, 255 for
    held things. Clothes, hats and hands belong to their person. A person whom others hide completely has no pixel."""

    def panoptic(self) -> Panoptic:
        """The visible people, from back to front, and the visible surroundings; held things are void."""
        ids = np.where(self.owners == NOBODY, self.grounds + FIRST_GROUND, self.owners).astype(np.int32)
        people = {number: Segment(PERSON, thing=True) for number in range(1, MOST_PEOPLE + 1)}
        stuff = {FIRST_GROUND + ground: Segment(ground, thing=False) for ground in (BACKDROP, FLOOR, SKY)}
        visible = set(np.unique(ids).tolist())
        segments = {number: segment for number, segment in {**people, **stuff}.items() if number in visible}
        return Panoptic.from_ids(ids, segments, void=(HELD,))


def draw_scene(size: int, seed: Sequence[int], foreground: float | None = None, people: int = 1) -> Scene:
    """Draws a picture; the same seed gives the same people at any size.

    With `foreground`, people stand farther away and anywhere in the same room. With `people` above 1, there are 1 to
    `people` of them, with equal probability, on a floor and in half of the pictures under the sky. A picture with one
    person is the portrait of `people=1`.
    """
    rng = np.random.default_rng(list(seed))
    canvas = Canvas(size, (0.5, 0.5, 0.5))
    paint_backdrop(canvas, rng)
    places = _places(seed, foreground, people)
    grounds = np.full((size, size), BACKDROP, np.uint8)
    if len(places) > 1:
        grounds = paint_grounds(canvas, np.random.default_rng([*seed, 4]))
    for number, place in enumerate(places, start=1):
        person = somebody(rng)
        with canvas.smaller(*place), canvas.owned_by(number):
            paint_person(canvas, rng, person)
            paint_occluders(canvas, rng, person)
    photograph(canvas, rng)
    return Scene(canvas.to_uint8(), canvas.parts, grounds, canvas.owners)


def portrait(size: int, seed: Sequence[int], foreground: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """uint8 image (size, size, 3) and part labels (size, size) of one person (`draw_scene`)."""
    scene = draw_scene(size, seed, foreground)
    return scene.image, scene.parts


def _places(seed: Sequence[int], foreground: float | None, people: int) -> list[Place]:
    """One place per person, from back to front; separate generators keep the rest of the picture unchanged."""
    count = 1 if people == 1 else int(np.random.default_rng([*seed, 2]).integers(1, people + 1))
    if count == 1:
        return [_distance(seed, foreground)]
    rng = np.random.default_rng([*seed, 3])
    nearer = 1.0 if foreground is None else math.sqrt(foreground / NATURAL_SHARE)
    scales = np.sort(rng.uniform(*GROUP_SCALES, count)) * nearer
    # Each person has its own column, and strays from it far enough to meet a neighbor.
    columns = rng.permutation((np.arange(count) + 0.5) * (2 / count) - 1) * 0.8
    stray = 0.5 / count
    return [
        # Farther heads are higher in the picture, as seen by a standing viewer.
        (float(scale), float(column + rng.uniform(-stray, stray)), float(rng.uniform(-0.25, 0.1) + scale - 0.45))
        for scale, column in zip(scales, columns, strict=True)
    ]


def _distance(seed: Sequence[int], foreground: float | None) -> Place:
    """The place of a single person."""
    if foreground is None:
        return 1.0, 0.0, 0.0
    scale = math.sqrt(foreground / NATURAL_SHARE)
    x, y = np.random.default_rng([*seed, 1]).uniform(scale - 1, 1 - scale, 2)
    return scale, float(x), float(y)
