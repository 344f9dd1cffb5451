"""Soft clDice (Shit et al. 2021): overlap of centerlines, for structures that must stay connected."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import AtLeast0, Whole
from kseg.losses.pixels import Tensor, read_pixels
from kseg.losses.regions import Classes, mean_over_classes, pooled_sum, safe_divide


def cldice(
    y_true, y_pred, *, from_logits=False, void=VOID, classes: Classes = "present", iterations: Whole = 3,
    smooth: AtLeast0 = 1.0, pixel_weight=None,
):  # fmt: skip
    """One minus the harmonic mean of topological precision and sensitivity.

        Tprec = (Σ S(p)·y + s)/(Σ S(p) + s)    Tsens = (Σ S(y)·p + s)/(Σ S(y) + s)
        L = 1 − 2·Tprec·Tsens/(Tprec + Tsens)

    with S the soft skeleton: the union, over k + 1 successive erosions, of what an opening removes. p is the
    probability of a class, y its truth; the sums run over the valid pixels of an image. With several classes L is
    averaged.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      classes: average over the classes "present" in the truth, or over "all".
      iterations: k, at least the radius in pixels of the thickest tube; structures thicker than 2(k + 1) have no
        skeleton.
      smooth: s, in pixels.
      pixel_weight: (N, H, W), the measure of the sums.
    Returns:
      float32 (N,), in [0, 1]; 0 where truth and prediction are thicker than 2(k + 1) pixels, wherever they are. The
      authors train "0.5*dice + 0.5*cldice".
    Empty truth: 0 for an empty prediction, 0 for a full one: Tsens = 1, Tprec = s/(ΣS(p) + s), and a full prediction
      has no skeleton. Of several classes absent ones are left out, or count like this with `classes="all"`. Void pixels
      act like the outside of the image: they neither erode nor grow. No valid pixel: 0.
    Pitfalls: It ignores structures thicker than 2(k + 1) pixels; alone it cannot learn faces. Use it for vessels, roads
      and other tubes, together with `dice`. With many classes XLA needs gigabytes for it.
    Source: Shit et al. 2021, algorithms 1 and 2. Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(cldice(y_true, y_pred)[0])
    0.111...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    p, y, valid = pixels.probabilities(), pixels.truth, pixels.valid[..., None] > 0.0
    thin_p, thin_y = soft_skeleton(p, valid, iterations), soft_skeleton(y, valid, iterations)

    def ratio(part, whole):
        return safe_divide(pooled_sum(part, pixels, "image") + smooth, pooled_sum(whole, pixels, "image") + smooth)

    precision, sensitivity = ratio(thin_p * y, thin_p), ratio(thin_y * p, thin_y)
    losses = 1.0 - safe_divide(2.0 * precision * sensitivity, precision + sensitivity)
    return mean_over_classes(losses, pixels, "image", classes=classes)


def soft_skeleton(x: Tensor, valid: Tensor, iterations: int) -> Tensor:
    """Union of x − open(x) over successive erosions of x (N, H, W, K) in [0, 1]."""
    skeleton = ops.relu(x - opened(x, valid))
    for _ in range(iterations):
        x = erode(ops.where(valid, x, 1.0))
        left = ops.relu(x - opened(x, valid))
        skeleton = skeleton + ops.relu(left - skeleton * left)
    return skeleton


def opened(x: Tensor, valid: Tensor) -> Tensor:
    """Dilation of the erosion, among valid pixels."""
    return dilate(ops.where(valid, erode(ops.where(valid, x, 1.0)), 0.0))


def erode(x: Tensor) -> Tensor:
    """Minimum over a pixel and its four neighbors within the image."""
    column, row = (
        ops.max_pool(-x, (3, 1), strides=1, padding="same"),
        ops.max_pool(-x, (1, 3), strides=1, padding="same"),
    )
    return -ops.maximum(column, row)


def dilate(x: Tensor) -> Tensor:
    """Maximum over the 3×3 square."""
    return ops.max_pool(x, 3, strides=1, padding="same")


@registered("cldice")
class ClDice(SegmentationLoss):
    """`cldice` as a Keras loss."""

    function = staticmethod(cldice)
    options = ("classes", "iterations", "smooth")
    bounds = (0.0, 1.0)
    thin_things = True
    slow_under_xla = True
