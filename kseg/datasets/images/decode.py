"""Image files to RGB arrays, and label files to the values they store."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from kseg.datasets.images.deep import (
    ValueRange,
    common_range,
    deep_pixels_of,
    spread,
    to_bytes,
    unidentified_pixels,
)
from kseg.datasets.images.formats import TIFF_EXTRA_SAMPLES, Unidentified, opened
from kseg.errors import Failure

SHADES = 16
"""With fewer levels than this, a fourth band is opacity and not another channel."""


def read_image(path: Path | str, value_range: ValueRange | None = None) -> np.ndarray:
    """uint8 (H, W, 3) RGB of an image file, upright as its EXIF orientation says.

    Gray, palette, CMYK and other color spaces become RGB. With more than 8 bits per channel, `value_range` says which
    values are black and white (unset: the image's own, see `common_range`). Transparent pixels are blended with white,
    as viewers do; a fourth band that is not opacity is left out. Raises `Failure` when the file is missing, empty,
    truncated, animated, not an image, or holds NaN.
    """
    try:
        with opened(path, decode=False) as image:
            values = deep_pixels_of(image, path)
            if values is None:
                return _eight_bits(image)
            opaque = values.ndim == 2 or values.shape[-1] == 3 or not has_opacity(image)
    except Unidentified as unknown:
        values, opaque = unidentified_pixels(path, unknown), True
    shown = to_bytes(values, value_range or common_range([spread(values)]))
    if shown.ndim == 2:
        return np.repeat(shown[..., None], 3, axis=2)
    if opaque:
        return np.ascontiguousarray(shown[..., :3])
    shown[..., 3] = values[..., 3] // 256  # opacity has no range of its own
    return _on_white(Image.fromarray(shown))


def _eight_bits(image: Image.Image) -> np.ndarray:
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data and has_opacity(image):
        return _on_white(upright.convert("RGBA"))
    return np.array(upright.convert("RGB"))


def read_labels(path: Path | str) -> np.ndarray:
    """The raw values of a mask file: (H, W) gray values or palette indices, or uint8 (H, W, 3) colors.

    Values are not scaled: grays of 1, 2, 4, 8, 16 and 32 bits keep theirs (1 bit gives 0 and 1), a palette image gives
    indices instead of colors, and alpha is dropped. Raises `Failure` as `read_image` does, and for floating-point
    masks.
    """
    with opened(path) as image:
        bits = gray_bits(path) if image.format == "PNG" else 8
        upright = ImageOps.exif_transpose(image)
        if upright.mode in ("P", "L", "I") or upright.mode.startswith("I;16"):
            values = np.array(upright)
            # Pillow stretches 2- and 4-bit grays to 0..255; this restores the ids.
            return values // (255 // (2**bits - 1)) if bits in (2, 4) else values
        if upright.mode == "1":
            return np.array(upright, dtype=np.uint8)
        if upright.mode in ("LA", "PA"):
            return np.array(upright)[..., 0]
        if upright.mode == "F":
            raise Failure(f"mask {path} has floating-point values; save it as PNG with whole class ids")
        return np.array(upright.convert("RGB"))


def gray_bits(path: Path | str) -> int:
    """Bit depth of a gray PNG, 8 for other PNGs. The header comes first: byte 24 is the depth, 25 the color type."""
    with open(path, "rb") as file:
        header = file.read(26)
    depth, color_type = header[24], header[25]
    return depth if color_type == 0 else 8


def has_opacity(image: Image.Image) -> bool:
    """Whether a fourth band is opacity. It counts as another channel, such as near infrared, where a TIFF does not
    declare it as opacity, or where it takes many values between 0 and 255 in at least half of the pixels."""
    if image.format == "TIFF" and not set(image.tag_v2.get(TIFF_EXTRA_SAMPLES, ())) & {1, 2}:  # type: ignore[attr-defined]
        return False
    if image.mode != "RGBA":
        return True
    shares = np.array(image.getchannel("A").histogram()[1:255]) / (image.width * image.height)
    return float(shares.sum()) < 0.5 or int((shares > 0).sum()) < SHADES


def _on_white(image: Image.Image) -> np.ndarray:
    backdrop = Image.new("RGBA", image.size, "white")
    return np.array(Image.alpha_composite(backdrop, image).convert("RGB"))
