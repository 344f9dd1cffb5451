"""Locally adaptive loss L^AD (Guo et al. 2018): cross-entropy of scores merged over neighbors of the same class."""

import math

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.ce import cross_entropy_map
from kseg.losses.neighbors import windows
from kseg.losses.options import Above0, AtLeast1, Whole
from kseg.losses.pixels import Pixels, read_pixels
from kseg.losses.regions import Pooling, pooling_axes, safe_divide, safe_power


def adaptive(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", radius: Whole = 1, sigma: Above0 = 1.0,
    power: AtLeast1 = 5.0, pixel_weight=None,
):  # fmt: skip
    """Cross-entropy of locally merged scores, under a Minkowski mean.

        z̄_u = Σ_v a_uv·z_v / Σ_v a_uv        a_uv = [y_v = y_u]·exp(−d(u, v)²/2σ²)        ℓ_u = −log softmax(z̄_u)_{y_u}
        L = (mean of ℓ_u^k)^(1/k)

    where v runs over the valid pixels of the (2r + 1)² window around u, d is the chessboard distance in pixels and the
    mean is over the valid pixels u of an image or the batch. Pixels are judged together with their neighbors of the
    same class, and a large k emphasizes the worst windows.

    Args:
      y_true: label map (N, H, W); y_pred: (N, H, W, C).
      radius: r; 0 merges nothing. sigma: σ, in pixels. power: k ≥ 1; the paper's best is 5.
      pixel_weight: (N, H, W), scales ℓ^k.
    Returns:
      float32 (N,), or () when pooled over the batch.
    Empty truth: 0 for an empty prediction, z for a full one of logit z. No valid pixel: 0.
    Pitfalls: A large k emphasizes the worst windows, so a mislabeled region has more influence than in `ce`.
    Source: Guo et al. 2018, "Locally adaptive learning loss for semantic image segmentation" (merging, cross-entropy of
      merged scores, Minkowski mean with k = 5 best on VOC), a baseline in Kim et al. table 5. Implemented from
      descriptions of the paper, not from its text. Deviations: windows at every pixel (their stride is a free choice);
      the weights are normalized to 1, which the descriptions do not specify.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(adaptive(y_true, y_pred)[0])
    0.250...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight, soft=False)
    values = cross_entropy_map(merged(pixels, radius, sigma))
    axes = pooling_axes(pooling)
    largest = ops.stop_gradient(ops.max(values * pixels.valid, axis=axes, keepdims=True))
    relative = safe_divide(values, largest + 0.0 * values)  # at most 1, so that ℓ^k stays in float32
    mean = safe_divide(ops.sum(pixels.weight * relative**power, axis=axes), ops.sum(pixels.valid, axis=axes))
    return ops.squeeze(largest, axis=axes) * ops.where(mean <= 0.0, 0.0, safe_power(mean, 1.0 / power))


def merged(pixels: Pixels, radius: int, sigma: float) -> Pixels:
    """The pixels with every score replaced by the mean over its neighbors of the same class."""
    logits, label = pixels.logits(), ops.argmax(pixels.class_truth(), axis=-1)
    label = ops.where(pixels.valid > 0.0, ops.cast(label, "float32") + 1.0, 0.0)  # 0 is void, and outside the image
    total, weights = ops.zeros_like(logits), ops.zeros_like(label)
    for (dy, dx), scores, other in windows(logits, label, radius=radius):
        near = math.exp(-(max(abs(dy), abs(dx)) ** 2) / (2.0 * sigma**2))
        weight = near * ops.cast(other == label, "float32") * pixels.valid
        total = total + weight[..., None] * scores
        weights = weights + weight
    return pixels._replace(scores=safe_divide(total, weights[..., None]), from_logits=True)


@registered("adaptive")
class Adaptive(SegmentationLoss):
    """`adaptive` as a Keras loss."""

    function = staticmethod(adaptive)
    options = ("pooling", "radius", "sigma", "power")
    soft_labels = False
