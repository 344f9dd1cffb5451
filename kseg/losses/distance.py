"""Exact Euclidean distance maps of masks, in any backend and any graph; they carry no gradient."""

from collections.abc import Callable
from typing import Any

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
    """Squared distance along axis 1, in log₂ H turns: every distance is a sum of steps of 1, 2, 4 …"""

    def step_on(step, nearest):
        up, down = _moved(nearest, step)
        return step * 2, ops.minimum(nearest, ops.minimum(up, down) + ops.cast(step, "float32"))

    start = ops.convert_to_tensor(1), ops.where(mask > 0.0, 0.0, FAR**0.5)
    _, nearest = ops.while_loop(lambda step, nearest: step < ops.shape(mask)[1], step_on, start)
    return ops.square(nearest)


def _across(field: Tensor, reachable: Tensor) -> Tensor:
    """min_k (i − k)² + f(k) on axis 1. The offset grows until its square is no smaller than any distance left."""

    def wider(offset, _, nearest):
        for radius in (offset, offset + 1, offset + 2, offset + 3):  # four offsets a turn: fewer passes over memory
            left, right = _moved(field, radius)
            nearest = ops.minimum(nearest, ops.minimum(left, right) + ops.square(ops.cast(radius, "float32")))
        return offset + 4, farthest(nearest), nearest

    def farthest(nearest):
        return ops.max(ops.where(reachable, nearest, 0.0))

    def unfinished(offset, most, nearest):
        return (ops.square(ops.cast(offset, "float32")) < most) & (offset < ops.shape(field)[1])

    return ops.while_loop(unfinished, wider, (ops.convert_to_tensor(1), farthest(field), field))[2]


def _moved(values: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """The lines `step` before and after each line of axis 1, or the outermost line near the border.

    The outermost line is nearer than `step`. A distance by way of it comes out too long, so the minimum never takes it.
    """
    last = ops.shape(values)[1] - 1
    lines = ops.arange(last + 1)
    before, after = ops.maximum(lines - step, 0), ops.minimum(lines + step, last)
    return ops.take(values, before, axis=1), ops.take(values, after, axis=1)


def distance(mask: Tensor) -> Tensor:
    """Distance, in pixels, to the nearest pixel where `mask` is true; 0 everywhere if there is none."""
    squared = ops.stop_gradient(squared_distance(mask))
    return ops.sqrt(ops.where(squared >= FAR, 0.0, squared))


def signed_distance(mask: Any, valid: Any, distance: Callable[[Any], Any] = distance) -> Any:
    """How far a pixel is from the boundary of a mask: positive outside, 0 at the rim inside, negative deeper.

        φ = d(pixel, object) − max(d(pixel, rest) − 1, 0)

    with d the Euclidean distance in pixels, 0 within the set, and the rest the valid pixels that are not of the object.

    Args:
      mask, valid: booleans, tensors (N, H, W, K) or whatever `distance` takes.
      distance: d of a set, 0 everywhere if it is empty; by default in the graph.
    Empty-set rule: 0 where the object is empty or there is no rest. Under void φ means nothing.
    Source: Kervadec et al. 2019, with the distances of the authors' code. Deviations: none.
    """
    inside = distance(valid & ~mask) - 1.0
    return distance(mask) - 0.5 * (inside + abs(inside))  # max(inside, 0) of NumPy's arrays and every backend's alike


def checked_distance(given: Tensor, y_pred: Tensor) -> Tensor:
    """Distance maps that came with the truth, float32 (N, H, W, C).

    Raises:
      UsageError: they are not one map per channel of the prediction.
    """
    known = zip(tuple(given.shape), tuple(y_pred.shape), strict=False)
    if len(given.shape) != 4 or any(None not in pair and pair[0] != pair[1] for pair in known):
        raise UsageError(
            f"distance is {tuple(given.shape)} for y_pred {tuple(y_pred.shape)}; wanted one map per channel of the "
            "prediction, or none, for a loss computes them from the label where they are missing"
        )
    return ops.cast(given, "float32")
