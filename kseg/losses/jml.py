"""Jaccard metric loss (Wang et al. 2023): a soft Jaccard loss that is minimal at the truth for soft labels too."""

from typing import Literal

from keras import ops

from kseg.conventions import VOID
from kseg.errors import unknown_name
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, pooled_sum, safe_divide


def jaccard_metric(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    variant: Literal["jml1", "jml2"] = "jml1", pixel_weight=None,
):  # fmt: skip
    """One minus a Jaccard index of L1 norms.

        jml1: L = 1 − (|p| + |y| − |p − y|) / (|p| + |y| + |p − y|)        jml2: L = 1 − |p·y| / (|p·y| + |p − y|)

    where |·| sums over the valid pixels of an image or the batch, p is the probability of a class and y ∈ [0, 1] its
    truth. On hard labels both equal `iou`; on soft labels they are 0 exactly at p = y, where `iou` is not.

    Args:
      y_true: label map (N, H, W), or soft labels (N, H, W, C) or fractions of foreground; y_pred: (N, H, W, C).
      classes: average over the classes "present" in the truth, or over "all".
      pixel_weight: (N, H, W), the measure of all sums.
    Returns:
      float32 (N,), or () when pooled over the batch; in [0, 1].
    Empty truth: 1 for an empty prediction, 1 for a full one and for all between, without gradient. Of several classes
      absent ones are left out, or count like this with `classes="all"`. No valid pixel: 0.
    Pitfalls: On hard labels jml1 equals `iou`, including an empty truth; it only differs for soft labels, where its
      minimum is at the truth.
    Source: Wang et al. 2023 (their JML1 and JML2). Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(jaccard_metric(y_true, y_pred)[0])  # 1 − (1.7 + 2 − 0.7)/(1.7 + 2 + 0.7)
    0.318...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    p, y = pixels.probabilities(), pixels.truth
    apart = pooled_sum(ops.abs(p - y), pixels, pooling)
    if variant == "jml1":
        together = pooled_sum(p + y, pixels, pooling)
        losses = 1.0 - safe_divide(together - apart, together + apart)
    elif variant == "jml2":
        overlap = pooled_sum(p * y, pixels, pooling)
        losses = 1.0 - safe_divide(overlap, overlap + apart)
    else:
        raise unknown_name("variant of loss 'jml':", variant, ("jml1", "jml2"))
    return mean_over_classes(losses, pixels, pooling, classes=classes)


@registered("jml")
class JaccardMetric(SegmentationLoss):
    """`jaccard_metric` as a Keras loss."""

    function = staticmethod(jaccard_metric)
    options = ("pooling", "classes", "variant")
    bounds = (0.0, 1.0)
