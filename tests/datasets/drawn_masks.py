"""Masks as people save them, drawn by number: a disc or a few objects, in grays, palettes, colors or opacity."""

import numpy as np
from PIL import Image

from kseg.datasets import data_options
from kseg.datasets.folder.recognition import recognize

H, W = 40, 48
BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)


def disc(index: int, scale: int = 1) -> np.ndarray:
    """bool (H, W): an object that lies elsewhere in every image."""
    rng = np.random.default_rng(1000 + index)
    y, x, radius = rng.uniform(0.35, 0.65) * H, rng.uniform(0.35, 0.65) * W, rng.uniform(0.2, 0.28) * H
    rows, columns = np.mgrid[: H * scale, : W * scale] / scale
    return np.hypot(rows - y, columns - x) < radius


def two(index: int) -> np.ndarray:
    """uint8 (H, W) of 0, 1 and 2: a disc, and a block in the corner."""
    ids = disc(index).astype(np.uint8)
    ids[:6, :8] = 2
    return ids


def gray(values) -> Image.Image:
    return Image.fromarray(np.asarray(values, dtype=np.uint8))


def of_palette(indices: np.ndarray, *colors) -> Image.Image:
    image = gray(indices)
    image.putpalette([channel for color in colors for channel in color])
    return image


def painted(index: int, *colors) -> np.ndarray:
    """uint8 (H, W, 3): `two` in colors."""
    return np.array(colors, dtype=np.uint8)[two(index)]


def smooth(pixels: np.ndarray) -> Image.Image:
    """Drawn large and scaled down, so that edges are blended."""
    return Image.fromarray(pixels).resize((W, H), Image.Resampling.BILINEAR)


def soft(index: int) -> Image.Image:
    return smooth((disc(index, 6) * 255).astype(np.uint8))


def stray(index: int) -> Image.Image:
    pixels = np.array(disc(index) * 255, dtype=np.uint8)
    pixels[0, 0], pixels[0, 1] = 1, 254
    return gray(pixels)


def rgba(color, alpha: np.ndarray) -> Image.Image:
    pixels = np.zeros((H, W, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = color, alpha
    return Image.fromarray(pixels)


def numbered(index: int) -> np.ndarray:
    """uint8 (H, W): 2 to 7 objects, numbered anew in every image."""
    ids = np.zeros((H, W), dtype=np.uint8)
    for number in range(1, 3 + index % 6):
        top, left = divmod(number - 1, 3)
        ids[4 + 13 * top : 12 + 13 * top, 4 + 15 * left : 14 + 15 * left] = number
    return ids


def written(folder, draw, count=8, suffix="png", **options):
    """`count` masks by `draw(index)`, or by each of several drawings in turn."""
    drawings = draw if isinstance(draw, tuple) else (draw,)
    paths = []
    for index in range(count):
        image = drawings[index % len(drawings)](index)
        path = folder / f"m{index}.{suffix}"
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
        paths.append(path)
    return paths


def coding_of(paths, **options):
    return recognize(paths, data_options("folder", **options), paths[0].parent)


def tiff_of(pixels: np.ndarray, path):
    import tifffile

    tifffile.imwrite(path, pixels)
    return path
