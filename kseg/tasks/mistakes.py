"""The colors of mistakes, the same for every task, and the pale picture that they are painted on."""

import numpy as np

from kseg.conventions import LUMA

FALSE_POSITIVE, FALSE_NEGATIVE, MIXED_UP = (220, 50, 32), (0, 90, 181), (255, 194, 10)
"""Background taken for a class, a class missed, one class taken for another; colors that everyone tells apart."""

WEIGHT = 0.85
"""Of a mistake's color; the rest is the picture's."""


def pale(image: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3): the image in pale gray."""
    gray = image.astype(np.float32) @ np.array(LUMA, np.float32)
    return np.repeat((110 + 0.5 * gray)[..., None], 3, axis=-1)


def painted(shown: np.ndarray, pixels: np.ndarray, color: tuple[int, int, int]) -> None:
    """Paint pixels, bool (H, W), of a pale picture, in place."""
    shown[pixels] = (1 - WEIGHT) * shown[pixels] + WEIGHT * np.array(color, np.float32)
