"""Boundary loss (Kervadec et al. 2019): the prediction integrated over the truth's signed distance map."""

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.distance import checked_distance, signed_distance
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import pooled_mean


def boundary(y_true, y_pred, *, from_logits=False, void=VOID, distance=None, pixel_weight=None):
    """Probability mass weighted by the signed distance to the boundary of the truth.

        φ = d(pixel, object) outside, −(d(pixel, background) − 1) inside        L = mean of Σ_c φ_c·p_c

    over valid pixels, with d the Euclidean distance in pixels and c every class (C = 1: the foreground).

    Args:
      y_true: label map (N, H, W).
      y_pred: (N, H, W, C).
      distance: φ of the one-hot truth, (N, H, W, C), which `kseg train` computes once per label map; None: computed in
        the graph (`signed_distance`) at every step.
      pixel_weight: (N, H, W), scales φ·p.
    Returns:
      float32 (N,), in pixels; negative at the truth. It has no minimum on an empty truth, so combine it with a region
      loss ("gdice + 0.01*boundary").
    Empty truth: 0 for an empty prediction, 0 for a full one: φ = 0 for a class that is absent or fills the image. Void
      pixels are on neither side. No valid pixel: 0.
    Pitfalls: Alone it may predict background everywhere (IoU 0 on LFW in the study of losses). Start with a small
      weight beside a region loss, and train long.
    Source: Kervadec et al. 2019 (L_B), with the distances of the authors' code. Deviations: none.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(boundary(y_true, y_pred)[0])
    -0.016...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight, soft=False)
    valid = pixels.valid[..., None] > 0.0
    known = None if distance is None else checked_distance(distance, y_pred)
    phi = ops.where(valid, signed_distance(pixels.truth > 0.5, valid) if known is None else known, 0.0)
    return pooled_mean(ops.sum(phi * pixels.probabilities(), axis=-1), pixels, "image")


@registered("boundary")
class Boundary(SegmentationLoss):
    """`boundary` as a Keras loss."""

    function = staticmethod(boundary)
    bounds = (-float("inf"), float("inf"))
    soft_labels = False
    reads = "distance"
