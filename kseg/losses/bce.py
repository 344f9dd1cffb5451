"""Binary cross-entropy, the baseline of every paper here."""

from keras import ops

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.losses.base import registered
from kseg.losses.ce import CrossEntropy, Normalise, cross_entropy
from kseg.losses.options import ClassWeights, ShareBelow1
from kseg.losses.regions import Pooling


def binary_cross_entropy(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image",
    label_smoothing: ShareBelow1 = 0.0, class_weights: ClassWeights = None, normalise: Normalise = "mean",
    pixel_weight=None,
):  # fmt: skip
    """Cross-entropy of one sigmoid channel.

        ℓ = −y·log p − (1 − y)·log(1 − p)        L = mean of ℓ over valid pixels, or its sum

    with p = σ(z) the probability of foreground and y ∈ [0, 1] the truth.

    Args: as `cross_entropy`; y_pred is (N, H, W, 1), class_weights = (background, foreground).
    Returns:
      float32 (N,), or () when pooled over the batch; nats per pixel, or per image with `normalise="sum"`.
    Empty truth: 0 for an empty prediction, z for a full one of logit z. No valid pixel: 0.
    Raises:
      UsageError: when y_pred has several channels; `ce` takes those.
    Source: van Beers et al. eq. 1 with `pooling="image"`; torch's BCEWithLogits with `"batch"`.
    Deviations: eq. 1 sums over pixels, which is `normalise="sum"`; the default is the mean, which is what Keras's own
      BCE computes. The papers clip p to [1e-7, 1 − 1e-7]: probabilities are clipped, logits are not (the same up to
      |z| = 16, beyond it the gradient lives on).
    """
    if ops.shape(y_pred)[-1] != 1:
        raise UsageError(
            f"bce got {ops.shape(y_pred)[-1]} channels; it takes one sigmoid channel, use ce for several classes"
        )
    return cross_entropy(
        y_true, y_pred, from_logits=from_logits, void=void, pooling=pooling,
        label_smoothing=label_smoothing, class_weights=class_weights, normalise=normalise, pixel_weight=pixel_weight,
    )  # fmt: skip


@registered("bce")
class BinaryCrossEntropy(CrossEntropy):
    """`binary_cross_entropy` as a Keras loss."""

    function = staticmethod(binary_cross_entropy)
    problems = ("binary",)
