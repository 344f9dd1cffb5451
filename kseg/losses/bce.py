"""Binary cross-entropy, the baseline of every paper here."""

from keras import ops

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.ce import cross_entropy
from kseg.losses.options import ClassWeights, ShareBelow1
from kseg.losses.regions import Pooling


def binary_cross_entropy(
    y_true, y_pred, *, from_logits=True, void=VOID, pooling: Pooling = "image",
    label_smoothing: ShareBelow1 = 0.0, class_weights: ClassWeights = None, pixel_weight=None,
):  # fmt: skip
    """Cross-entropy of one sigmoid channel.

        ℓ = −y·log p − (1 − y)·log(1 − p)        L = mean of ℓ over valid pixels

    with p = σ(z) the probability of foreground and y ∈ [0, 1] the truth.

    Args: as `cross_entropy`; y_pred is (N, H, W, 1), class_weights = (background, foreground).
    Returns:
      float32 (N,), or () when pooled over the batch; nats per pixel.
    Empty truth: 0 for an empty prediction, z for a full one of logit z. No valid pixel: 0.
    Raises:
      UsageError: when y_pred has several channels; `ce` takes those.
    Source: van Beers et al. eq. 1 with `pooling="image"`; torch's BCEWithLogits with `"batch"`.
    Deviations: eq. 1 sums over pixels, this is the mean, which is what Keras's own BCE computes. The papers clip p to
      [1e-7, 1 − 1e-7]: logits are not clipped (the same up to |z| = 16, beyond it the gradient lives on),
      probabilities given with `from_logits=False` are.
    """
    if ops.shape(y_pred)[-1] != 1:
        raise UsageError(
            f"bce got {ops.shape(y_pred)[-1]} channels; it takes one sigmoid channel, use ce for several classes"
        )
    return cross_entropy(
        y_true, y_pred, from_logits=from_logits, void=void, pooling=pooling,
        label_smoothing=label_smoothing, class_weights=class_weights, pixel_weight=pixel_weight,
    )  # fmt: skip


@registered("bce")
class BinaryCrossEntropy(SegmentationLoss):
    """`binary_cross_entropy` as a Keras loss."""

    function = staticmethod(binary_cross_entropy)
    options = ("pooling", "label_smoothing", "class_weights")
    problems = ("binary",)
