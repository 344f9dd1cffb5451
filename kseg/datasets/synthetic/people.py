"""Random properties of a person, chosen before anything is painted."""

from dataclasses import dataclass

import numpy as np

SKIN = ((0.97, 0.84, 0.76), (0.91, 0.73, 0.60), (0.80, 0.59, 0.45), (0.62, 0.43, 0.31), (0.43, 0.29, 0.21),
        (0.28, 0.19, 0.15))  # fmt: skip
HAIR = ((0.07, 0.06, 0.06), (0.17, 0.11, 0.08), (0.33, 0.21, 0.13), (0.48, 0.24, 0.12), (0.80, 0.64, 0.38),
        (0.90, 0.80, 0.58), (0.55, 0.54, 0.53), (0.86, 0.85, 0.83))  # fmt: skip
DYED = ((0.75, 0.15, 0.20), (0.20, 0.35, 0.70), (0.85, 0.45, 0.65), (0.20, 0.55, 0.40))

STYLES = ("bald", "cropped", "short", "bob", "long", "afro", "bun", "ponytail", "receding")
STYLE_WEIGHTS = (0.05, 0.14, 0.21, 0.15, 0.19, 0.08, 0.06, 0.06, 0.06)


@dataclass(frozen=True)
class Person:
    """A head at (x, y) with half axes a (horizontal) and b (vertical), tilted by `tilt`, and its looks."""

    x: float
    y: float
    a: float
    b: float
    tilt: float
    turn: float
    """how far the features sit to one side, as a share of a"""
    taper: float
    """how much narrower the jaw is than the temples"""
    skin: np.ndarray
    hair: np.ndarray
    style: str
    beard: bool
    light: tuple[float, float]
    """direction of the light: −1 is left or above"""

    @property
    def chin(self) -> float:
        return self.y + self.b

    @property
    def shoulder(self) -> float:
        """Height of the shoulders' top beside the neck."""
        return self.y + 1.32 * self.b


def skin_color(rng: np.random.Generator) -> np.ndarray:
    return _between(rng, SKIN) * _jitter(rng, 0.05)


def hair_color(rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.06:
        return np.array(DYED[rng.integers(len(DYED))], dtype=np.float32)
    return np.array(HAIR[rng.integers(len(HAIR))], dtype=np.float32) * _jitter(rng, 0.12)


def any_color(rng: np.random.Generator) -> np.ndarray:
    """A mostly muted color: gray mixed with a hue."""
    gray, pull = rng.uniform(0.08, 0.92), rng.beta(1.2, 2.0)
    return (gray + (rng.uniform(0, 1, 3) - gray) * pull).astype(np.float32)


def somebody(rng: np.random.Generator) -> Person:
    b = rng.uniform(0.40, 0.62)
    light = rng.uniform(0, 2 * np.pi)
    strength = rng.uniform(0.1, 1.0)
    return Person(
        x=rng.uniform(-0.2, 0.2),
        y=rng.uniform(-0.22, 0.08),
        a=b * rng.uniform(0.68, 0.82),
        b=b,
        tilt=float(np.clip(rng.normal(0, 0.13), -0.4, 0.4)),
        turn=float(np.clip(rng.normal(0, 0.12), -0.3, 0.3)),
        taper=rng.uniform(0.08, 0.32),
        skin=skin_color(rng),
        hair=hair_color(rng),
        style=str(rng.choice(STYLES, p=STYLE_WEIGHTS)),
        beard=bool(rng.random() < 0.14),
        light=(float(np.cos(light)) * strength, float(np.sin(light)) * strength),
    )


def _between(rng: np.random.Generator, colors: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    position = rng.uniform(0, len(colors) - 1)
    index = min(int(position), len(colors) - 2)
    low, high = (np.array(color, dtype=np.float32) for color in colors[index : index + 2])
    return low + (high - low) * np.float32(position - index)


def _jitter(rng: np.random.Generator, amount: float) -> np.ndarray:
    return rng.uniform(1 - amount, 1 + amount, 3).astype(np.float32)
