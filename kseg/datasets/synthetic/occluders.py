"""Paints occluders: hats, hands and held things, which are background, and glasses, which are face.

Hats and hands belong to their person, held things to nobody.
"""

import math

import numpy as np

from kseg.datasets.faces import BACKGROUND
from kseg.datasets.synthetic.canvas import HELD, Canvas, Frame, box, capsule, ellipse
from kseg.datasets.synthetic.people import Person, any_color


def paint_occluders(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    chances = rng.random(4)
    if chances[0] < 0.28:
        _paint_glasses(canvas, rng, person)
    if chances[1] < 0.12 and person.style not in ("afro", "bun"):
        _paint_hat(canvas, rng, person)
    if chances[2] < 0.06:
        _paint_hand(canvas, rng, person)
    if chances[3] < 0.10:
        with canvas.owned_by(HELD):  # it hides its holder, but belongs to no person
            _paint_held_thing(canvas, rng, person)


def _paint_glasses(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    a, b = person.a, person.b
    window = canvas.window(person.x, person.y, 1.3 * b, 0.8 * b)
    frame = Frame(canvas, window, person.x, person.y, person.tilt)
    u, v = frame.u - person.turn * a, frame.v + 0.08 * b
    color = any_color(rng) * 0.6
    wire, round_glass = rng.uniform(0.012, 0.03), rng.random() < 0.5
    sunglasses = rng.random() < 0.3
    for side in (-1, 1):
        lens = (ellipse(u - side * 0.4 * a, v, 0.32 * a, 0.2 * b) if round_glass
                else box(u - side * 0.4 * a, v, 0.32 * a, 0.16 * b, rounding=0.05 * a))  # fmt: skip
        if sunglasses:
            canvas.paint(lens, (0.06, 0.06, 0.07), window=window, opacity=0.92)
        canvas.paint(np.abs(lens) - wire / 2, color, window=window)
    canvas.paint(box(u, v, 0.1 * a, wire / 2), color, window=window)


def _paint_hat(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    a, b = person.a, person.b
    window = canvas.window(person.x, person.y - 0.7 * b, 1.9 * b, 1.3 * b)
    frame = Frame(canvas, window, person.x, person.y, person.tilt)
    u, v = frame.u, frame.v
    rim = rng.uniform(-0.62, -0.42) * b
    color = any_color(rng) * (0.95 - 0.2 * person.light[0] * u / a)[..., None]
    crown = np.maximum(ellipse(u, v - rim, 1.18 * a, rng.uniform(0.75, 1.0) * b), v - rim)
    canvas.paint(crown, color, part=BACKGROUND, window=window)
    if rng.random() < 0.6:  # a brim instead of a beanie's fold
        brim = ellipse(u - rng.uniform(-0.3, 0.3) * a, v - rim, rng.uniform(1.3, 1.9) * a, 0.11 * b)
    else:
        brim = box(u, v - rim, 1.2 * a, 0.1 * b, rounding=0.05 * b)
    canvas.paint(brim, color * 0.8, part=BACKGROUND, window=window)


def _paint_hand(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    """The person's own hand at chin or cheek: it has the color of the face, but is not face."""
    a, b = person.a, person.b
    side = float(rng.choice([-1.0, 1.0]))
    x, y = person.x + side * rng.uniform(0.4, 0.95) * a, person.y + rng.uniform(0.45, 1.0) * b
    window = canvas.window(x + side * 0.3, y + 0.5, 0.9, 1.0)
    frame = Frame(canvas, window, x, y, side * rng.uniform(-0.6, 0.1))
    u, v = frame.u, frame.v
    color = person.skin * rng.uniform(0.86, 1.06) * (1 - 0.15 * person.light[0] * u / a)[..., None]
    canvas.paint(
        capsule(u, v, (0, 0.25 * b), (side * 0.1, 1.6), 0.30 * a), color * 0.95, part=BACKGROUND, window=window
    )
    for finger in range(4):
        offset = (finger - 1.5) * 0.155 * a
        tip = -rng.uniform(0.18, 0.36) * b
        field = capsule(u, v, (offset, 0.2 * b), (offset * 1.15, tip), 0.085 * a)
        canvas.paint(field - 0.012, color * 0.7, part=BACKGROUND, window=window)
        canvas.paint(field, color, part=BACKGROUND, window=window)


def _paint_held_thing(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    """A microphone, a cup or a bar across the picture."""
    kind = rng.random()
    color = any_color(rng)
    if kind < 0.4:
        x, y = person.x + rng.uniform(-0.6, 0.6) * person.a, person.y + rng.uniform(0.6, 0.95) * person.b
        u, v = canvas.x - x, canvas.y - y
        canvas.paint(capsule(u, v, (0, 0), (rng.uniform(-0.3, 0.3), 1.5), 0.04), color * 0.6, part=BACKGROUND)
        canvas.paint(ellipse(u, v, 0.11, 0.13), color * 0.4, part=BACKGROUND)
    elif kind < 0.7:
        x, y = person.x + rng.uniform(-0.8, 0.8) * person.a, person.y + rng.uniform(0.7, 1.1) * person.b
        u, v = canvas.x - x, canvas.y - y
        canvas.paint(box(u, v, 0.15, 0.17, rounding=0.03), color * (1 - u)[..., None], part=BACKGROUND)
    else:
        angle = rng.uniform(0, math.pi)
        x, y = person.x + rng.uniform(-1.2, 1.2) * person.a, person.y + rng.uniform(-0.6, 0.6) * person.b
        across = (canvas.x - x) * math.cos(angle) + (canvas.y - y) * math.sin(angle)
        canvas.paint(np.abs(across) - rng.uniform(0.03, 0.07), color, part=BACKGROUND)
