"""Combo loss (Taghanaki et al. 2019): cross-entropy with weighted misses, minus Dice."""

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.ce import cross_entropy_map
from kseg.losses.dice import dice
from kseg.losses.options import AtLeast0, Share
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Classes, Pooling, pooled_mean


def combo(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    alpha: Share = 0.5, beta: Share = 0.5, smooth: AtLeast0 = 1.0, pixel_weight=None,
):  # fmt: skip
    """A weighted sum of cross-entropy and Dice.

        L = α·mean(−β·y·log p − (1 − β)·(1 − y)·log(1 − p)) + (1 − α)·(1 − D)

    with D the Dice coefficient of `dice`. With several classes, pixels of class 0 weigh 1 − β, and pixels of other
    classes β.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      alpha: α in [0, 1]. beta: β in [0, 1]; above ½ a miss costs more than a false alarm.
      classes, smooth: as in `dice`.
      pixel_weight: (N, H, W), scales the cross-entropy and is the measure of Dice's sums.
    Returns:
      float32 (N,), or () when pooled over the batch; 0 is perfect.
    Empty truth: 0 for an empty prediction, α·(1 − β)·z + (1 − α)·n/(n + s) for a full one of n pixels and logit z. Of
      several classes absent ones are left out of D, or count like this with `classes="all"`. No valid pixel: 0.
    Pitfalls: α and β both change the cost of a miss; change one at a time. With the defaults the cross-entropy part is
      a quarter of `bce`.
    Source: Taghanaki et al. 2019. Deviations: 1 − D instead of the paper's −D, so that 0 is perfect.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(combo(y_true, y_pred)[0])  # 0.5·0.5·0.2798 + 0.5·0.1489
    0.144...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    prices = (1.0 - beta, *(beta,) * (pixels.num_classes - 1))
    entropy = pooled_mean(cross_entropy_map(pixels, class_weights=prices), pixels, pooling)
    overlap = dice(
        y_true, y_pred, from_logits=from_logits, void=void, pooling=pooling, classes=classes,
        smooth=smooth, pixel_weight=pixel_weight,
    )  # fmt: skip
    return alpha * entropy + (1.0 - alpha) * overlap


@registered("combo")
class Combo(SegmentationLoss):
    """`combo` as a Keras loss."""

    function = staticmethod(combo)
    options = ("pooling", "classes", "alpha", "beta", "smooth")
