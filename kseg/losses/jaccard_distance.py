"""Jaccard distance with squared terms (Yuan et al. 2017, skin lesions)."""

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, pooled_sum, safe_divide


def jaccard_distance(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    pixel_weight=None,
):  # fmt: skip
    """One minus a Jaccard index whose union has squared terms.

        L = 1 − Σ p·y / (Σ y² + Σ p² − Σ p·y)

    where p is the probability of a class, y its truth, over the valid pixels of an image or the batch. With several
    classes L is computed for each and averaged. Compared to `iou`, an uncertain pixel weighs less in the union.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      classes: average over the classes "present" in the truth, or over "all".
      pixel_weight: (N, H, W), the measure of all sums.
    Returns:
      float32 (N,), or () when pooled over the batch; in [0, 1].
    Empty truth: 1 for an empty prediction, 1 for a full one and for all between, without gradient. Of several classes
      absent ones are left out, or count like this with `classes="all"`. No valid pixel: 0.
    Pitfalls: An image without the object gives no gradient, as in `iou`. Values differ from 1 − IoU: an uncertain
      prediction costs less.
    Source: Yuan et al. 2017. Deviations: none; several classes are kseg's own.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(jaccard_distance(y_true, y_pred)[0])  # 1 − 1.5/(2 + 1.21 − 1.5)
    0.122...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    p, y = pixels.probabilities(), pixels.truth
    overlap = pooled_sum(p * y, pixels, pooling)
    union = pooled_sum(y * y + p * p - p * y, pixels, pooling)
    return mean_over_classes(1.0 - safe_divide(overlap, union), pixels, pooling, classes=classes)


@registered("jaccard_distance")
class JaccardDistance(SegmentationLoss):
    """`jaccard_distance` as a Keras loss."""

    function = staticmethod(jaccard_distance)
    options = ("pooling", "classes")
    bounds = (0.0, 1.0)
