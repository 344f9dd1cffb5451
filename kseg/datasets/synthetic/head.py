"""Paints a person: hair behind, neck, ears, face with features, hair in front, clothes."""

import math

import numpy as np

from kseg.datasets.faces import BACKGROUND, FACE, HAIR
from kseg.datasets.synthetic.canvas import Canvas, Frame, box, capsule, ellipse, smooth_noise
from kseg.datasets.synthetic.people import Person, any_color


def paint_person(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    """Paints from back to front."""
    frame = Frame(canvas, (slice(None), slice(None)), person.x, person.y, person.tilt)
    strands = _strands(canvas, rng, frame, person)
    _paint_hair_behind(canvas, rng, frame, person, strands)
    _paint_neck(canvas, person)
    _paint_clothes(canvas, rng, person)
    _paint_face(canvas, rng, person)
    _paint_hair_in_front(canvas, rng, frame, person, strands)


def _strands(canvas: Canvas, rng: np.random.Generator, frame: Frame, person: Person) -> np.ndarray:
    """The color of hair at every pixel: waves along the strands, highlights towards the light."""
    warp = smooth_noise(rng, canvas.size, 7)
    if person.style == "afro":
        waves = smooth_noise(rng, canvas.size, 32)
    else:
        waves = np.sin((frame.u / person.a) * rng.uniform(9, 22) + warp * rng.uniform(2, 6))
    light = 1 - 0.3 * (person.light[0] * frame.u + person.light[1] * frame.v) / person.b
    shade = light * (1 + rng.uniform(0.03, 0.14) * waves) + 0.12 * warp
    return person.hair * shade[..., None] + np.float32(0.02) * (waves[..., None] + 1)


def _paint_hair_behind(canvas: Canvas, rng: np.random.Generator, frame: Frame, person: Person, strands) -> None:
    u, v, a, b = frame.u, frame.v, person.a, person.b
    side = float(rng.choice([-1.0, 1.0]))
    fields = []
    if person.style in ("bob", "long"):
        length = b * (rng.uniform(0.9, 1.15) if person.style == "bob" else rng.uniform(1.4, 2.3))
        width = a * rng.uniform(1.14, 1.4)
        flare = 1 + rng.uniform(-0.05, 0.2) * np.clip(v / b, 0, 2)
        lower = box(u / flare, v - length / 2 + 0.1 * b, width, length / 2 + 0.1 * b, rounding=0.3 * a)
        fields = [lower, ellipse(u, v + 0.1 * b, width, 1.1 * b)]
    elif person.style == "afro":
        swell = rng.uniform(1.3, 1.65)
        ragged = smooth_noise(rng, canvas.size, 24) * 0.04
        fields = [ellipse(u, v + 0.32 * b, a * swell, b * swell * 0.85) + ragged]
    elif person.style == "bun":
        fields = [ellipse(u, v + 1.15 * b, 0.42 * a, 0.26 * b)]
    elif person.style == "ponytail":
        end = (side * a * rng.uniform(1.3, 1.7), b * rng.uniform(0.5, 1.3))
        fields = [capsule(u, v, (side * 0.8 * a, -0.5 * b), end, 0.2 * a)]
    for field in fields:
        canvas.paint(field, strands * np.float32(0.82), part=HAIR, softness=1.5)


def _paint_neck(canvas: Canvas, person: Person) -> None:
    width = 0.52 * person.a
    window = canvas.window(person.x, person.y + 1.2 * person.b, width * 1.6, person.b)
    u, v = canvas.x[window] - person.x, canvas.y[window] - person.y
    # The neck is wider towards the shoulders, and the head's shadow falls on its upper end.
    field = np.abs(u) - width * (1 + 0.35 * np.clip(v / person.b - 1.0, 0, 1))
    shade = 0.72 + 0.25 * np.clip((v - 0.9 * person.b) / (0.5 * person.b), 0, 1) - 0.2 * person.light[0] * u / width
    canvas.paint(field, person.skin * shade[..., None], part=FACE, window=window)


def _paint_clothes(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    top = person.shoulder
    window = canvas.window(person.x, top + 1 / canvas.scale, 3, 1.15 / canvas.scale)  # down to the picture's edge
    u, v = canvas.x[window] - person.x, canvas.y[window] - top
    slope, spread = rng.uniform(0.15, 0.45), rng.uniform(2.2, 3.2) * person.a
    field = np.maximum(slope * np.abs(u) - v - 0.02, np.abs(u) - spread)
    collar_depth = rng.uniform(0.02, 0.30) * person.b
    neckline = ellipse(u, v, 0.62 * person.a, collar_depth + 0.05)
    if rng.random() < 0.4:  # a V-neck instead of a round neck
        neckline = np.abs(u) * (collar_depth + 0.05) / (0.6 * person.a) + v - collar_depth - 0.05
    field = np.maximum(field, -neckline)
    color = any_color(rng) * (1 - 0.2 * person.light[0] * u)[..., None]
    if rng.random() < 0.35:
        angle = rng.uniform(0, math.pi)
        pattern = np.sin((u * math.cos(angle) + v * math.sin(angle)) * rng.uniform(20, 60)) > rng.uniform(-0.5, 0.8)
        color = np.where(pattern[..., None], color, any_color(rng))
    canvas.paint(field, color, part=BACKGROUND, window=window)


def _paint_face(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    a, b = person.a, person.b
    window = canvas.window(person.x, person.y, 1.45 * b, 1.3 * b)
    frame = Frame(canvas, window, person.x, person.y, person.tilt)
    u, v = frame.u, frame.v
    jaw = 1 - person.taper * np.clip(v / b, 0, 1) ** 2
    radius = np.sqrt((u / (a * jaw)) ** 2 + (v / b) ** 2)
    facing = np.sqrt(np.clip(1 - radius * radius, 0, 1))
    shade = 0.78 + 0.28 * facing - 0.28 * (person.light[0] * u / a + person.light[1] * v / b)
    skin = person.skin * shade[..., None]
    ear_v = v - 0.02 * b
    for side in (-1, 1):
        hidden = side * person.turn > 0.16  # the far ear of a turned head
        if not hidden:
            canvas.paint(ellipse(u - side * 1.0 * a, ear_v, 0.13 * a, 0.19 * b), skin * 0.9, part=FACE, window=window)
    canvas.paint((radius - 1) * a, skin, part=FACE, window=window)
    paint_features(canvas, rng, person)
    if person.beard:
        stubble = rng.uniform(0.35, 0.95)
        low = np.maximum((radius - 1) * a, 0.22 * b - v + 0.5 * (u * u) / a * -1 + 0.12 * b)
        mouth = ellipse(u - person.turn * a, v - 0.52 * b, 0.3 * a, 0.07 * b)
        part = HAIR if stubble > 0.6 else None  # as in LFW's masks, where beards are hair and shadows are not
        beard = np.maximum(low, -mouth)
        canvas.paint(beard, person.hair * 0.9, part=part, window=window, softness=4, opacity=stubble)


def paint_features(canvas: Canvas, rng: np.random.Generator, person: Person) -> None:
    """Eyes, brows, nose and mouth; all lie inside the face, so the labels do not change."""
    a, b = person.a, person.b
    window = canvas.window(person.x, person.y, 1.2 * b, 1.2 * b)
    frame = Frame(canvas, window, person.x, person.y, person.tilt)
    u, v = frame.u - person.turn * a, frame.v
    dark = np.minimum(person.hair, person.skin * 0.5)
    eye_v, eye_u, opening = -0.1 * b, 0.4 * a, rng.uniform(0.02, 0.065) * b
    iris = np.array([(0.20, 0.13, 0.08), (0.25, 0.40, 0.55), (0.25, 0.40, 0.25)][rng.integers(3)], dtype=np.float32)
    brow = rng.uniform(0.015, 0.035)
    for side in (-1, 1):
        eye = ellipse(u - side * eye_u, v - eye_v, 0.17 * a, opening + 0.01)
        canvas.paint(eye - 0.012, person.skin * 0.6, window=window, softness=2)
        canvas.paint(eye, (0.93, 0.93, 0.92), window=window)
        ball = np.hypot(u - side * eye_u, v - eye_v)
        canvas.paint(np.maximum(ball - 0.08 * a, eye), iris, window=window)
        canvas.paint(np.maximum(ball - 0.04 * a, eye), (0.03, 0.03, 0.03), window=window)
        inner, outer = (side * 0.2 * a, -0.27 * b), (side * 0.62 * a, -0.29 * b)
        canvas.paint(capsule(u, v, inner, outer, brow * b), dark, window=window, opacity=0.8)
    canvas.paint(ellipse(u - 0.06 * a, v - 0.14 * b, 0.06 * a, 0.2 * b), person.skin * 0.82, window=window, softness=5,
                 opacity=0.7)  # fmt: skip
    canvas.paint(ellipse(u, v - 0.3 * b, 0.17 * a, 0.04 * b), person.skin * 0.68, window=window, softness=3)
    lips = person.skin * np.array([0.92, 0.62, 0.62], dtype=np.float32)
    mouth = ellipse(u, v - 0.53 * b - rng.uniform(-0.1, 0.35) * u * u / a * -1, rng.uniform(0.24, 0.38) * a, 0.065 * b)
    canvas.paint(mouth, lips, window=window, softness=1.5)
    if rng.random() < 0.4:
        canvas.paint(mouth + 0.025 * b, (0.92, 0.90, 0.86), window=window)


def _paint_hair_in_front(canvas: Canvas, rng: np.random.Generator, frame: Frame, person: Person, strands) -> None:
    if person.style == "bald":
        return
    u, v, a, b = frame.u, frame.v, person.a, person.b
    volume = {"cropped": 1.03, "short": 1.1, "receding": 1.05}.get(person.style, rng.uniform(1.07, 1.16))
    cap = ellipse(u, v + 0.06 * b, a * volume, b * volume * 0.98) + smooth_noise(rng, canvas.size, 16) * 0.012
    height = rng.uniform(-0.72, -0.60) if person.style in ("receding", "cropped") else rng.uniform(-0.68, -0.34)
    parting = rng.uniform(-0.5, 0.5)
    swing = (u / a - parting) ** 2
    # The hairline falls from the parting towards the temples; a fringe is ragged.
    fall = rng.uniform(0.25, 0.55) if person.style != "receding" else rng.uniform(0.5, 0.8)
    ragged = rng.uniform(0.0, 0.06) * np.sin(u / a * rng.uniform(6, 18) + rng.uniform(0, 6))
    if person.style == "receding":
        hairline = (-0.95 + fall * np.abs(u / a) ** 1.5 * 1.2) * b
    else:
        hairline = (height + fall * swing * 0.5 + ragged) * b
    sideburn = rng.uniform(-0.1, 0.2) * b
    field = np.maximum(np.maximum(cap, v - hairline), v - sideburn)
    canvas.paint(field, strands, part=HAIR, softness=1.5)
    if person.style in ("bob", "long") and rng.random() < 0.75:
        _paint_locks(canvas, rng, frame, person, strands)


def _paint_locks(canvas: Canvas, rng: np.random.Generator, frame: Frame, person: Person, strands) -> None:
    """Long hair that falls in front of the cheeks and shoulders."""
    u, v, a, b = frame.u, frame.v, person.a, person.b
    for side in (-1, 1):
        bend, reach = rng.uniform(0.9, 1.1) * a, (1.0 if person.style == "bob" else rng.uniform(1.3, 2.0)) * b
        lock = capsule(u, v, (side * 0.86 * a, -0.45 * b), (side * bend, 0.25 * b), rng.uniform(0.1, 0.18) * a)
        tail = capsule(u, v, (side * bend, 0.25 * b), (side * bend * 1.1, reach), rng.uniform(0.14, 0.22) * a)
        canvas.paint(np.minimum(lock, tail), strands, part=HAIR, softness=1.5)
