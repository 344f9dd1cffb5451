"""Focal Tversky loss (Abraham & Khan 2019): a root of the Tversky loss, steepest near a perfect prediction."""

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import Above0, AtLeast0
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Classes, Pooling, mean_over_classes, safe_power
from kseg.losses.tversky import tversky_index


def focal_tversky(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", classes: Classes = "present",
    alpha: AtLeast0 = 0.3, beta: AtLeast0 = 0.7, gamma: Above0 = 4 / 3, smooth: AtLeast0 = 0.0, pixel_weight=None,
):  # fmt: skip
    """A power of the Tversky loss of every class.

        L = (1 − TI)^(1/γ)

    with TI the Tversky index of `tversky`. With γ > 1 the slope, (1 − TI)^(1/γ − 1)/γ, grows as TI nears 1: images and
    classes that are nearly right weigh more than in `tversky`; with γ < 1 the hard ones weigh more.

    Args: as `tversky`, and gamma: γ above 0; the paper tries 1 to 3.
    Returns:
      float32 (N,), or () when pooled over the batch; in [0, 1].
    Empty truth: 1 for an empty prediction, 1 for a full one, as `tversky`. Of several classes absent ones are left out,
      or count like this with `classes="all"`. No valid pixel: 0.
    Pitfalls: With γ > 1 the slope grows without bound as the loss nears 0, so steps stay large where those of `tversky`
      shrink. As in `tversky`, the defaults favor recall, so masks become too large.
    Source: Abraham & Khan 2019, γ = 4/3. Deviations: the mean over classes instead of the paper's sum; below 1 − TI =
      1e-12 the gradient is 0 instead of infinite; the paper's α is the weight of false negatives (0.7).

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(focal_tversky(y_true, y_pred)[0])  # 0.2147 ** (3/4)
    0.315...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    losses = 1.0 - tversky_index(pixels, pooling, alpha=alpha, beta=beta, smooth=smooth)
    return mean_over_classes(safe_power(losses, 1.0 / gamma), pixels, pooling, classes=classes)


@registered("focal_tversky")
class FocalTversky(SegmentationLoss):
    """`focal_tversky` as a Keras loss."""

    function = staticmethod(focal_tversky)
    options = ("pooling", "classes", "alpha", "beta", "gamma", "smooth")
    bounds = (0.0, 1.0)
