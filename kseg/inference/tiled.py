"""Tiles for a network: the tiles it takes, the context it misses at their edges, and its outputs for them."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import count
from math import lcm

import keras
import numpy as np

from kseg.conventions import STRIDE
from kseg.datasets.images import Picture, Streamed
from kseg.errors import UsageError
from kseg.layers import MirrorBorder
from kseg.layers.mirror import mirrored_places
from kseg.postprocess import Tiling, blended
from kseg.postprocess.tiles import Blend, Run


def tiling_for(
    model: keras.Model, size: int, *, overlap: int | None = None, blend: Blend = "linear", scales: Sequence[float] = ()
) -> Tiling:
    """Tiles that suit a network.

    Args:
      overlap: of neighbors, in pixels. None: a quarter of the size, and at least twice the width that the network pads
        by mirroring, because mirrored pixels are wrong at a tile's inner edges. The width is larger than the margin,
        because a pixel's receptive field ends with a whole block of the coarsest level.
      scales: at which the network sees its input (`with_scales`); tiles begin where all of them have whole strides.
    Raises:
      UsageError: tiles too small to leave a step between them; the message names a size that does.
    """
    borders = [layer for layer in model.layers if isinstance(layer, MirrorBorder)]
    mirrored = max((layer.margin + layer.multiple - 1 for layer in borders), default=0)
    alignment = STRIDE * lcm(*(Fraction(scale).limit_denominator(16).denominator for scale in scales))
    if overlap is None:
        overlap = max(size // 4, 2 * mirrored)
        if size - overlap < alignment:  # the overlap of a larger tile is larger too
            least = next(side for side in count(size) if side - max(side // 4, 2 * mirrored) >= alignment)
            raise UsageError(
                f"tiles of {size} pixels, which overlap by {overlap} here, leave no step of {alignment} pixels from "
                f"one to the next; take larger tiles (at least {least}) or a smaller overlap"
            )
    return Tiling(size, overlap, blend, alignment)


def check_tiles_fit(model: keras.Model, tiling: Tiling) -> None:
    """Raises UsageError where the model takes images of one size and the tiles have another."""
    built_for = tuple(model.inputs[0].shape[1:3])
    if None not in built_for and built_for != (tiling.size, tiling.size):
        height, width = built_for
        remedy = f"pass --tiles {height}" if height == width else "tiles are square, so leave --tiles out"
        raise UsageError(
            f"the model takes images of {height}×{width} pixels only, not tiles of {tiling.size}; {remedy}"
        )


def streamed(model: keras.Model, tiling: Tiling, image: Picture, run: Run, *, batch_size: int) -> Streamed:
    """A model's outputs for an image, computed tile by tile as they are read.

    For a model that takes images of one size, smaller tiles are padded by mirroring.

    Args:
      run: the model's forward pass.
    """
    channels = int(model.outputs[0].shape[-1])
    if None not in model.inputs[0].shape[1:3]:
        run = _filled(run, tiling.size)
    return Streamed(
        (*image.shape[:2], channels),
        lambda: blended(tiling, image, run, channels=channels, batch_size=batch_size),
    )


def _filled(run: Run, size: int) -> Run:
    def whole(tiles: np.ndarray) -> list[np.ndarray]:
        height, width = tiles.shape[1:3]
        rows, columns = (mirrored_places(np.arange(size), side) for side in (height, width))
        return [outputs[:height, :width] for outputs in run(tiles[:, rows][:, :, columns])]

    return whole
