"""Focal loss (Lin et al. 2017): cross-entropy with less weight on easy pixels."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.ce import checked_weights
from kseg.losses.options import AtLeast0, ClassWeights
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Pooling, pooled_mean, safe_power


def focal(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", gamma: AtLeast0 = 2.0,
    class_weights: ClassWeights = None, pixel_weight=None,
):  # fmt: skip
    """Cross-entropy scaled by the probability of being wrong.

        ℓ = −Σ_c w_c·y_c·(1 − p_c)^γ·log p_c        L = mean of ℓ over valid pixels

    with p the softmax over classes (background and foreground when C = 1) and y the one-hot or soft truth.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      gamma: γ ≥ 0; 0 is cross-entropy.
      class_weights: w, one per class, background first; Lin's α = 0.25 is (0.75, 0.25). The denominator ignores them.
      pixel_weight: (N, H, W), scales ℓ.
    Returns:
      float32 (N,), or () when pooled over the batch.
    Empty truth: 0 for an empty prediction, z for a full one of logit z. No valid pixel: 0.
    Pitfalls: The factor (1 − p)^γ makes values and gradients small: beside another loss it needs a larger weight than
      `ce`. At 1 % of foreground it finds little more than `bce` in the study of losses.
    Source: Lin et al. 2017 eq. 5. Deviations: normalized by pixels, not by anchors assigned to an object; no α by
      default.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(focal(y_true, y_pred)[0])  # −(0.1²·log 0.9 + 0.4²·log 0.6 + 0.2²·log 0.8)/3
    0.030...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    background, *_, foreground = weights = checked_weights(class_weights, pixels.num_classes) or (1.0, 1.0)
    if pixels.binary:
        z, y = ops.squeeze(pixels.logits(), axis=-1), ops.squeeze(pixels.truth, axis=-1)
        missed, false = pixels.entropies()
        values = foreground * y * safe_power(ops.sigmoid(-z), gamma) * missed
        values = values + background * (pixels.valid - y) * safe_power(ops.sigmoid(z), gamma) * false
    else:
        log_p, y = pixels.likelihoods()
        weighted = y if class_weights is None else pixels.truth * ops.convert_to_tensor(weights, dtype="float32")
        values = ops.sum(-weighted * safe_power(-ops.expm1(log_p), gamma) * log_p, axis=-1)
    return pooled_mean(values, pixels, pooling)


@registered("focal")
class Focal(SegmentationLoss):
    """`focal` as a Keras loss."""

    function = staticmethod(focal)
    options = ("pooling", "gamma", "class_weights")
