"""What one mask file stores, before it is decoded to classes: grays, palette indices or colors, and opacity."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from kseg.datasets.images.decode import gray_bits
from kseg.datasets.images.deep import deep_pixels_of, unidentified_pixels
from kseg.datasets.images.formats import (
    TIFF_DESCRIPTION,
    TIFF_EXTRA_SAMPLES,
    TIFF_PHOTOMETRIC,
    Unidentified,
    opened,
)
from kseg.errors import Failure

LOSSY = ("JPEG", "AVIF", "JPEG2000")
"""Formats that change values. WEBP may be lossy or not, and counts as lossless."""

NEARLY_GRAY = 12
"""How far apart the channels of a gray may be after lossy compression as a color."""

ARRAYS_IN_TIFF = ('{"shape"', "ImageJ=")
"""How TIFF descriptions begin that tifffile (scikit-image, imageio) or ImageJ writes."""


@dataclass(frozen=True)
class MaskFile:
    """The pixels of a mask of H × W."""

    values: np.ndarray
    """(H, W) grays or palette indices as stored, or uint8 (H, W, 3) colors"""
    white: int = 255
    """the gray that is white in a file of this depth: 1, 3, 15, 255, 65535"""
    palette: np.ndarray | None = None
    """uint8 (256, 3) of a palette file"""
    alpha: np.ndarray | None = None
    """uint8 (H, W), 255 is opaque; stretched where no pixel is half opaque; None without an alpha channel"""
    lossy: bool = False

    @property
    def levels(self) -> np.ndarray:
        """(H, W), what a threshold is compared with: grays as stored, or stretched to 255 from 1, 2 and 4 bits; the
        largest channel of colors."""
        if self.values.ndim == 3:
            return self.values.max(axis=-1)
        if self.palette is not None:
            return self.palette.max(axis=-1)[self.values]
        return self.values * (255 // self.white) if self.white < 255 else self.values

    @property
    def colors(self) -> np.ndarray:
        """uint8 (H, W, 3); transparent pixels are black, whatever color is stored there."""
        if self.palette is not None:
            colors = self.palette[self.values]
        elif self.values.ndim == 3:
            colors = self.values
        else:
            grays = self.values * (255 // self.white) if self.white < 255 else self.values // (self.white // 255)
            colors = np.repeat(grays.astype(np.uint8)[..., None], 3, axis=-1)
        return colors if self.alpha is None else np.where(self.alpha[..., None] < 128, 0, colors).astype(np.uint8)


def read_mask(path: Path | str) -> MaskFile:
    """The mask in an image file, upright. A color file whose channels are equal everywhere is gray.

    Raises `Failure` as `read_image` does, and for values that are neither classes nor a degree of foreground: negative
    ones, and fractions above 1.
    """
    try:
        with opened(path, decode=False) as image:
            values = deep_pixels_of(image, path)
            if values is None:
                image.load()
                return _eight_bits(image, path)
    except Unidentified as unknown:
        values = unidentified_pixels(path, unknown)
    if values.ndim == 3:
        alpha = _opacity((values[..., 3] // 256).astype(np.uint8)) if values.shape[-1] == 4 else None
        if values.dtype.kind == "f":
            raise Failure(f"mask {path} has colors of floating-point values; save it as PNG")
        return _gray_if_equal(values[..., :3], 65535, alpha, lossy=False)
    return _whole(values, path)


def _eight_bits(image: Image.Image, path: Path | str) -> MaskFile:
    lossy = image.format in LOSSY
    bits = gray_bits(path) if image.format == "PNG" else 8
    upright = ImageOps.exif_transpose(image)
    if upright.mode == "1":
        values = np.array(upright, dtype=np.uint8)
        return MaskFile(1 - values if _as_stored(image) else values, white=1)
    if upright.mode == "P":
        palette = np.zeros((256, 3), dtype=np.uint8)
        stored = np.array(upright.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)[:256]
        palette[: len(stored)] = stored
        alpha = _opacity(np.array(upright.convert("RGBA"))[..., 3]) if upright.has_transparency_data else None
        values = np.array(upright)
        if (palette[values] == palette[values.flat[0]]).all():  # one color, as in files without a palette
            return MaskFile(values) if len(np.unique(values)) > 1 else MaskFile(values, palette=palette, alpha=alpha)
        return MaskFile(values, palette=palette, alpha=alpha)
    if upright.mode == "L":
        values = np.array(upright)
        # Pillow stretches 2- and 4-bit grays to 0..255; this restores the ids.
        values = values // (255 // (2**bits - 1)) if bits in (2, 4) else values
        white = 2**bits - 1 if bits in (2, 4) else 255
        return MaskFile(255 - values if _as_stored(image) else values, white=white, lossy=lossy)
    extra = getattr(image, "tag_v2", {}).get(TIFF_EXTRA_SAMPLES, (2,))
    has_alpha = upright.has_transparency_data and bool(set(extra) & {1, 2})
    rgba = np.array(upright.convert("RGBA"))
    return _gray_if_equal(rgba[..., :3], 255, _opacity(rgba[..., 3]) if has_alpha else None, lossy=lossy)


def _opacity(alpha: np.ndarray) -> np.ndarray:
    """Opacity stretched to 0..255 where it is stored as 0 and 1, or where the object is drawn faintly."""
    highest = int(alpha.max(initial=0))
    return (alpha.astype(np.uint16) * 255 // highest).astype(np.uint8) if 0 < highest < 128 else alpha


def _gray_if_equal(colors: np.ndarray, white: int, alpha: np.ndarray | None, *, lossy: bool) -> MaskFile:
    lowest, highest = colors.min(axis=-1), colors.max(axis=-1)
    if int((highest - lowest).max(initial=0)) <= (NEARLY_GRAY if lossy else 0):
        return MaskFile(colors[..., 1], white=white, alpha=alpha, lossy=lossy)
    return MaskFile((colors // (white // 255)).astype(np.uint8), alpha=alpha, lossy=lossy)


def _whole(values: np.ndarray, path: Path | str) -> MaskFile:
    """Grays of 16 bits and more, and floats that are whole numbers or a degree of foreground, 0..1."""
    low, high = values.min(initial=0), values.max(initial=0)
    if low < 0:
        raise Failure(f"mask {path} has values {low:g}..{high:g}; class ids are 0..254")
    if values.dtype.kind == "f":
        if not np.equal(values, np.rint(values)).all():
            if high > 1:
                raise Failure(
                    f"mask {path} has floating-point values up to {high:g}; save it as PNG with whole class ids"
                )
            return MaskFile(np.rint(values * 255).astype(np.uint8))
        values = values.astype(np.int64)
    return MaskFile(values, white=65535 if high > 255 else 255)


def _as_stored(image: Image.Image) -> bool:
    """Whether Pillow inverted values that are meant as stored.

    A TIFF may declare that 0 is white. A scanned page means that, but in an array that was written as TIFF, True or 255
    is the object nevertheless.
    """
    tags = getattr(image, "tag_v2", {})
    return tags.get(TIFF_PHOTOMETRIC) == 0 and str(tags.get(TIFF_DESCRIPTION, "")).startswith(ARRAYS_IN_TIFF)
