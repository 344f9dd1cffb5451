"""Pixels of more than 8 bits per channel, and the values that stand for black and white.

Cameras and microscopes store 10, 12 or 14 bits in 16, and floats in any unit, so the file's type does not say which
value is white. A data set is measured once, and all its images share one range.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

from kseg.datasets.images.formats import FORMATS, TIFF_BITS, TIFF_PLANAR, Unidentified, opened
from kseg.datasets.images.tiff import read_tiff
from kseg.errors import Failure

ValueRange = tuple[float, float]
"""The stored values of black and of white."""

OUTLIERS = 0.1
"""Percent of an image's pixels at either end that its range ignores: a hot pixel is not white."""

SWAPPED = {"L": "B", "B": "L", "N": "B"}
"""Pillow keeps one byte of two; under this byte order it gives the other byte."""


def deep_pixels(path: Path | str) -> np.ndarray | None:
    """(H, W) or (H, W, 3 or 4) of a file of more than 8 bits per channel, upright; None for any other image.

    Raises `Failure` for NaN and infinite values.
    """
    try:
        with opened(path, decode=False) as image:
            return deep_pixels_of(image, path)
    except Unidentified as unknown:
        return unidentified_pixels(path, unknown)


def deep_pixels_of(image: Image.Image, path: Path | str) -> np.ndarray | None:
    """`deep_pixels` of an open file."""
    return _finite(_deep(image, Path(path)), path)


def unidentified_pixels(path: Path | str, unknown: Unidentified) -> np.ndarray:
    """The values of a TIFF that Pillow cannot read (64 bits, floating-point colors). Raises `unknown` otherwise."""
    return _finite(read_tiff(path, otherwise=unknown), path)


def spread(values: np.ndarray) -> ValueRange:
    """The lowest and highest value of one image without `OUTLIERS`; opacity is left out."""
    colors = values[..., :3] if values.ndim == 3 else values
    low = np.percentile(colors, OUTLIERS, method="lower")
    high = np.percentile(colors, 100 - OUTLIERS, method="higher")
    return float(low), float(high)


def common_range(spreads: Iterable[ValueRange]) -> ValueRange:
    """One range for images of these spreads.

    Values that begin near zero have the range of their number of bits (up to 1,200: 0..2047), and fractions 0..1.
    Values far from zero, such as a thermal camera's 29,000..31,000, have their own range.
    """
    lows, highs = zip(*spreads, strict=True)
    low, high = min(lows), max(highs)
    whole = float(low).is_integer() and float(high).is_integer()
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and high <= 255:
        return 0.0, 255.0
    if low == high or (low >= 0 and low <= high / 4):
        return 0.0, float(2 ** int(high).bit_length() - 1) if whole else high
    return low, high


def to_bytes(values: np.ndarray, value_range: ValueRange) -> np.ndarray:
    """uint8 of the same shape: `value_range` becomes 0..255, and values outside it are clipped."""
    low, high = value_range
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _finite(values, path):
    if values is not None and values.dtype.kind == "f" and not np.isfinite(values).all():
        odd = int((~np.isfinite(values)).sum())
        raise Failure(
            f"image {path} holds {odd} values that are NaN or infinite; replace them, for example by 0, and save it "
            "again"
        )
    return values


def _deep(image: Image.Image, path: Path) -> np.ndarray | None:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.array(ImageOps.exif_transpose(image))
    tags = getattr(image, "tag_v2", {})
    if tags.get(TIFF_PLANAR) == 2 and tags.get(TIFF_BITS, (8,))[0] == 16:
        return read_tiff(path)  # Pillow reads the planes as if they had 8 bits
    assert isinstance(image, ImageFile.ImageFile)
    if not all(_swapped(tile.args) for tile in image.tile) or image.mode not in ("RGB", "RGBA"):
        return None
    high_bytes = np.array(ImageOps.exif_transpose(image))
    with Image.open(path, formats=FORMATS) as again:
        again.tile = [tile._replace(args=_swapped(tile.args)) for tile in again.tile]
        low_bytes = np.array(ImageOps.exif_transpose(again))
    return high_bytes.astype(np.uint16) * 256 + low_bytes


def _swapped(args) -> str | tuple | None:
    """The arguments of Pillow's decoder for the other byte of 16-bit colors; None for other pixels."""
    rawmode = args if isinstance(args, str) else args[0] if isinstance(args, tuple) and args else None
    if not isinstance(rawmode, str) or rawmode[:-1] not in ("RGB;16", "RGBX;16", "RGBA;16"):
        return None
    other = rawmode[:-1] + SWAPPED[rawmode[-1]]
    return other if isinstance(args, str) else (other, *args[1:])
