"""Image and mask files to arrays; the content decides what a file is, never its extension."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kseg.errors import Failure

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""

TRANSPOSED = (5, 6, 7, 8)
"""Values of `ORIENTATION` that swap height and width."""

STILLS_WITH_FRAMES = ("MPO",)
"""Formats whose further frames are previews or depth maps of the same photograph: the first one is the picture."""

SIXTEEN_BIT_WHITE = 65535


def read_image(path: Path | str) -> np.ndarray:
    """uint8 (H, W, 3) RGB of an image file, upright as its EXIF orientation says.

    Grey, palette, CMYK and other colour spaces become RGB; 16-bit greys are scaled so that 65535 is white; transparent
    pixels lie on white, as a viewer shows them. Raises `Failure` when the file is missing, empty, truncated, animated
    or not an image.
    """
    with opened(path) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I") or upright.mode == "F":
            upright = _grey_of_many_bits(upright, path)
        if upright.has_transparency_data:
            backdrop = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(backdrop, upright.convert("RGBA"))
        return np.array(upright.convert("RGB"))


def read_labels(path: Path | str) -> np.ndarray:
    """The raw values of a mask file: (H, W) grey values or palette indices, or uint8 (H, W, 3) colours.

    Nothing is scaled: greys of 1, 2, 4, 8, 16 and 32 bits keep their values (1 bit gives 0 and 1), a palette image
    gives indices and not colours, alpha is dropped. Raises `Failure` as `read_image` does, and for floating-point
    masks.
    """
    with opened(path) as image:
        bits = _png_grey_bits(path) if image.format == "PNG" else 8
        upright = ImageOps.exif_transpose(image)
        if upright.mode in ("P", "L", "I") or upright.mode.startswith("I;16"):
            values = np.array(upright)
            # Pillow stretches 2- and 4-bit greys to 0..255; a mask wants its ids back.
            return values // (255 // (2**bits - 1)) if bits in (2, 4) else values
        if upright.mode == "1":
            return np.array(upright, dtype=np.uint8)
        if upright.mode in ("LA", "PA"):
            return np.array(upright)[..., 0]
        if upright.mode == "F":
            raise Failure(f"mask {path} has floating-point values; save it as PNG with whole class ids")
        return np.array(upright.convert("RGB"))


def image_size(path: Path | str) -> tuple[int, int]:
    """(height, width) that `read_image` will give, from the header alone."""
    with opened(path, decode=False) as image:
        width, height = image.size
        if image.getexif().get(ORIENTATION) in TRANSPOSED:
            return width, height
        return height, width


def stored_size(path: Path | str) -> tuple[int, int]:
    """(height, width) as stored, before any EXIF rotation."""
    with opened(path, decode=False) as image:
        return image.height, image.width


def file_format(path: Path | str) -> str:
    """What the content of an image file is: "PNG", "JPEG", "TIFF" …"""
    with opened(path, decode=False) as image:
        return str(image.format)


@contextmanager
def opened(path: Path | str, *, decode: bool = True) -> Iterator[Image.Image]:
    """The still image in a file, decoded unless told otherwise; every way to fail is one sentence."""
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not an image" if path.is_dir() else "does not exist"
        raise Failure(f"image {path} {what}; check the path")
    if path.stat().st_size == 0:
        raise Failure(f"image {path} is empty (0 bytes); copy it again or leave it out")
    try:
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format not in STILLS_WITH_FRAMES:
                raise Failure(f"image {path} holds {frames} frames; save the one you want as a still image")
            if decode:
                image.load()
            yield image
    except UnidentifiedImageError as error:
        raise Failure(f"{path} is not an image that can be read ({_first_bytes(path)}); convert it to PNG") from error
    except Image.DecompressionBombError as error:
        raise Failure(f"image {path} is too large to open safely ({error}); scale it down first") from error
    except PermissionError as error:
        raise Failure(f"image {path} may not be read; change its permissions") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, Failure):
            raise
        raise Failure(f"image {path} is broken ({error}); copy it again or leave it out") from error


def _grey_of_many_bits(image: Image.Image, path: Path | str) -> Image.Image:
    values = np.array(image).astype(np.float64)
    low, high = values.min(), values.max()
    if image.mode == "F" and low >= 0 and high <= 1:
        values *= 255
    elif image.mode != "F" and low >= 0 and high <= SIXTEEN_BIT_WHITE:
        values *= 255 / SIXTEEN_BIT_WHITE
    elif low < 0 or high > 255:
        raise Failure(f"image {path} has values {low:g}..{high:g}; save it with 8 or 16 bits per channel")
    return Image.fromarray(np.rint(values).astype(np.uint8))


def _png_grey_bits(path: Path | str) -> int:
    """Bit depth of a grey PNG, 8 otherwise. Its header block is always first: byte 24 is depth, 25 the colour type."""
    with open(path, "rb") as file:
        header = file.read(26)
    depth, colour_type = header[24], header[25]
    return depth if colour_type == 0 else 8


def _first_bytes(path: Path) -> str:
    with open(path, "rb") as file:
        return f"it begins with {file.read(8)!r}"
