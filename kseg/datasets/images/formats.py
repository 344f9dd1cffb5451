"""Opens image files of the supported formats and reads their headers; the content decides the format, never the name.

Pillow tries every format it knows, and starts another program for some (PostScript: `gs`). Here only formats are tried
whose decoder is part of Pillow. JPEG includes MPO.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from kseg.datasets.images.tiff import tiff_size
from kseg.errors import Failure

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "AVIF", "PPM", "JPEG2000")

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""

TRANSPOSED = (5, 6, 7, 8)
"""Values of `ORIENTATION` that swap height and width."""

STILLS_WITH_FRAMES = ("MPO",)
"""Formats whose first frame is the picture; further frames are previews or depth maps of the same photograph."""

TIFF_SUBFILE, TIFF_WIDTH, TIFF_HEIGHT, TIFF_BITS, TIFF_DESCRIPTION = 254, 256, 257, 258, 270
TIFF_PHOTOMETRIC, TIFF_PLANAR, TIFF_EXTRA_SAMPLES = 262, 284, 338


class Unidentified(Failure):
    """Pillow cannot identify the file; if it is a TIFF, `tiff.py` may read it."""


def image_size(path: Path | str) -> tuple[int, int]:
    """(height, width) that `read_image` will give, from the header alone."""
    try:
        with opened(path, decode=False) as image:
            width, height = image.size
            # Of a TIFF, Pillow gives the size after rotation and turns the pixels itself.
            if image.format != "TIFF" and image.getexif().get(ORIENTATION) in TRANSPOSED:
                return width, height
            return height, width
    except Unidentified as unknown:
        return tiff_size(path, otherwise=unknown)


def orientation(image: Image.Image) -> int:
    """How the stored picture is turned, 1..8; 1 is upright."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # otherwise Pillow decodes all pixels to look for EXIF data after them
    tags = getattr(image, "tag_v2", None)
    value = (image.getexif() if tags is None else tags).get(ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def stored_size(path: Path | str) -> tuple[int, int]:
    """(height, width) as stored, before any EXIF rotation."""
    with opened(path, decode=False) as image:
        if image.format == "TIFF":
            return image.tag_v2[TIFF_HEIGHT], image.tag_v2[TIFF_WIDTH]  # type: ignore[attr-defined]
        return image.height, image.width


def file_format(path: Path | str) -> str:
    """The format of an image file by its content: "PNG", "JPEG", "TIFF" …"""
    with opened(path, decode=False) as image:
        return str(image.format)


@contextmanager
def opened(path: Path | str, *, decode: bool = True) -> Iterator[Image.Image]:
    """The still image in a file, decoded by default. Raises `Failure` for every file that cannot be read."""
    # 1. a file with something in it
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not an image" if path.is_dir() else "does not exist"
        raise Failure(f"image {path} {what}; check the path")
    if path.stat().st_size == 0:
        raise Failure(f"image {path} is empty (0 bytes); copy it again or leave it out")
    # 2. its one picture
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.format == "TIFF":
                # Without a name Pillow does not memory-map the file; a rotated TIFF would be mapped with a wrong size.
                image.filename = ""
            frames = _pictures(image)
            if frames > 1:
                raise Failure(f"image {path} holds {frames} frames; save the one you want as a still image")
            if decode:
                image.load()
            yield image
    # 3. errors of Pillow's readers as `Failure`
    except UnidentifiedImageError as error:
        raise Unidentified(
            f"{path} is not an image that can be read ({_first_bytes(path)}); convert it to PNG"
        ) from error
    except Image.DecompressionBombError as error:
        raise Failure(f"image {path} is too large to open safely ({error}); scale it down first") from error
    except PermissionError as error:
        raise Failure(f"image {path} may not be read; change its permissions") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, Failure):
            raise
        raise Failure(f"image {path} is broken ({error}); copy it again or leave it out") from error


def _pictures(image: Image.Image) -> int:
    """How many frames are pictures of their own; a TIFF's pages of reduced resolution are not."""
    frames = getattr(image, "n_frames", 1)
    if frames == 1 or image.format in STILLS_WITH_FRAMES:
        return 1
    if image.format != "TIFF":
        return frames
    reduced = 0
    for frame in range(1, frames):
        image.seek(frame)
        reduced += image.tag_v2.get(TIFF_SUBFILE, 0) & 1  # type: ignore[attr-defined]
    image.seek(0)
    return frames - reduced


def _first_bytes(path: Path) -> str:
    with open(path, "rb") as file:
        return f"it begins with {file.read(8)!r}"
