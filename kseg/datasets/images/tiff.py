"""TIFFs that Pillow cannot read, by tifffile: floating-point colors, 64 bits, 16 bits in planes."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kseg.errors import Failure

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""How a stored picture is made upright, by the value of its orientation tag."""


def read_tiff(path: Path | str, *, otherwise: Failure | None = None) -> np.ndarray:
    """The first page as (H, W) or (H, W, 3), upright, values as stored; bands after the third are left out.

    Raises `otherwise` for a file that is no TIFF, and `Failure` for one that tifffile cannot read either.
    """
    values, axes, orientation = _page(path, otherwise, decode=True)
    if values.size == 0:
        raise Failure(f"image {path} has no pixels ({values.shape}); copy it again or leave it out")
    if axes == "SYX":
        values = np.moveaxis(values, 0, -1)
    values = TURNS[orientation](values)
    if values.ndim == 2:
        return values
    return values[..., :3] if values.shape[-1] >= 3 else values[..., 0]


def tiff_size(path: Path | str, *, otherwise: Failure | None = None) -> tuple[int, int]:
    """(height, width) once upright, from the header; errors as of `read_tiff`."""
    shape, axes, orientation = _page(path, otherwise, decode=False)
    height, width = (shape[axes.index(axis)] for axis in "YX")
    return (width, height) if orientation in (5, 6, 7, 8) else (height, width)


def _page(path: Path | str, otherwise: Failure | None, *, decode: bool) -> tuple[Any, str, int]:
    """Values (or their shape, without `decode`), axes and orientation of the one page."""
    with open(path, "rb") as file:
        if file.read(4) not in MAGIC and otherwise is not None:
            raise otherwise
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it warns of is raised here as `Failure`
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            if np.prod(page.shape) > 4 * (Image.MAX_IMAGE_PIXELS or np.inf):
                raise Failure(f"image {path} is too large to open safely ({page.shape}); scale it down first")
            if len(tiff.pages) > 1:
                raise Failure(f"image {path} holds {len(tiff.pages)} pages; save the one you want as a still image")
            if page.axes not in ("YX", "YXS", "SYX"):
                raise Failure(
                    f"image {path} has the axes {page.axes}, not height, width and channels; save one picture"
                )
            tag = page.tags.get("Orientation")
            orientation = 1 if tag is None or int(tag.value) not in TURNS else int(tag.value)
            return page.asarray() if decode else page.shape, page.axes, orientation
    except Failure:
        raise
    except Exception as error:  # tifffile passes on whatever its decoders raise
        raise Failure(f"image {path} is a TIFF that cannot be read ({error}); save it as PNG or with 8 bits") from error
