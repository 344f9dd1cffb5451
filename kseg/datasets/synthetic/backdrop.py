"""Paints the backdrop: a wall with uneven light, and clutter, some of it in the colors of skin and hair."""

import math

import numpy as np

from kseg.datasets.synthetic.canvas import Canvas, Frame, box, ellipse, smooth_noise
from kseg.datasets.synthetic.people import any_color, hair_color, skin_color

BACKDROP, FLOOR, SKY = 0, 1, 2
"""Ids of the stuff behind people in a picture."""


def paint_backdrop(canvas: Canvas, rng: np.random.Generator) -> None:
    first, second = any_color(rng), any_color(rng)
    angle = rng.uniform(0, 2 * math.pi)
    ramp = 0.5 + 0.5 * (canvas.x * math.cos(angle) + canvas.y * math.sin(angle))
    canvas.rgb[:] = first + (second - first) * ramp[..., None]
    texture = smooth_noise(rng, canvas.size, int(rng.integers(3, 14))) * rng.uniform(0.0, 0.14)
    canvas.rgb += texture[..., None]
    if rng.random() < 0.25:
        _paint_stripes(canvas, rng)
    blur = float(rng.choice([1.0, 4.0, 12.0]))  # a camera's depth of field
    for _ in range(rng.integers(1, 6)):
        _paint_thing(canvas, rng, blur)


def paint_grounds(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Paints a floor before the backdrop and, in half of the pictures, the sky over it; returns uint8 (n, n) ids."""
    grounds = np.full(canvas.parts.shape, BACKDROP, np.uint8)
    below = canvas.y - rng.uniform(0.15, 0.65) - rng.uniform(-0.08, 0.08) * canvas.x
    planks = np.sin(canvas.x * rng.uniform(6, 20) / (0.4 + np.clip(below, 0, 1)) + rng.uniform(0, 6))
    floor = any_color(rng) * (0.75 + 0.3 * below + rng.uniform(0, 0.1) * planks)[..., None]
    canvas.paint(-below, floor)
    grounds[below > 0] = FLOOR
    if rng.random() < 0.5:
        roofs = smooth_noise(rng, canvas.size, int(rng.integers(3, 9))) * rng.uniform(0.02, 0.15)
        above = rng.uniform(-0.6, 0.0) + roofs - canvas.y
        blue = rng.uniform((0.35, 0.55, 0.80), (0.75, 0.82, 0.95)).astype(np.float32)
        clouds = smooth_noise(rng, canvas.size, int(rng.integers(4, 12))) * rng.uniform(0, 0.12)
        canvas.paint(-above, blue + (0.12 * (1 - above) + clouds)[..., None])
        grounds[above > 0] = SKY
    return grounds


def _paint_stripes(canvas: Canvas, rng: np.random.Generator) -> None:
    """Wallpaper, blinds, brick courses."""
    angle = float(rng.choice([0.0, math.pi / 2, rng.uniform(0, math.pi)]))
    along = canvas.x * math.cos(angle) + canvas.y * math.sin(angle)
    waves = np.sin(along * rng.uniform(8, 40) + rng.uniform(0, 6))
    canvas.paint(-waves * 0.05, any_color(rng), opacity=rng.uniform(0.15, 0.6))


def _paint_thing(canvas: Canvas, rng: np.random.Generator, blur: float) -> None:
    x, y = rng.uniform(-1.1, 1.1), rng.uniform(-1.1, 0.9)
    a, b = rng.uniform(0.06, 0.45, 2).tolist()
    reach = math.hypot(a, b) + 0.1
    window = canvas.window(x, y, reach, reach)
    frame = Frame(canvas, window, x, y, rng.uniform(0, math.pi))
    kind = rng.random()
    if kind < 0.12:
        field, color = ellipse(frame.u, frame.v, a, b), skin_color(rng)  # color alone must not give the face away
    elif kind < 0.24:
        field, color = ellipse(frame.u, frame.v, a, b), hair_color(rng)
    elif kind < 0.54:
        field, color = ellipse(frame.u, frame.v, a, b), any_color(rng)
    else:
        field, color = box(frame.u, frame.v, a, b, rounding=0.02), any_color(rng)
    shade = (1 - 0.25 * frame.v / reach)[..., None]
    canvas.paint(field, color * shade, window=window, softness=blur, opacity=rng.uniform(0.6, 1.0))
