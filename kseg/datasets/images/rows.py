"""Large TIFFs that are read a few rows at a time."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from kseg.datasets.images.decode import read_image
from kseg.datasets.images.deep import ValueRange
from kseg.datasets.images.tiff import MAGIC

LARGE = 2**25
"""Pixels from which a TIFF is read by rows."""

PLAIN = {1, 5, 8, 32946, 32773}
"""Lossless values of the tag Compression: none, LZW, Deflate (two values) and PackBits."""

GRAY, RGB = 1, 2
"""Values of the tag PhotometricInterpretation."""


class TiffRows:
    """An 8-bit TIFF as `read_image` would give it, rows at a time: `image[100:200]` is uint8 (100, W, 3).

    Args:
      path: a TIFF that `read_by_rows` can read by rows.
    """

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, path: Path):
        import tifffile

        logging.getLogger("tifffile").setLevel(logging.CRITICAL)
        self.path = path
        self._tiff = tifffile.TiffFile(path)
        self._page: Any = self._tiff.pages.first
        height, width = (int(side) for side in self._page.shape[:2])
        self.shape = (height, width, 3)

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        samples = self._page.samplesperpixel
        if self._page.is_memmappable:  # uncompressed, in one piece
            row_bytes = self.shape[1] * samples
            self._tiff.filehandle.seek(self._page.dataoffsets[0] + start * row_bytes)
            content = self._tiff.filehandle.read((stop - start) * row_bytes)
            pixels = np.frombuffer(content, np.uint8).reshape(stop - start, self.shape[1], samples)
        else:
            pixels = self._decoded(start, stop, samples)
        return np.repeat(pixels, 3, axis=2) if samples == 1 else pixels

    def _decoded(self, start: int, stop: int, samples: int) -> np.ndarray:
        """The rows, from the strips or tiles of the file that touch them."""
        pixels = np.zeros((stop - start, self.shape[1], samples), np.uint8)
        high, across = self._page.chunks[0], self._page.chunked[1]
        for index in range(start // high * across, -(-stop // high) * across):
            self._tiff.filehandle.seek(self._page.dataoffsets[index])
            content = self._tiff.filehandle.read(self._page.databytecounts[index])
            segment, (_, _, top, left, _), (_, height, width, _) = self._page.decode(content, index)
            if segment is None:  # a piece that is not stored is black
                continue
            first, last = max(start, top), min(stop, top + height)
            width = min(width, self.shape[1] - left)  # tiles at the edge extend beyond the image
            pixels[first - start : last - start, left : left + width] = segment[0, first - top : last - top, :width]
        return pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self[0 : self.shape[0]]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def close(self) -> None:
        self._tiff.close()


Picture = np.ndarray | TiffRows
"""uint8 (H, W, 3), in memory or in a file; `picture[rows]` is an array in both cases."""


def read_by_rows(path: Path | str, value_range: ValueRange | None = None, *, large: int = LARGE) -> Picture:
    """`read_image`, or `TiffRows` for a large TIFF whose pieces can be read one by one.

    Args:
      large: pixels from which rows are read on demand. Pictures of more than 8 bits, with opacity, turned, in planes,
        in lossy or unknown compressions, or stored in one compressed piece are read as a whole, like smaller ones.
    Errors: as of `read_image`.
    """
    path = Path(path)
    if path.is_file():
        with open(path, "rb") as file:
            is_tiff = file.read(4) in MAGIC
        if is_tiff and (rows := _rows_of(path, large)) is not None:
            return rows
    return read_image(path, value_range)


def _rows_of(path: Path, large: int) -> TiffRows | None:
    try:
        rows = TiffRows(path)
    except Exception:  # `read_image` reports what is wrong with the file
        return None
    try:
        if _is_plain(rows, large):
            rows[0:1], rows[rows.shape[0] - 1 : rows.shape[0]]  # fails here if a codec is missing
            return rows
    except Exception:
        pass
    rows.close()
    return None


def _is_plain(rows: TiffRows, large: int) -> bool:
    page = rows._page
    turned = page.tags.get("Orientation")
    kind = {GRAY: ("YX", 1), RGB: ("YXS", 3)}.get(int(page.photometric))
    return (
        len(rows._tiff.pages) == 1
        and page.dtype == np.uint8
        and page.bitspersample == 8
        and (page.axes, page.samplesperpixel) == kind
        and int(page.planarconfig) == 1
        and int(page.compression) in PLAIN
        and (turned is None or int(turned.value) == 1)
        and rows.shape[0] * rows.shape[1] >= large
        and (page.is_memmappable or page.chunks[0] * 4 <= rows.shape[0])
    )
