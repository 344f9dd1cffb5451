"""Exact Euclidean distance maps of masks, in any backend and any graph; they carry no gradient."""

from keras import ops

from kseg.errors import UsageError
from kseg.losses.pixels import Tensor

FAR = 1e9
"""Squared distance to a set without members; larger than any image's diagonal squared."""


def squared_distance(mask: Tensor) -> Tensor:
    """Squared distance, in pixels, from every pixel of (N, H, W, K) to the nearest where `mask` is true; ≥ FAR if none.

    Two passes: how far it is within the column, then D(i) = min_k (i − k)² + f(k) along the row.
    """
    mask = ops.stop_gradient(ops.cast(mask, "float32"))
    along = ops.swapaxes(_within_columns(mask), 1, 2)  # rows stand on axis 1, where lines are taken in one piece
    reachable = ops.max(mask, axis=(1, 2), keepdims=True) > 0.0
    return ops.swapaxes(_across(along, reachable), 1, 2)


def _within_columns(mask: Tensor) -> Tensor:
    """Squared distance down or up axis 1. By doubling: every distance is a sum of steps of 1, 2, 4 …"""

    def step_on(step, nearest):
        up, down = _moved(nearest, step)
        return step * 2, ops.minimum(nearest, ops.minimum(up, down) + ops.cast(step, "float32"))

    start = ops.convert_to_tensor(1), ops.where(mask > 0.0, 0.0, FAR**0.5)
    _, nearest = ops.while_loop(lambda step, nearest: step < ops.shape(mask)[1], step_on, start)
    return ops.square(nearest)


def _across(field: Tensor, reachable: Tensor) -> Tensor:
    """min_k (i − k)² + f(k) on axis 1, by offsets that grow until no distance is left that a larger one could lower."""

    def wider(offset, _, nearest):
        for radius in (offset, offset + 1, offset + 2, offset + 3):  # four at a time: fewer turns, fewer passes
            left, right = _moved(field, radius)
            nearest = ops.minimum(nearest, ops.minimum(left, right) + ops.square(ops.cast(radius, "float32")))
        return offset + 4, farthest(nearest), nearest

    def farthest(nearest):
        return ops.max(ops.where(reachable, nearest, 0.0))

    def unfinished(offset, most, nearest):
        return (ops.square(ops.cast(offset, "float32")) < most) & (offset < ops.shape(field)[1])

    return ops.while_loop(unfinished, wider, (ops.convert_to_tensor(1), farthest(field), field))[2]


def _moved(values: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """What lies `step` lines before and after each line of axis 1; the outermost line, where there is none so far.

    That one is nearer than `step`, so a distance by way of it is too long, and never the least.
    """
    last = ops.shape(values)[1] - 1
    lines = ops.arange(last + 1)
    before, after = ops.maximum(lines - step, 0), ops.minimum(lines + step, last)
    return ops.take(values, before, axis=1), ops.take(values, after, axis=1)


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
