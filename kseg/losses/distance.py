"""Exact Euclidean distance maps of masks on any backend, eager or compiled, without a gradient."""

from collections.abc import Callable
from typing import Any

from keras import ops

from kseg.errors import UsageError
from kseg.losses.pixels import Tensor

FAR = 1e9
"""Squared distance to an empty set; larger than the squared diagonal of any image."""


def squared_distance(mask: Tensor) -> Tensor:
    """Squared distance, in pixels, from every pixel of (N, H, W, K) to the nearest where `mask` is true; ≥ FAR if none.

    Two passes: f, the squared distance within the column, then D(i) = min_k (i − k)² + f(k) along the row.
    """
    mask = ops.stop_gradient(ops.cast(mask, "float32"))
    along = ops.swapaxes(_within_columns(mask), 1, 2)  # rows on axis 1, where lines are contiguous
    reachable = ops.max(mask, axis=(1, 2), keepdims=True) > 0.0
    return ops.swapaxes(_across(along, reachable), 1, 2)


def _within_columns(mask: Tensor) -> Tensor:
    """Squared distance along axis 1 in log₂ H iterations: every distance is a sum of steps of 1, 2, 4 …"""

    def step_on(step, nearest):
        up, down = _moved(nearest, step)
        return step * 2, ops.minimum(nearest, ops.minimum(up, down) + ops.cast(step, "float32"))

    start = ops.convert_to_tensor(1), ops.where(mask > 0.0, 0.0, FAR**0.5)
    _, nearest = ops.while_loop(lambda step, nearest: step < ops.shape(mask)[1], step_on, start)
    return ops.square(nearest)


def _across(field: Tensor, reachable: Tensor) -> Tensor:
    """min_k (i − k)² + f(k) on axis 1. The offset grows until its square is at least the largest distance left."""

    def wider(offset, _, nearest):
        for radius in (offset, offset + 1, offset + 2, offset + 3):  # four offsets per iteration: fewer memory passes
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

    The outermost line is nearer than `step`, so a distance through it is too long, and the minimum never takes it.
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
    """Signed distance to the boundary of a mask: positive outside, 0 for boundary pixels inside, negative farther in.

        φ = d(pixel, object) − max(d(pixel, rest) − 1, 0)

    with d the Euclidean distance in pixels, 0 within the set, and the rest the valid pixels outside the object.

    Args:
      mask, valid: booleans, tensors (N, H, W, K) or any type that `distance` takes.
      distance: d of a set, 0 everywhere if it is empty; computed in the graph by default.
    Empty-set rule: 0 where the object or the rest is empty. φ is undefined for void pixels.
    Source: Kervadec et al. 2019, with the distances of the authors' code. Deviations: none.
    """
    inside = distance(valid & ~mask) - 1.0
    return distance(mask) - 0.5 * (inside + abs(inside))  # max(inside, 0), for NumPy and every backend


def checked_distance(given: Tensor, y_pred: Tensor) -> Tensor:
    """The given distance maps as float32 (N, H, W, C).

    Raises:
      UsageError: they are not one map per channel of the prediction.
    """
    known = zip(tuple(given.shape), tuple(y_pred.shape), strict=False)
    if len(given.shape) != 4 or any(None not in pair and pair[0] != pair[1] for pair in known):
        raise UsageError(
            f"distance is {tuple(given.shape)} for y_pred {tuple(y_pred.shape)}; give one map per channel of the "
            "prediction, or no maps, which the loss then computes from the label"
        )
    return ops.cast(given, "float32")
