"""Resizing with half-pixel centers: images antialiased, probabilities bilinear. Labels: `kseg.structures.moves`."""

import numpy as np
from PIL import Image

from kseg.datasets.images.streamed import Pieces, Streamed

STRIP_BYTES = 2**23
"""Bytes of probabilities that are resized at once; intermediate results take a few times as much."""


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3) to uint8 (h, w, 3), bilinear; shrinking is antialiased."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def resize_probabilities(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W, C) to (h, w, C), bilinear between pixel centers, edges clamped; stays within 0..1."""
    resized = np.asarray(probabilities, dtype=np.float32)
    for axis, new in enumerate(size):
        resized = _interpolate(resized, new, axis)
    return resized


def probability_strips(
    probabilities: np.ndarray | Streamed, size: tuple[int, ...], *, strip_bytes: int = STRIP_BYTES
) -> Pieces:
    """`resize_probabilities(probabilities, size)`, equal to the bit, in pieces ((rows, columns), probabilities there).

    All classes of all pixels of a large photograph take gigabytes; an argmax needs only one strip at a time. Strips go
    from top to bottom over the whole width. `Streamed` probabilities keep their own pieces and cannot be resized.
    """
    height, width = size
    if isinstance(probabilities, Streamed):
        if probabilities.shape[:2] != (height, width):
            raise ValueError(f"streamed probabilities of size {probabilities.shape[:2]} cannot be resized to {size}")
        yield from probabilities.pieces()
        return
    rows = max(1, strip_bytes // (width * probabilities.shape[-1] * 4))
    for top in range(0, height, rows):
        span = slice(top, min(top + rows, height))
        strip = _interpolate(np.asarray(probabilities, dtype=np.float32), height, 0, span)
        yield (span, slice(0, width)), _interpolate(strip, width, 1)


def _interpolate(values: np.ndarray, new: int, axis: int, span: slice = slice(None)) -> np.ndarray:
    """`values` with `new` entries along `axis`, of which only those in `span` are computed."""
    old = values.shape[axis]
    if old == new:
        return values[(slice(None),) * axis + (span,)]
    position = np.clip((np.arange(new)[span] + 0.5) * (old / new) - 0.5, 0, old - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, old - 1)
    weight_shape = [1] * values.ndim
    weight_shape[axis] = len(position)
    weight = (position - below).astype(np.float32).reshape(weight_shape)
    low, high = values.take(below, axis), values.take(above, axis)
    return low + (high - low) * weight
