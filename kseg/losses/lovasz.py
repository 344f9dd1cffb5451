"""Lovász hinge and Lovász softmax (Berman et al. 2018): the tight convex surrogate of the Jaccard loss."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.order import Function, by_rank
from kseg.losses.pixels import Tensor, read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, pooling_axes, safe_divide


def lovasz(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    pixel_weight=None,
):  # fmt: skip
    """Lovász extension of the Jaccard loss, at hinge errors (C = 1) or softmax errors (C > 1).

        m_1 ≥ m_2 ≥ …        L = Σ_i max(m_i, 0)·(J_i − J_{i−1})
        J_i = 1 − I_i/U_i        I_i = |truth minus the first i|        U_i = |truth united with the first i|

    where m are the errors of the valid pixels in decreasing order: 1 − z·(2y − 1) of the logit z (hinge), or
    |y_c − p_c| (softmax, for each class, then averaged). J_i is the Jaccard loss if the i worst pixels are all wrong.

    Args:
      y_true: label map (N, H, W); y_pred: (N, H, W, C).
      pooling: errors sorted within each "image", or over the "batch".
      classes: average over the classes "present" in the truth of the image (batch), or over "all".
      pixel_weight: (N, H, W), the measure of both sets.
    Returns:
      float32 (N,), or () when pooled over the batch; softmax: in [0, 1], hinge: from 0 up.
    Empty truth: 0 for an empty prediction, 1 + z for a full one of logit z: the single largest error counts, max(m_1,
      0). Of several classes absent ones are left out, or count by their largest p_c with `classes="all"`. No valid
      pixel: 0.
    Pitfalls: From random weights it learns slowly where the object is small (IoU 0.22 at 5 % of foreground, study of
      losses): start with cross-entropy ("ce for 3 epochs, then ce + lovasz"). The hinge works on logits; probabilities
      are converted to logits.
    Source: Berman et al. 2018. Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(lovasz(y_true, y_pred)[0])
    0.297...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight, soft=False)
    y = pixels.truth
    hinge = pixels.binary
    errors = 1.0 - pixels.logits() * (2.0 * y - 1.0) if hinge else ops.abs(y - pixels.probabilities())
    counts = ops.broadcast_to(pixels.valid[..., None], ops.shape(y))
    weight = pixels.weight[..., None] * counts
    whole = len(pooling_axes(pooling)) == 3
    height, width = ops.shape(y)[1:3]
    shape = (y.shape[-1], -1) if whole else (-1, height * width)
    rows = (ops.moveaxis(values, -1, 0 if whole else 1) for values in (errors, y, counts, weight))
    steps = jaccard_steps if pixel_weight is None else weighted_jaccard_steps
    losses = lovasz_extension(*(ops.reshape(values, shape) for values in rows), steps=steps)
    losses = losses if whole else ops.reshape(losses, (-1, y.shape[-1]))
    return mean_over_classes(losses, pixels, pooling, classes=classes)


def lovasz_extension(errors: Tensor, truth: Tensor, valid: Tensor, weight: Tensor, *, steps: Function) -> Tensor:
    """Σ max(m, 0)·ΔJ of every row of (R, P): (R,).

    ΔJ is 0 below the smallest error of a true pixel. Without a true pixel, ΔJ is 0 except for the largest error. Pixels
    whose ΔJ is known to be 0 get the key 0 and need no sorting; in a trained network these are most pixels.
    """
    hinge = ops.relu(errors) * valid
    keys = ops.stop_gradient(ops.where(valid > 0.0, hinge, 0.0))
    measure = truth * weight
    of_truth = measure > 0.0
    least = ops.min(ops.where(of_truth, keys, float("inf")), axis=-1, keepdims=True)
    least = ops.where(ops.any(of_truth, axis=-1, keepdims=True), least, ops.max(keys, axis=-1, keepdims=True))
    keys = ops.where(keys >= least, keys, 0.0)
    size = ops.sum(measure, axis=-1, keepdims=True)
    return ops.sum(hinge * by_rank(keys, 2.0 * measure - weight, size, steps), axis=-1)


def weighted_jaccard_steps(measure: Tensor, size: Tensor) -> Tensor:
    """ΔJ at every rank. A pixel measures its weight w inside the truth, −w outside; `size` is the truth's measure."""
    inside, outside = ops.relu(measure), ops.relu(-measure)
    return steps_between(inside, outside, ops.cumsum(inside, axis=-1), ops.cumsum(outside, axis=-1), size)


def jaccard_steps(measure: Tensor, size: Tensor) -> Tensor:
    """`weighted_jaccard_steps` where every pixel measures 1, so the sum outside follows from rank and sum inside."""
    inside, outside = ops.relu(measure), ops.relu(-measure)
    reached = ops.cumsum(inside, axis=-1)
    rank = ops.arange(1, ops.shape(measure)[-1] + 1, dtype="float32")
    return steps_between(inside, outside, reached, rank - reached, size)


def steps_between(inside: Tensor, outside: Tensor, reached: Tensor, added: Tensor, size: Tensor) -> Tensor:
    """J_i − J_{i−1} at every rank, in closed form.

    Args:
      inside, outside: measure of the pixel at this rank, inside and outside of the truth.
      reached, added: sums of the two up to this rank.
      size: measure of the whole truth.
    On a large image the difference of two float32 J's would be lost in their rounding.
    """
    union, missing = size + added, size - reached
    return safe_divide(inside + outside * safe_divide(missing, union - outside, when_empty=1.0), union)


@registered("lovasz")
class Lovasz(SegmentationLoss):
    """`lovasz` as a Keras loss: the hinge for one channel, the softmax form for several."""

    function = staticmethod(lovasz)
    options = ("pooling", "classes")
    soft_labels = False
