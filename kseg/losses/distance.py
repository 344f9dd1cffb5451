"""Exact Euclidean distance maps of masks, in any backend and any graph; they carry no gradient."""

from keras import ops

from kseg.errors import UsageError
from kseg.losses.pixels import Tensor

FAR = 1e9
"""Squared distance to a set without members; larger than any image's diagonal squared."""


def squared_distance(mask: Tensor) -> Tensor:
    """Squared distance, in pixels, from every pixel of (N, H, W, K) to the nearest where `mask` is true; ≥ FAR if none.

    Two passes of D(i) = min_k (i − k)² + f(k), down the columns and then along the rows.
    """
    distance = ops.where(mask, 0.0, FAR)
    return _along(_along(distance, 1), 2)


def _along(field: Tensor, axis: int) -> Tensor:
    """One pass: a loop over the lines k, so that memory stays that of the field."""
    length = ops.shape(field)[axis]
    steps = ops.cast(ops.arange(length), "float32")
    place = ops.reshape(steps, (-1, 1, 1) if axis == 1 else (-1, 1))

    def nearer(k, nearest):
        line = ops.take(field, ops.reshape(k, (1,)), axis=axis)
        return ops.minimum(nearest, line + ops.square(place - ops.cast(k, "float32")))

    return ops.fori_loop(0, length, nearer, field)


def distance(mask: Tensor) -> Tensor:
    """Distance, in pixels, to the nearest pixel where `mask` is true; 0 everywhere if there is none."""
    squared = ops.stop_gradient(squared_distance(mask))
    return ops.sqrt(ops.where(squared >= FAR, 0.0, squared))


def labels_and_distances(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor | None]:
    """A y_true of labels and one distance map per channel of the prediction, taken apart; None if it is only labels.

    Raises:
      UsageError: another number of bands behind the label than the prediction has channels.
    """
    if len(y_true.shape) != 4 or y_true.shape[-1] == 1:
        return y_true, None
    if y_true.shape[-1] != y_pred.shape[-1] + 1:
        raise UsageError(
            f"y_true is {tuple(y_true.shape)} for y_pred {tuple(y_pred.shape)}; wanted label maps, or "
            f"{y_pred.shape[-1] + 1} channels: the label, then one distance map per channel"
        )
    return y_true[..., 0], ops.cast(y_true[..., 1:], "float32")
