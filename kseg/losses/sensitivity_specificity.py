"""Sensitivity-specificity loss (Brosch et al. 2015): mean squared errors inside and outside the object."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import Share
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, pooled_sum, safe_divide


def sensitivity_specificity(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    weight: Share = 0.05, pixel_weight=None,
):  # fmt: skip
    """A weighted sum of the mean squared errors inside and outside the class.

        L = r·Σ (y − p)²·y / Σ y + (1 − r)·Σ (y − p)²·(1 − y) / Σ (1 − y)

    where p is the probability of a class, y its truth, over the valid pixels of an image or the batch. With several
    classes L is computed for each and averaged.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      weight: r in [0, 1], the share of sensitivity.
      classes: average over the classes "present" in the truth, or over "all".
      pixel_weight: (N, H, W), the measure of all sums.
    Returns:
      float32 (N,), or () when pooled over the batch; in [0, 1].
    Empty truth: 0 for an empty prediction, 1 − r for a full one: the first term is 0, the second counts every false
      alarm. Of several classes absent ones are left out, or count like this with `classes="all"`. No valid pixel: 0.
    Pitfalls: With the default r, false alarms count by their share of the background: where the object is large, an
      empty prediction may be best (IoU 0 on LFW, study of losses). Gradients vanish where the prediction is confidently
      wrong.
    Source: Brosch et al. 2015. Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(sensitivity_specificity(y_true, y_pred)[0])  # 0.05·(0.1² + 0.4²)/2 + 0.95·0.2²
    0.042...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    p, y = pixels.probabilities(), pixels.truth
    error = ops.square(y - p)
    inside = safe_divide(pooled_sum(error * y, pixels, pooling), pooled_sum(y, pixels, pooling))
    outside = safe_divide(pooled_sum(error * (1.0 - y), pixels, pooling), pooled_sum(1.0 - y, pixels, pooling))
    return mean_over_classes(weight * inside + (1.0 - weight) * outside, pixels, pooling, classes=classes)


@registered("sensitivity_specificity")
class SensitivitySpecificity(SegmentationLoss):
    """`sensitivity_specificity` as a Keras loss."""

    function = staticmethod(sensitivity_specificity)
    options = ("pooling", "classes", "weight")
    bounds = (0.0, 1.0)
