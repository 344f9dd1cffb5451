"""Generalized Dice (Sudre et al. 2017): classes weighted by the inverse square of their size."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Pooling, pooled_sum, safe_divide


def generalized_dice(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", pixel_weight=None,
):  # fmt: skip
    """One minus Dice over all classes at once, each weighted by 1 / size².

        w_c = 1 / (Σ y_c)²        L = 1 − 2·Σ_c w_c·Σ p_c·y_c / Σ_c w_c·Σ (p_c + y_c)

    over the classes (background and foreground for C = 1) and the valid pixels of an image or the batch.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      pixel_weight: (N, H, W), the measure of all sums.
    Returns:
      float32 (N,), or () when pooled over the batch; in [0, 1].
    Empty truth: 0 for an empty prediction, 1 for a full one. A class absent from the truth has weight 0, not infinity;
      its false positives only count as misses of the other classes. No valid pixel: 0.
    Pitfalls: With the weight 1/size², a class of one pixel outweighs all others; a mislabeled pixel can dominate.
    Source: Sudre et al. 2017 (GDL_v). Deviations: the rule for absent classes, which the paper does not specify.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(generalized_dice(y_true, y_pred)[0])  # 1 − 2·(1.5/4 + 0.8)/(3.7/4 + 2.3)
    0.271...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    maps = [(pixels.probabilities(), pixels.truth)]
    if pixels.binary:  # summing two maps is faster than concatenating them first
        q = ops.sigmoid(-pixels.scores) if from_logits else 1.0 - pixels.scores
        maps.insert(0, (q, pixels.valid[..., None] - pixels.truth))

    def sums(of):
        return ops.concatenate([pooled_sum(of(p, y), pixels, pooling) for p, y in maps], axis=-1)

    sizes = sums(lambda p, y: y)
    weights = ops.square(safe_divide(ops.ones_like(sizes), sizes))
    overlap = ops.sum(weights * sums(lambda p, y: p * y), axis=-1)
    total = ops.sum(weights * sums(lambda p, y: p + y), axis=-1)
    return ops.where(total <= 0.0, 0.0, 1.0 - safe_divide(2.0 * overlap, total))


@registered("gdice")
class GeneralizedDice(SegmentationLoss):
    """`generalized_dice` as a Keras loss."""

    function = staticmethod(generalized_dice)
    options = ("pooling",)
    bounds = (0.0, 1.0)
