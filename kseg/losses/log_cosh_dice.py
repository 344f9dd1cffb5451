"""Log-cosh Dice (Jadon 2020): Dice with a smooth minimum."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.dice import dice
from kseg.losses.options import AtLeast0
from kseg.losses.regions import Classes, Pooling


def log_cosh_dice(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    smooth: AtLeast0 = 1.0, pixel_weight=None,
):  # fmt: skip
    """Logarithm of the hyperbolic cosine of the Dice loss.

        L = log cosh D = ½·log(1 + sinh² D)

    with D as in `dice`; the second form is accurate where D is small.

    Args: as `dice`.
    Returns:
      float32 (N,), or () when pooled over the batch; in [0, log cosh 1 ≈ 0.434].
    Empty truth: 0 for an empty prediction, log cosh(n/(n + s)) for a full one of n pixels, as `dice`. Of several
      classes absent ones are left out, or count like this with `classes="all"`. No valid pixel: 0.
    Pitfalls: Its slope is tanh D times that of `dice`, so it vanishes as the prediction improves; in the study of
      losses it is worse than `dice`.
    Source: Jadon 2020. Deviations: none; with several classes D is their mean.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(log_cosh_dice(y_true, y_pred)[0])  # log cosh 0.1489
    0.011...
    """
    d = dice(
        y_true, y_pred, from_logits=from_logits, void=void, pooling=pooling, classes=classes,
        smooth=smooth, pixel_weight=pixel_weight,
    )  # fmt: skip
    return 0.5 * ops.log1p(ops.square(ops.sinh(d)))


@registered("log_cosh_dice")
class LogCoshDice(SegmentationLoss):
    """`log_cosh_dice` as a Keras loss."""

    function = staticmethod(log_cosh_dice)
    options = ("pooling", "classes", "smooth")
    bounds = (0.0, 0.4338)
