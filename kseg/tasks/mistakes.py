"""The colors of mistakes, the same for every task, and the pale picture that they are painted on."""

import numpy as np

from kseg.conventions import LUMA

FALSE_POSITIVE, FALSE_NEGATIVE, MIXED_UP = (220, 50, 32), (0, 90, 181), (255, 194, 10)
"""Background taken for a class, a class missed, one class taken for another; told apart by color-blind people too."""

FOUND = (0, 158, 115)
"""Outline of an object or segment that was found; told from the colors of mistakes by color-blind people too."""

WEIGHT = 0.85
"""Weight of a mistake's color; the picture has the rest."""


def pale(image: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3): the image in pale gray."""
    gray = image.astype(np.float32) @ np.array(LUMA, np.float32)
    return np.repeat((110 + 0.5 * gray)[..., None], 3, axis=-1)


def painted(shown: np.ndarray, pixels: np.ndarray, color: tuple[int, int, int]) -> None:
    """Paint pixels, bool (H, W), of a pale picture, in place."""
    shown[pixels] = (1 - WEIGHT) * shown[pixels] + WEIGHT * np.array(color, np.float32)


def edges(ids: np.ndarray) -> np.ndarray:
    """bool (H, W): pixels of an integer or bool map with a neighbor above, below or beside of another value.

    Pixels at the border of the map are edges too.
    """
    padded = np.pad(ids.astype(np.int32), 1, constant_values=-1)
    center = padded[1:-1, 1:-1]
    apart = np.zeros(ids.shape, bool)
    for beside in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        apart |= beside != center
    return apart


def outline(inside: np.ndarray) -> np.ndarray:
    """bool (h, w): the `edges` that belong to a mask."""
    return inside & edges(inside)
