"""Unified focal loss (Yeung et al. 2022): focal cross-entropy and focal Tversky with three parameters."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import Share, ShareBelow1
from kseg.losses.pixels import Pixels, Tensor, read_pixels
from kseg.losses.regions import Pooling, pooled_mean, pooled_sum, safe_divide, safe_power


def unified_focal(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", weight: Share = 0.5,
    delta: Share = 0.6, gamma: ShareBelow1 = 0.5, symmetric: bool = False, pixel_weight=None,
):  # fmt: skip
    """A weighted sum of a focal cross-entropy and a focal Tversky loss.

        L = λ·F + (1 − λ)·T        F = mean of −Σ_c d_c·y_c·(1 − p_c)^g_c·log p_c        T = mean_c (1 − TI_c)^h_c
        TI = TP/(TP + δ·FN + (1 − δ)·FP)        d = 1 − δ for the background, δ for every other class

    Symmetric: g = γ, h = 1 − γ for all classes. Asymmetric: the background has g = γ, h = 1 (its easy pixels are
    suppressed, its Tversky loss is unchanged), the other classes g = 0, h = 1 − γ. C = 1 counts as two classes.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      weight: λ in [0, 1]. delta: δ in [0, 1]. gamma: γ in [0, 1). symmetric: see above.
      pixel_weight: (N, H, W), scales the cross-entropy and is the measure of the Tversky sums.
    Returns:
      float32 (N,), or () when pooled over the batch.
    Empty truth: 0 for an empty prediction, λ·(1 − δ)·z + 1 − λ for a full one of logit z. Classes absent from the truth
      are left out of T. No valid pixel: 0.
    Pitfalls: λ, δ and γ interact; δ balances misses and false alarms. Values are not comparable with those of `ce` or
      `tversky`.
    Source: Yeung et al. 2022 (modified focal and modified focal Tversky loss, and their asymmetric variants), with the
      exponents of the authors' code. Deviations: the rule for absent classes.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(unified_focal(y_true, y_pred)[0])
    0.252...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    log_p = pixels.log_probabilities()
    wrong = -ops.expm1(log_p)
    common = safe_power(wrong[..., :1], gamma) * (1.0 - delta)
    rare = (safe_power(wrong[..., 1:], gamma) if symmetric else ops.ones_like(wrong[..., 1:])) * delta
    entropy = -pixels.class_truth() * ops.concatenate([common, rare], axis=-1) * log_p
    focal = pooled_mean(ops.sum(entropy, axis=-1), pixels, pooling)
    return weight * focal + (1.0 - weight) * focal_regions(pixels, pooling, delta, gamma, symmetric)


def focal_regions(pixels: Pixels, pooling: str, delta: float, gamma: float, symmetric: bool) -> Tensor:
    """Mean of the focal Tversky losses of the classes present."""
    p, y = pixels.class_probabilities(), pixels.class_truth()
    hit = pooled_sum(p * y, pixels, pooling)
    missed = pooled_sum((1.0 - p) * y, pixels, pooling)
    false = pooled_sum(p * (1.0 - y), pixels, pooling)
    losses = 1.0 - safe_divide(hit, hit + delta * missed + (1.0 - delta) * false)
    background = losses[..., :1]
    common = safe_power(background, 1.0 - gamma) if symmetric else background
    losses = ops.concatenate([common, safe_power(losses[..., 1:], 1.0 - gamma)], axis=-1)
    present = ops.cast(pooled_sum(y, pixels, pooling) > 0.0, "float32")
    return safe_divide(ops.sum(present * losses, axis=-1), ops.sum(present, axis=-1))


@registered("unified_focal")
class UnifiedFocal(SegmentationLoss):
    """`unified_focal` as a Keras loss."""

    function = staticmethod(unified_focal)
    options = ("pooling", "weight", "delta", "gamma", "symmetric")
