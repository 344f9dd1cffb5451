"""Mumford–Shah loss (Kim & Ye 2019): regions of even color with short borders."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import AtLeast0
from kseg.losses.pixels import Pixels, Tensor, read_pixels
from kseg.losses.regions import pooled_sum, safe_divide


def mumford_shah(y_true, y_pred, *, from_logits=False, void=VOID, length: AtLeast0 = 1e-3, image=None):
    """Piecewise-constant Mumford–Shah functional of the image under the predicted regions.

        L = (Σ_c Σ_xy |x − μ_c|²·p_c + ν·Σ_c Σ_xy (|∂_x p_c| + |∂_y p_c|)) / n        μ_c = Σ x·p_c / Σ p_c

    with x the channels of the image, p the probabilities of the classes (background and foreground when C = 1) and n
    the valid pixels. It needs no labels, only void; supervised training adds it to a loss with labels.

    Args:
      y_true: label map (N, H, W).
      y_pred: (N, H, W, C).
      length: ν, the cost of a border per pixel of its length.
      image: (N, H, W, B), of order 1 (divide by 255). None: the one-hot label map is the image, as Kim et al. (2019) do
        in `level_set`.
    Returns:
      float32 (N,), in squared units of the image.
    Empty truth: 0 for an empty prediction, 0 for a full one, of the one-hot image of plain labels; of a real image each
      costs its variance. Differences across void are left out. No valid pixel: 0.
    Pitfalls: Alone it finds even regions instead of the labels; beside a supervised loss it needs a small weight.
    Source: Kim & Ye 2019 (L_MScnn). Deviations: divided by n, so that ν does not depend on the image's size.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(mumford_shah(y_true, y_pred)[0])
    0.323...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, soft=False)
    if image is None:
        image = pixels.class_truth()
    else:
        image = ops.where(pixels.valid[..., None] > 0.0, ops.cast(image, "float32"), 0.0)
    p = pixels.class_probabilities()
    mass = pooled_sum(p, pixels, "image")
    energy = 0.0
    for channel in range(image.shape[-1]):
        x = image[..., channel, None]
        mean = safe_divide(pooled_sum(x * p, pixels, "image"), mass)
        energy = energy + ops.sum(pooled_sum(ops.square(x - mean[:, None, None]) * p, pixels, "image"), axis=-1)
    return safe_divide(energy + length * border_length(p, pixels), ops.sum(pixels.valid, axis=(1, 2)))


def border_length(p: Tensor, pixels: Pixels) -> Tensor:
    """Σ |∂p| over classes and both axes, between valid pixels, (N,)."""
    valid = pixels.valid[..., None]
    down = ops.abs(p[:, 1:] - p[:, :-1]) * valid[:, 1:] * valid[:, :-1]
    along = ops.abs(p[:, :, 1:] - p[:, :, :-1]) * valid[:, :, 1:] * valid[:, :, :-1]
    return ops.sum(down, axis=(1, 2, 3)) + ops.sum(along, axis=(1, 2, 3))


@registered("mumford_shah")
class MumfordShah(SegmentationLoss):
    """`mumford_shah` as a Keras loss."""

    function = staticmethod(mumford_shah)
    options = ("length",)
    soft_labels = False
    reads = "image"
