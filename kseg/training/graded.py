"""The scores that a loss takes where they are not the logits of the whole image: a grid, scales, a second head.

    L = Σ_k w_k · loss(labels at the positions of scores_k, scores_k)

There is one k for the network's own grid (`--loss-stride`). With several scales (`--scales`) there is one for each
scale and one for their maximum, as DeepLab v2 is trained. An auxiliary head adds one at each scale, with the head's
weight; other weights are 1. Labels are shrunk by nearest: a position has the label of its pixel.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kseg.errors import UsageError
from kseg.layers.rescale import ROUNDING
from kseg.models.grid import own_grid
from kseg.models.scales import parts


class GradedScores(NamedTuple):
    """Where the positions of scores (N, h, w, C) lie in an image of H × W pixels; see `kseg.models.grid`."""

    lies: str
    pixels: float
    """of the image, per position"""
    weight: float = 1.0
    """weight of their loss in the sum"""

    def pair(self, targets: dict[str, Any], scores: Any) -> tuple[dict[str, Any], Any]:
        """The targets, (N, H, W, …) each, at the positions of the scores that lie on the image, and these scores."""
        label = next(iter(targets.values()))
        rows, columns = (self._pixels(ops.shape(scores)[axis], ops.shape(label)[axis]) for axis in (1, 2))
        scores = scores[:, : ops.shape(rows)[0], : ops.shape(columns)[0]]
        sampled = {name: ops.take(ops.take(target, rows, axis=1), columns, axis=2) for name, target in targets.items()}
        return sampled, scores

    def _pixels(self, positions: Any, side: Any) -> Any:
        """The pixel at each position of an axis that lies on the image."""
        known = isinstance(positions, int) and isinstance(side, int)
        array: Any = np if known else ops  # JAX wants shapes that are numbers
        cast: Any = (lambda value, dtype: np.asarray(value, dtype)) if known else ops.cast
        count, length = cast(positions, "float32"), cast(side, "float32")
        pixels = length / count if self.lies == "stretched" else self.pixels
        # A network that pads an image also scores positions beside the image.
        count = array.minimum(cast(array.ceil(length / pixels - ROUNDING), "int32"), cast(positions, "int32"))
        at = cast(array.arange(count), "float32")
        at = at * pixels + 0.5 if self.lies == "aligned" else (at + 0.5) * pixels
        return array.minimum(cast(array.floor(at + ROUNDING), "int32"), cast(side, "int32") - 1)


def with_graded_scores(network: keras.Model, *, loss_stride: int) -> tuple[keras.Model, tuple[GradedScores, ...]]:
    """The network with the scores of its loss as further outputs; unchanged where its logits are these scores.

    Args:
      network: gives logits of images.
      loss_stride: stride of the network's own grid; 1: the loss is computed at the image's size.
    Raises:
      UsageError: the network's own grid has another stride.
    """
    stride = own_grid(network).stride
    if loss_stride not in (1, stride):
        raise UsageError(
            f"--loss-stride is {loss_stride}, and {network.name} scores every pixel; leave it out"
            if stride == 1
            else f"--loss-stride is {loss_stride}, and {network.name} scores every {stride}th pixel in each direction; "
            f"pass --loss-stride {stride}, or leave it out"
        )
    on_grid = loss_stride == stride != 1
    graded_parts = parts(network, on_grid=on_grid)
    if not on_grid and len(graded_parts) == 1:  # the logits themselves
        return network, ()
    outputs = [network.output, *(part.scores for part in graded_parts)]
    graded = keras.Model(network.input, outputs, name=network.name)
    return graded, tuple(GradedScores(part.lies, part.pixels, part.weight) for part in graded_parts)
