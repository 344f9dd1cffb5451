"""Elastic deformation: a smooth random displacement field that moves an image and its truth together."""

import numpy as np

from kseg.pipeline.transforms import MEAN_COLOR, Example

NODES = 3
"""nodes of the grid in each direction"""


def elastic(example: Example, rng: np.random.Generator, *, sigma: float) -> Example:
    """Samples every pixel at a smooth random displacement; the size stays.

        f = bicubic interpolation of 3 × 3 vectors, each component from N(0, sigma)

    Args:
      sigma: standard deviation of the displacements, in pixels at training size.
    The image is sampled bilinearly, and the truth takes the nearest pixel (`Structure.warped`). Pixels from outside are
    `MEAN_COLOR` and void.
    Source: Ronneberger et al. 2015, section 3.1, sigma = 10. Deviations: the paper specifies neither the position of
      the grid nor the outside; here the nodes are the corners, the midpoints of the sides and the center.
    """
    from scipy import ndimage

    height, width = example["truth"].size
    field = displacements((height, width), rng.normal(0.0, sigma, (2, NODES, NODES)))
    places = np.asarray(np.mgrid[:height, :width]) + field
    moved = np.empty_like(example["image"])
    for channel in range(moved.shape[-1]):
        values = example["image"][..., channel].astype(np.float32)
        sampled = ndimage.map_coordinates(values, places, order=1, mode="nearest")
        moved[..., channel] = np.clip(np.rint(sampled), 0, 255)
    rows, columns = np.floor(places + 0.5)  # the pixels that the truth takes
    outside = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
    moved[outside] = MEAN_COLOR
    return {"image": moved, "truth": example["truth"].warped(field)}


def displacements(size: tuple[int, int], nodes: np.ndarray) -> np.ndarray:
    """float64 (2, H, W), displacements of every pixel, from those at the nodes (2, n, n) of a grid over the image.

    The outer nodes are the centers of the outermost pixels. Keys' cubic convolution (a = −½) interpolates between the
    nodes and passes through them; beyond the grid the outermost nodes are repeated.

    >>> displacements((1, 5), np.array([[[0.0, 2.0, 0.0]]] * 2))[0].tolist()
    [[0.0, 1.125, 2.0, 1.125, 0.0]]
    """
    rows, columns = (cubic_weights(side, count) for side, count in zip(size, nodes.shape[1:], strict=True))
    return np.stack([rows @ component @ columns.T for component in nodes])


def cubic_weights(side: int, nodes: int) -> np.ndarray:
    """float64 (side, nodes): the weight of each node at each pixel; the rows sum to 1."""
    at = np.linspace(0.0, nodes - 1.0, side) if side > 1 else np.full(1, (nodes - 1) / 2)
    first = np.floor(at).astype(int) - 1
    weights = np.zeros((side, nodes))
    for step in range(4):
        node = first + step
        distance = np.abs(at - node)
        near = 1.5 * distance**3 - 2.5 * distance**2 + 1.0
        far = -0.5 * distance**3 + 2.5 * distance**2 - 4.0 * distance + 2.0
        weight = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
        np.add.at(weights, (np.arange(side), np.clip(node, 0, nodes - 1)), weight)
    return weights
