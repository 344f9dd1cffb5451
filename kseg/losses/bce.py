"""Binary cross-entropy, the baseline of every paper here."""

from keras import ops

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.losses.base import registered
from kseg.losses.ce import CrossEntropy, Normalize, cross_entropy
from kseg.losses.options import ClassWeights, ShareBelow1
from kseg.losses.regions import Pooling


def binary_cross_entropy(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image",
    label_smoothing: ShareBelow1 = 0.0, class_weights: ClassWeights = None, normalize: Normalize = "mean",
    pixel_weight=None,
):  # fmt: skip
    """Cross-entropy of one sigmoid channel.

        ℓ = −y·log p − (1 − y)·log(1 − p)        L = mean of ℓ over valid pixels, or its sum

    with p = σ(z) the probability of foreground and y ∈ [0, 1] the truth.

    Args: as `cross_entropy`; y_pred is (N, H, W, 1), class_weights = (background, foreground).
    Returns:
      float32 (N,), or () when pooled over the batch; nats per pixel, or per image with `normalize="sum"`.
    Empty truth: 0 for an empty prediction, z for a full one of logit z. No valid pixel: 0.
    Raises:
      UsageError: when y_pred has several channels; `ce` takes those.
    Pitfalls: Every pixel has the same weight, so a rare object hardly matters: at 1 % of foreground it finds next to
      nothing in the study of losses. In that study it also learns more slowly than the overlap losses, but reaches the
      same result.
    Source: van Beers et al. eq. 1 with `pooling="image"`; torch's BCEWithLogits with `"batch"`.
    Deviations: eq. 1 sums over pixels, which is `normalize="sum"`; the default is the mean, as in Keras' own BCE. The
      papers clip p to [1e-7, 1 − 1e-7]: probabilities are clipped, logits are not (equal up to |z| = 16, beyond which
      logits keep their gradient).

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(binary_cross_entropy(y_true, y_pred)[0])  # −(log 0.9 + log 0.6 + log 0.8)/3
    0.279...
    """
    if ops.shape(y_pred)[-1] != 1:
        raise UsageError(
            f"bce got {ops.shape(y_pred)[-1]} channels, but takes one sigmoid channel; use ce for several classes"
        )
    return cross_entropy(
        y_true, y_pred, from_logits=from_logits, void=void, pooling=pooling,
        label_smoothing=label_smoothing, class_weights=class_weights, normalize=normalize, pixel_weight=pixel_weight,
    )  # fmt: skip


@registered("bce")
class BinaryCrossEntropy(CrossEntropy):
    """`binary_cross_entropy` as a Keras loss."""

    function = staticmethod(binary_cross_entropy)
    problems = ("binary",)
