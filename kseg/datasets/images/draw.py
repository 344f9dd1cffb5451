"""Drawing label maps: overlays, palette PNGs and contrasting colors."""

import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kseg.atomic import replacing
from kseg.conventions import VOID

Palette = Sequence[Sequence[int]]

STRIP_PIXELS = 2**20

VOID_COLOR = (224, 224, 192)
"""The pale border color of PASCAL VOC's masks."""


def overlay(
    image: np.ndarray, labels: np.ndarray, palette: Palette, alpha: float = 0.5, *, background: bool = True
) -> np.ndarray:
    """The image (H, W, 3) with every class but background tinted by its color and outlined; uint8 (H, W, 3).

    `background` says whether class 0 is background; otherwise it is tinted like any other class.
    """
    return tinted(image, labels, color_table(palette), labels >= int(background), alpha)


def tinted(
    image: np.ndarray, ids: np.ndarray, colors: np.ndarray, painted: np.ndarray, alpha: float = 0.5
) -> np.ndarray:
    """The image (H, W, 3) with the pixels `painted` in the color of their id, and outlined; uint8 (H, W, 3).

    `ids` are whole numbers (H, W) that index the rows of `colors`, uint8 (K, 3).
    """
    outline = _borders(ids) & painted
    overlaid = np.empty(image.shape, np.uint8)
    # A large photograph takes too much memory as floats, so blending works strip by strip.
    for top in range(0, len(image), max(1, STRIP_PIXELS // image.shape[1])):
        rows = slice(top, top + max(1, STRIP_PIXELS // image.shape[1]))
        tint = colors[ids[rows]].astype(np.float32)
        weight = np.where(painted[rows], np.float32(alpha), np.float32(0))[..., None]
        blended = image[rows] + (tint - image[rows]) * weight
        blended[outline[rows]] = tint[outline[rows]]
        overlaid[rows] = np.clip(np.rint(blended), 0, 255)
    return overlaid


def save_labels(path: Path | str, labels: np.ndarray, palette: Palette) -> None:
    """Writes a label map (H, W) as palette PNG: the pixels are class ids, a viewer shows the colors."""
    image = Image.fromarray(np.ascontiguousarray(labels, dtype=np.uint8))
    image.putpalette(color_table(palette).tobytes())
    _save(image, Path(path))


def save_image(path: Path | str, image: np.ndarray) -> None:
    """Writes uint8 (H, W, 3) or (H, W) as PNG."""
    _save(Image.fromarray(np.ascontiguousarray(image, dtype=np.uint8)), Path(path))


def contrasting_palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """`count` colors that are easy to tell apart: black background, then hues by the golden ratio."""
    colors = [(0, 0, 0)]
    for index in range(count - 1):
        hue = (0.02 + 0.618034 * index) % 1.0
        value = 0.95 if index % 2 == 0 else 0.75
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.7, value)
        colors.append((round(255 * red), round(255 * green), round(255 * blue)))
    return tuple(colors[:count])


def color_table(palette: Palette) -> np.ndarray:
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: len(palette)] = np.asarray(palette, dtype=np.uint8).reshape(-1, 3)
    table[VOID] = VOID_COLOR
    return table


def _borders(labels: np.ndarray) -> np.ndarray:
    edges = np.zeros(labels.shape, dtype=bool)
    down, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edges[1:] |= down
    edges[:-1] |= down
    edges[:, 1:] |= right
    edges[:, :-1] |= right
    return edges


def _save(image: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        image.save(temporary, format="PNG")
