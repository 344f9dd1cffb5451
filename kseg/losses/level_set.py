"""Level set loss (Kim et al. 2019): the Chan–Vese energy of the prediction on the truth."""

from typing import Literal

from keras import ops

from kseg.conventions import VOID
from kseg.errors import unknown_name
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import Above0
from kseg.losses.pixels import Tensor, read_pixels
from kseg.losses.regions import pooled_sum, safe_divide

Heaviside = Literal["mahf", "ahf", "hf"]


def level_set(
    y_true, y_pred, *, from_logits=False, void=VOID, heaviside: Heaviside = "mahf", epsilon: Above0 = 0.05,
    normalize: Literal["sum", "mean"] = "sum", pixel_weight=None,
):  # fmt: skip
    """Chan–Vese energy of the zero level of φ = p − ½ on the one-hot truth, summed over classes.

        E = Σ_l Σ_xy (G − c1)²·H(φ) + (G − c2)²·(1 − H(φ))        c1 = ΣG·H/ΣH        c2 = ΣG(1 − H)/Σ(1 − H)
        mahf: H = ½(1 + tanh(φ/ε))        ahf: H = ½(1 + 2/π·arctan(φ/ε))        hf: H = 1 where φ ≥ 0

    over valid pixels, for every class l present in the image, including background. Since G is binary,
    E_l = B·D/(B + D) + C·F/(C + F) with B = ΣGH, D = Σ(1−G)H, C = ΣG(1−H), F = Σ(1−G)(1−H). These are four sums without
    cancellation and without a pass over (G − c)². c1 and c2 minimize E, so stopping their gradient changes nothing.

    Args:
      y_true: label map (N, H, W); y_pred: (N, H, W, C). With C = 1 only the foreground's energy counts (the
        background's is equal; eq. 4 sums both).
      heaviside: "mahf" is the paper's. "hf" is a step and has no gradient.
      epsilon: ε, in units of probability; 1/20 in the paper.
      normalize: "sum" over pixels, as in eq. 4 and for its λ = 4e-4; "mean" divides by the valid pixels.
      pixel_weight: (N, H, W), the measure of all sums.
    Returns:
      float32 (N,); 0 where the level sets of prediction and truth agree, *and where they are each other's complement*:
      E does not depend on the sign, so combine it with cross-entropy ("ce + 4e-4*level_set").
    Empty truth: 0 for an empty prediction, 0 for a full one and for all between, as for every class that is absent or
      fills the image. No valid pixel: 0.
    Pitfalls: Alone, or with a weight of 1 beside `bce`, it ended on the complement of the masks in one run of three
      (study of losses). λ depends on `normalize`: sum and mean differ by the number of pixels.
    Source: Kim et al. 2019 eqs. 4–7. Deviations: with C = 1 the energy is half of eq. 4, which sums over both classes,
      so λ has half the effect: the paper's 4e-4 is 8e-4 on one sigmoid output, and 4e-4 on two softmax channels.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(level_set(y_true, y_pred)[0])
    0.017...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight, soft=False)
    inside = smooth_step(pixels.probabilities() - 0.5, heaviside, epsilon)
    y = pixels.truth
    outside = 1.0 - inside if heaviside == "hf" else smooth_step(0.5 - pixels.probabilities(), heaviside, epsilon)
    b, d = (pooled_sum(g * inside, pixels, "image") for g in (y, 1.0 - y))
    c, f = (pooled_sum(g * outside, pixels, "image") for g in (y, 1.0 - y))
    energy = ops.sum(b * safe_divide(d, b + d) + c * safe_divide(f, c + f), axis=-1)
    if normalize == "sum":
        return energy
    if normalize == "mean":
        return safe_divide(energy, ops.sum(pixels.valid, axis=(1, 2)))
    raise unknown_name("normalize of loss 'level_set':", normalize, ("sum", "mean"))


def smooth_step(phi: Tensor, heaviside: str, epsilon: float) -> Tensor:
    """The Heaviside function of φ, or one of its two approximations of width ε."""
    if heaviside == "mahf":
        return ops.sigmoid(phi * (2.0 / epsilon))  # ½(1 + tanh) without its cancellation at −∞
    if heaviside == "ahf":
        return 0.5 + ops.arctan(phi / epsilon) / 3.141592653589793
    if heaviside == "hf":
        return ops.where(phi >= 0.0, 1.0, 0.0) + 0.0 * phi  # NaN stays NaN
    raise unknown_name("heaviside of loss 'level_set':", heaviside, ("mahf", "ahf", "hf"))


@registered("level_set")
class LevelSet(SegmentationLoss):
    """`level_set` as a Keras loss."""

    function = staticmethod(level_set)
    options = ("heaviside", "epsilon", "normalize")
    soft_labels = False
