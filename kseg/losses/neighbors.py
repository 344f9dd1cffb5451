"""The neighbors of every pixel, as shifted maps that are 0 outside the image."""

from collections.abc import Iterator

from keras import ops

from kseg.losses.pixels import Tensor


def pad_image(values: Tensor, radius: int) -> Tensor:
    """Zeros of width `radius` around (N, H, W, …)."""
    border = [(0, 0), (radius, radius), (radius, radius)] + [(0, 0)] * (len(values.shape) - 3)
    return ops.pad(values, border)


def windows(*maps: Tensor, radius: int) -> Iterator[tuple]:
    """((dy, dx), shifted maps…) for the (2r + 1)² offsets: the values at offset (dy, dx) from each pixel, 0 outside."""
    height, width = ops.shape(maps[0])[1:3]
    padded = [pad_image(values, radius) for values in maps]
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            yield (dy - radius, dx - radius), *(v[:, dy : dy + height, dx : dx + width] for v in padded)
