"""Hausdorff loss by distance transforms (Karimi & Salcudean 2020)."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.distance import checked_distance
from kseg.losses.distance import distance as distance_to
from kseg.losses.options import AtLeast0
from kseg.losses.pixels import Tensor, read_pixels
from kseg.losses.regions import Classes, mean_over_classes, pooled_sum, safe_divide


def hausdorff(
    y_true, y_pred, *, from_logits=False, void=VOID, classes: Classes = "present", power: AtLeast0 = 2.0,
    distance=None, pixel_weight=None,
):  # fmt: skip
    """Squared error weighted by the distances to the boundaries of truth and prediction.

        L = mean of (p − y)²·(d_y^α + d_p^α)

    over valid pixels, where p is the probability of a class, y its truth, d_y the distance in pixels to the other side
    of the boundary of y, and d_p to that of p > ½. The distances are exact and carry no gradient.

    Args:
      y_true: label map (N, H, W).
      y_pred: (N, H, W, C).
      classes: average over the classes "present" in the truth, or over "all".
      power: α ≥ 0; 2 in the paper.
      distance: the signed distances φ as in `boundary`, (N, H, W, C), from which d_y follows: φ outside, 1 − φ inside;
        None: d_y is computed in the graph at every step.
      pixel_weight: (N, H, W), scales the error.
    Returns:
      float32 (N,), in pixels^α; it grows with image size and object size, so give it a small weight.
    Empty truth: 0 for an empty prediction, 0 for a full one: a set that is empty or fills the image has no boundary and
      d = 0; a prediction in a part of the image costs by d_p. Of several classes absent ones are left out, or count
      like this with `classes="all"`. Void pixels are on neither side. No valid pixel: 0.
    Pitfalls: It grows with the square of the distance and needs a small weight beside a region loss. It is slow, since
      exact distances of the prediction are computed at every step.
    Source: Karimi & Salcudean 2020 (Loss_DT). Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(hausdorff(y_true, y_pred)[0])
    0.246...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight, soft=False)
    p, y = pixels.probabilities(), pixels.truth
    valid = pixels.valid[..., None] > 0.0
    if distance is None:
        of_truth = boundary_distance(y > 0.5, valid)
    else:
        of_truth = unsigned(checked_distance(distance, y_pred), y > 0.5, valid)
    field = of_truth**power + boundary_distance(valid & (p > 0.5), valid) ** power
    total = pooled_sum(ops.square(p - y) * field, pixels, "image")
    losses = safe_divide(total, ops.sum(pixels.valid, axis=(1, 2))[..., None])
    return mean_over_classes(losses, pixels, "image", classes=classes)


def boundary_distance(mask: Tensor, valid: Tensor) -> Tensor:
    """Distance of every pixel to the nearest pixel on the other side of the mask's boundary; 0 if there is none."""
    return ops.where(mask, distance_to(valid & ~mask), distance_to(mask))


def unsigned(signed: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """`boundary_distance` of a mask from its `signed_distance`; boundary pixels inside have d = 1 and φ = 0."""
    bounded = ops.any(mask, axis=(1, 2), keepdims=True) & ops.any(valid & ~mask, axis=(1, 2), keepdims=True)
    return ops.where(valid & bounded, ops.where(mask, 1.0 - signed, signed), 0.0)


@registered("hausdorff")
class Hausdorff(SegmentationLoss):
    """`hausdorff` as a Keras loss."""

    function = staticmethod(hausdorff)
    options = ("classes", "power")
    soft_labels = False
    reads = "distance"
