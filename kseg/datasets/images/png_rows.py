"""A PNG written row by row, for pictures larger than memory."""

import struct
import zlib
from collections.abc import Sequence
from typing import IO

import numpy as np

from kseg.datasets.images.draw import color_table

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB, INDEXED = 2, 3
"""Color types."""

LEVEL = 3
"""Compression level: half the time of zlib's default for a few percent more bytes."""

LEFT = 1
"""The filter that stores differences from the pixel to the left."""


class PngRows:
    """An open PNG of known size.

    Args:
      file: to write to.
      size: (height, width).
      palette: colors of ids, for pictures of ids; None: RGB.
    """

    def __init__(self, file: IO[bytes], size: tuple[int, int], palette: Sequence[Sequence[int]] | None = None):
        self._file, self._size, self._indexed = file, size, palette is not None
        self._pack = zlib.compressobj(LEVEL)
        self._rows = 0
        file.write(SIGNATURE)
        kind = INDEXED if palette is not None else RGB
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", size[1], size[0], 8, kind, 0, 0, 0))
        if palette is not None:
            self._chunk(b"PLTE", color_table(palette).tobytes())

    def write(self, rows: np.ndarray) -> None:
        """The next rows: uint8 (h, W) ids, or (h, W, 3)."""
        height = len(rows)
        pixels = np.ascontiguousarray(rows, np.uint8).reshape(height, self._size[1], -1)
        if not self._indexed:
            pixels = np.concatenate([pixels[:, :1], pixels[:, 1:] - pixels[:, :-1]], axis=1)  # modulo 256
        flat = pixels.reshape(height, -1)
        marked = np.empty((height, flat.shape[1] + 1), np.uint8)
        marked[:, 0], marked[:, 1:] = 0 if self._indexed else LEFT, flat
        self._data(self._pack.compress(marked.tobytes()))
        self._rows += height

    def finish(self) -> None:
        """Completes the file. Raises ValueError where rows are missing."""
        if self._rows != self._size[0]:
            raise ValueError(f"{self._rows} of {self._size[0]} rows were written")
        self._data(self._pack.flush())
        self._chunk(b"IEND", b"")

    def _data(self, packed: bytes) -> None:
        if packed:
            self._chunk(b"IDAT", packed)

    def _chunk(self, name: bytes, content: bytes) -> None:
        self._file.write(struct.pack(">I", len(content)) + name + content)
        self._file.write(struct.pack(">I", zlib.crc32(name + content)))
