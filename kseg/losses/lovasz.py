"""Lovász hinge and Lovász softmax (Berman et al. 2018): the tight convex surrogate of the Jaccard loss."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.pixels import Tensor, read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, pooling_axes, safe_divide


def lovasz(
    y_true, y_pred, *, from_logits=True, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    pixel_weight=None,
):  # fmt: skip
    """Lovász extension of the Jaccard loss, at hinge errors (C = 1) or softmax errors (C > 1).

        m_1 ≥ m_2 ≥ …        L = Σ_i max(m_i, 0)·(J_i − J_{i−1})
        J_i = 1 − I_i/U_i        I_i = |truth minus the first i|        U_i = |truth united with the first i|

    where m are the errors of the valid pixels in falling order: 1 − z·(2y − 1) of the logit z (hinge), or |y_c − p_c|
    (softmax, for each class, then averaged). J_i is the Jaccard loss if the i worst pixels were all wrong.

    Args:
      y_true: label map (N, H, W); y_pred: (N, H, W, C).
      pooling: errors sorted within each "image", or over the "batch".
      classes: average over the classes "present" in the truth of the image (batch), or over "all".
      pixel_weight: (N, H, W), the measure of both sets.
    Returns:
      float32 (N,), or () when pooled over the batch; softmax: in [0, 1], hinge: from 0 up.
    Empty truth: the single largest error counts, max(m_1, 0). No valid pixel: 0.
    Source: Berman et al. 2018. Deviations: none.
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight, soft=False)
    y = pixels.truth
    hinge = pixels.binary
    errors = 1.0 - pixels.logits() * (2.0 * y - 1.0) if hinge else ops.abs(y - pixels.probabilities())
    counts = ops.broadcast_to(pixels.valid[..., None], ops.shape(y))
    weight = pixels.weight[..., None] * counts
    rows = [ops.moveaxis(values, -1, 1) for values in (errors, y, counts, weight)]
    shape = (*ops.shape(rows[0])[:2], -1)
    if len(pooling_axes(pooling)) == 3:
        rows, shape = [ops.moveaxis(values, 1, 0) for values in rows], (ops.shape(y)[-1], -1)
    losses = lovasz_extension(*(ops.reshape(values, shape) for values in rows))
    return mean_over_classes(losses, pixels, pooling, classes=classes)


def lovasz_extension(errors: Tensor, truth: Tensor, valid: Tensor, weight: Tensor) -> Tensor:
    """Σ max(m, 0)·ΔJ over the last axis; void pixels sort last and add nothing."""
    order = ops.argsort(-ops.where(valid > 0.0, ops.stop_gradient(errors), -1e30), axis=-1)
    hinge, inside, outside = (
        ops.take_along_axis(values, order, axis=-1)
        for values in (ops.relu(errors) * valid, truth * weight, (1.0 - truth) * weight)
    )
    size = ops.sum(truth * weight, axis=-1, keepdims=True)
    union = size + ops.cumsum(outside, axis=-1)
    missing = size - ops.cumsum(inside, axis=-1)
    # ΔJ in closed form: in float32 the difference of two J's would drown in their rounding on a large image.
    steps = safe_divide(inside + outside * safe_divide(missing, union - outside, when_empty=1.0), union)
    return ops.sum(hinge * ops.stop_gradient(steps), axis=-1)


@registered("lovasz")
class Lovasz(SegmentationLoss):
    """`lovasz` as a Keras loss: the hinge for one channel, the softmax form for several."""

    function = staticmethod(lovasz)
    options = ("pooling", "classes")
    soft_labels = False
