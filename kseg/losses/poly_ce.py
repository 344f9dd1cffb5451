"""PolyLoss (Leng et al. 2022): cross-entropy with another coefficient of its first polynomial term."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.ce import cross_entropy_map
from kseg.losses.options import AtLeastMinus1
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Pooling, pooled_mean


def poly_cross_entropy(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", epsilon: AtLeastMinus1 = 1.0,
    pixel_weight=None,
):  # fmt: skip
    """Cross-entropy with its leading polynomial coefficient raised (Poly-1).

        −log p = Σ_j (1 − p)^j / j        ℓ = −log p_t + ε·(1 − p_t)        L = mean of ℓ over valid pixels

    with p_t the probability of the true class; for soft labels p_t = Σ_c y_c·p_c.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      epsilon: ε ≥ −1; −1 removes the first term.
      pixel_weight: (N, H, W), scales ℓ.
    Returns:
      float32 (N,), or () when pooled over the batch.
    Empty truth: 0 for an empty prediction, z + ε for a full one of logit z. No valid pixel: 0.
    Pitfalls: With the default ε it hardly differs from `ce`: the IoU changes by +0.002, interval −0.005 to +0.008, in
      the study of losses.
    Source: Leng et al. 2022, Poly-1. Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(poly_cross_entropy(y_true, y_pred)[0])  # 0.2798 + (0.1 + 0.4 + 0.2)/3
    0.513...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    if pixels.binary:  # −expm1 of two logarithms is equal, but slower
        z, y = ops.squeeze(pixels.logits(), axis=-1), ops.squeeze(pixels.truth, axis=-1)
        wrong = y * ops.sigmoid(-z) + (pixels.valid - y) * ops.sigmoid(z)
    else:
        log_p, y = pixels.likelihoods()
        wrong = ops.sum(y * -ops.expm1(log_p), axis=-1)
    return pooled_mean(cross_entropy_map(pixels) + epsilon * wrong, pixels, pooling)


@registered("poly_ce")
class PolyCrossEntropy(SegmentationLoss):
    """`poly_cross_entropy` as a Keras loss."""

    function = staticmethod(poly_cross_entropy)
    options = ("pooling", "epsilon")
