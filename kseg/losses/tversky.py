"""Tversky loss (Salehi et al. 2017): separate weights for false positives and false negatives."""

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import AtLeast0
from kseg.losses.pixels import Pixels, Tensor, read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, pooled_sum, safe_divide


def tversky(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    alpha: AtLeast0 = 0.3, beta: AtLeast0 = 0.7, smooth: AtLeast0 = 0.0, pixel_weight=None,
):  # fmt: skip
    """One minus the Tversky index.

        TP = Σ p·y    FP = Σ p·(1 − y)    FN = Σ (1 − p)·y        L = 1 − (TP + s) / (TP + α·FP + β·FN + s)

    where p is the probability of a class, y its truth, over the valid pixels of an image or the batch. α = β = ½ is
    Dice, α = β = 1 is `iou`. With several classes L is computed for each and averaged.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      classes: average over the classes "present" in the truth, or over "all".
      alpha: weight of a false positive. beta: weight of a false negative.
      smooth: s, in pixels.
      pixel_weight: (N, H, W), the measure of all sums.
    Returns:
      float32 (N,), or () when pooled over the batch; in [0, 1].
    Empty truth: 1 for an empty prediction, 1 for a full one and for all between, without gradient, with s = 0; else 1 −
      s/(α·Σp + s). Of several classes absent ones are left out, or count like this with `classes="all"`. No valid
      pixel: 0.
    Pitfalls: With the defaults a miss costs more than a false alarm, so masks become too large; where both should count
      equally, `iou` and `dice` have the higher IoU (study of losses).
    Source: Salehi et al. 2017, with the paper's α and β. Deviations: none (keras.losses.Tversky swaps α and β).

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(tversky(y_true, y_pred)[0])  # 1 − 1.5/(1.5 + 0.3·0.2 + 0.7·0.5)
    0.214...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    losses = 1.0 - tversky_index(pixels, pooling, alpha=alpha, beta=beta, smooth=smooth)
    return mean_over_classes(losses, pixels, pooling, classes=classes)


def tversky_index(pixels: Pixels, pooling: str, *, alpha: float, beta: float, smooth: float) -> Tensor:
    """(TP + s) / (TP + α·FP + β·FN + s) of every class, (N, K) or (K,)."""
    p, y = pixels.probabilities(), pixels.truth
    true_positive = pooled_sum(p * y, pixels, pooling)
    false_positive = pooled_sum(p * (1.0 - y), pixels, pooling)
    false_negative = pooled_sum((1.0 - p) * y, pixels, pooling)
    total = true_positive + alpha * false_positive + beta * false_negative
    return safe_divide(true_positive + smooth, total + smooth)


@registered("tversky")
class Tversky(SegmentationLoss):
    """`tversky` as a Keras loss."""

    function = staticmethod(tversky)
    options = ("pooling", "classes", "alpha", "beta", "smooth")
    bounds = (0.0, 1.0)
