"""Loss max-pooling (Rota Bulò et al. 2017): the worst admissible weighting of pixel losses."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.ce import cross_entropy_map
from kseg.losses.options import Above1, ShareAbove0
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Pooling, pixel_sum, pixel_total, pooling_axes, safe_divide, safe_power


def loss_max_pooling(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", p: Above1 = 1.3,
    fraction: ShareAbove0 = 0.25, pixel_weight=None,
):  # fmt: skip
    """Cross-entropy under the pixel weights that make it largest.

        L = max_w Σ w_u·ℓ_u        subject to ‖w‖_p ≤ n^(−1/q),  0 ≤ w_u ≤ m^(−1/p)·n^(−1/q)

    with ℓ_u the cross-entropy of valid pixel u, n their number, 1/p + 1/q = 1 and m = max(1, f·n) the least number of
    pixels that share the weight. The k hardest pixels get the largest weight τ, the others
    τ·(ℓ_u^q·(m − k)/Σ_{v>k} ℓ_v^q)^(1/p), where k is the smallest number for which this stays below τ.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      p: norm, > 1; near 1 the loss is `topk_ce`, for large p it is plain cross-entropy.
      fraction: f in (0, 1].
      pixel_weight: (N, H, W), scales ℓ before the choice.
    Returns:
      float32 (N,), or () when pooled over the batch; at least the mean cross-entropy.
    Empty truth: 0 for an empty prediction, z for a full one of logit z. No valid pixel: 0. By the envelope theorem, the
      gradient with respect to ℓ is the maximizer w.
    Pitfalls: Mislabeled pixels are the hardest and get the largest weights. At 1 % of foreground it finds nothing in
      the study of losses.
    Source: Rota Bulò et al. 2017. Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(loss_max_pooling(y_true, y_pred)[0])  # above the mean, 0.2798
    0.399...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    losses = cross_entropy_map(pixels) * pixels.weight
    weights = ops.stop_gradient(worst_weights(losses, pixels.valid, pooling, p, fraction))
    return pixel_sum(weights * losses, pooling)


def worst_weights(losses, valid, pooling: str, p: float, fraction: float):
    """The w (N, H, W) that makes Σ w·ℓ largest, for each image or over the batch; 0 where a pixel is not valid."""
    q = p / (p - 1.0)
    number = pixel_total(valid, pooling)
    at_least = ops.maximum(1.0, fraction * number)
    largest = ops.max(losses * valid, axis=pooling_axes(pooling), keepdims=True)
    powers = safe_power(safe_divide(losses * valid, largest + 0.0 * losses), q) * valid  # ℓ^q up to scale, ≤ 1
    level = shared_level(powers, at_least, pooling)
    relative = ops.where(powers * level >= 1.0, 1.0, safe_power(powers * level, 1.0 / p))
    top = safe_power(safe_divide(ops.ones_like(number), at_least), 1.0 / p)
    return valid * relative * top * safe_power(safe_divide(ops.ones_like(number), number), 1.0 / q)


def shared_level(powers, total, pooling: str):
    """The λ (N, 1, 1) for which Σ min(1, λ·h) = total, where `powers` are the h in [0, 1] of an image or the batch.

    Newton's method starts at λ = total / Σh. Every step removes the h that are cut off at 1 and divides the rest among
    the others. λ only rises, and stays constant once no further h is cut off, so the loop ends. It needs no sort.
    """
    powers, total = ops.stop_gradient(powers), ops.stop_gradient(total)

    def cut_off(level):
        cut = ops.cast(powers * level >= 1.0, "float32")
        number, rest = pixel_total(cut, pooling), pixel_total((1.0 - cut) * powers, pooling)
        return ops.maximum(level, safe_divide(total - number, rest, when_empty=0.0))

    def moving(level, before):
        return ops.any(level > before)

    level = safe_divide(total, pixel_total(powers, pooling))
    return ops.while_loop(moving, lambda level, before: (cut_off(level), level), (level, 0.0 * level))[0]


@registered("loss_max_pooling")
class LossMaxPooling(SegmentationLoss):
    """`loss_max_pooling` as a Keras loss."""

    function = staticmethod(loss_max_pooling)
    options = ("pooling", "p", "fraction")
