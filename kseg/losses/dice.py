"""Dice loss (Milletari et al. 2016, and the common form with +1)."""

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import AtLeast0
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, pooled_sum, safe_divide


def dice(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    smooth: AtLeast0 = 1.0, squared: bool = False, pixel_weight=None,
):  # fmt: skip
    """One minus the Dice coefficient.

        L = 1 − (2·Σ p·y + s) / (Σ p + Σ y + s)        squared: Σ p² + Σ y² in the denominator

    where p is the probability of a class, y its truth, and the sums run over the valid pixels of an image or the batch.
    With several classes L is computed for each and averaged.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      classes: average over the classes "present" in the truth, or over "all".
      smooth: s, in pixels: 1 in the common form, 1e-5 in MONAI, 0 in V-Net.
      squared: whether the denominator has squares, as in V-Net.
      pixel_weight: (N, H, W), the measure of all sums.
    Returns:
      float32 (N,), or () when pooled over the batch; in [0, 1].
    Empty truth: 0 for an empty prediction, n/(n + s) for a full one of n pixels: L = 1 − s/(Σp + s), which falls as the
      prediction empties (squared: Σp²); with s = 0, L = 1 without gradient. Of several classes absent ones are left
      out, or count like this with `classes="all"`. No valid pixel: 0.
    Pitfalls: s is a number of pixels: for small objects, s = 1 favors an empty prediction. Values with different s, or
      of an image and a batch, are not comparable.
    Source: Milletari et al. 2016 (squared, s = 0); s = 1 is a common choice without a paper. Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(dice(y_true, y_pred)[0])  # 1 − (2·1.5 + 1)/(1.7 + 2 + 1)
    0.148...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    p, y = pixels.probabilities(), pixels.truth
    overlap = pooled_sum(p * y, pixels, pooling)
    sizes = pooled_sum(p * p + y * y if squared else p + y, pixels, pooling)
    losses = 1.0 - safe_divide(2.0 * overlap + smooth, sizes + smooth)
    return mean_over_classes(losses, pixels, pooling, classes=classes)


@registered("dice")
class Dice(SegmentationLoss):
    """`dice` as a Keras loss."""

    function = staticmethod(dice)
    options = ("pooling", "classes", "smooth", "squared")
    bounds = (0.0, 1.0)
