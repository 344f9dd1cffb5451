"""Soft intersection over union (Rahman & Wang 2016, van Beers et al. 2019)."""

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import AtLeast0
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, pooled_sum, safe_divide


def soft_iou(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    smooth: AtLeast0 = 0.0, pixel_weight=None,
):  # fmt: skip
    """One minus the soft intersection over union.

        I = Σ p·y      U = Σ (p + y − p·y)      L = 1 − (I + s)/(U + s)

    where p is the probability of foreground and y ∈ [0, 1] the truth. The sums run over the valid pixels of one image
    (`pooling="image"`) or of the whole batch (`"batch"`). With several classes L is computed for each and averaged.

    Args:
      y_true: label map (N, H, W); `void` pixels belong to neither sum.
      y_pred: (N, H, W, C), probabilities, or logits with `from_logits=True`.
      classes: average over the classes "present" in the truth of the image (batch), or over "all".
      smooth: s, in pixels; 0 in both papers.
      pixel_weight: (N, H, W), the measure of both sums.
    Returns:
      float32 (N,), or () when pooled over the batch; 0 is perfect, 1 is disjoint.
    Empty truth: 1 for an empty prediction, 1 for a full one and for all between: with s = 0 it has no gradient, which
      is why both papers keep a positive in every batch; with s > 0, L = 1 − s/(Σp + s). Of several classes absent ones
      are left out, or count like this with `classes="all"`. No valid pixel at all: L = 0.
    Pitfalls: An image without the object gives no gradient; add `bce`, set smooth, or train with `--positives-per-batch
      1`. A network that predicts foreground everywhere has nearly no gradient and may stay there: lower the learning
      rate. At 5 % of foreground and less, other losses learn faster (study of losses).
    Source: Rahman & Wang eqs. 3–5 (batch); van Beers eqs. 3–4 (image). Deviations: several classes and s are kseg's
      own; both papers are binary with s = 0.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(soft_iou(y_true, y_pred)[0])  # 1 − 1.5/(1.7 + 2 − 1.5)
    0.318...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    p, y = pixels.probabilities(), pixels.truth
    intersection = pooled_sum(p * y, pixels, pooling)
    union = pooled_sum(p + y - p * y, pixels, pooling)
    losses = 1.0 - safe_divide(intersection + smooth, union + smooth, when_empty=0.0)
    return mean_over_classes(losses, pixels, pooling, classes=classes)


@registered("iou")
class SoftIoU(SegmentationLoss):
    """`soft_iou` as a Keras loss; `reduction="sum"` is van Beers' sum over the batch."""

    function = staticmethod(soft_iou)
    options = ("pooling", "classes", "smooth")
    bounds = (0.0, 1.0)
