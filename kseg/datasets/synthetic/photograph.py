"""Camera effects on the painted scene: light, shadow, white balance, exposure, blur, noise."""

import math

import numpy as np

from kseg.conventions import LUMA
from kseg.datasets.synthetic.canvas import Canvas

GRAY = np.array(LUMA, np.float32)


def photograph(canvas: Canvas, rng: np.random.Generator) -> None:
    rgb = canvas.rgb
    angle = rng.uniform(0, 2 * math.pi)
    across = canvas.x * math.cos(angle) + canvas.y * math.sin(angle)
    light = 1 + rng.uniform(0, 0.35) * across
    if rng.random() < 0.2:  # the edge of a shadow
        shadow = np.clip(0.5 + (across - rng.uniform(-0.6, 0.6)) * rng.uniform(1.5, 12), 0, 1)
        light = light * (1 - rng.uniform(0.15, 0.4) * shadow)
    balance = rng.uniform(0.86, 1.14, 3) * rng.uniform(0.75, 1.2)
    rgb *= light[..., None] * balance.astype(np.float32)
    np.clip(rgb, 0, 1, out=rgb)
    rgb += (0.5 - rgb) * np.float32(rng.uniform(0, 0.2))  # haze
    if rng.random() < 0.05:
        rgb[:] = (rgb @ GRAY)[..., None]
    if rng.random() < 0.3:
        _blur(rgb)
    noise = rng.standard_normal(rgb.shape, dtype=np.float32)
    rgb += noise * np.float32(rng.uniform(0.005, 0.045))


def _blur(rgb: np.ndarray) -> None:
    """Binomial 1-2-1 along both axes."""
    for axis in (0, 1):
        moved = np.moveaxis(rgb, axis, 0)
        middle = moved[1:-1] * 0.5
        middle += moved[:-2] * 0.25
        middle += moved[2:] * 0.25
        moved[1:-1] = middle
