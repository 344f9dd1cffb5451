"""Sums over the pixels of an image or a batch, safe quotients of sums, and means over classes."""

from typing import Literal

from keras import ops

from kseg.errors import unknown_name
from kseg.losses.pixels import Pixels, Tensor

Pooling = Literal["image", "batch"]
Classes = Literal["present", "all"]

POOLING_AXES = {"image": (1, 2), "batch": (0, 1, 2)}
NOTHING = 1e-18
"""A denominator at or below this counts as 0; its square is still a normal float32, so gradients stay finite."""


def pooling_axes(pooling: str) -> tuple[int, ...]:
    if pooling not in POOLING_AXES:
        raise unknown_name("pooling", pooling, POOLING_AXES)
    return POOLING_AXES[pooling]


def safe_divide(numerator: Tensor, denominator: Tensor, *, when_empty: float = 0.0) -> Tensor:
    """numerator / denominator, `when_empty` with zero gradient where the denominator is 0; NaN passes through.

    A NaN numerator stays NaN where the denominator is 0. Otherwise a prediction that is NaN everywhere, whose
    denominator is often 0, would have a perfect loss.
    """
    empty = denominator <= NOTHING
    return ops.where(empty, when_empty + 0.0 * numerator, numerator / ops.where(empty, 1.0, denominator))


def pixel_sum(values: Tensor, pooling: str) -> Tensor:
    """Sum of (N, H, W) or (N, H, W, K) over the pixels: (N,) or (N, K); () or (K,) over the batch.

    The sum runs down the columns first, then across them. A sum to one number is a chain of dependent additions, while
    columns are added in parallel by vector instructions. XLA fuses two adjacent sums into one, which takes four times
    as long; the factor 2, which is exact in floats, keeps them separate.
    """
    *first, last = pooling_axes(pooling)
    if values.shape[-1] == 1 and len(values.shape) == 4:  # columns of one channel could not be added in parallel
        return ops.expand_dims(pixel_sum(ops.squeeze(values, axis=-1), pooling), axis=-1)
    columns = ops.sum(values, axis=tuple(first))
    return 0.5 * ops.sum(2.0 * columns, axis=last - len(first))


def pixel_total(values: Tensor, pooling: str) -> Tensor:
    """`pixel_sum` of (N, H, W) as (N, 1, 1), or (1, 1, 1) over the batch, which broadcasts against pixels."""
    return ops.reshape(pixel_sum(values, pooling), (-1, 1, 1))


def pooled_mean(values: Tensor, pixels: Pixels, pooling: str, *, normalizer: Tensor | None = None) -> Tensor:
    """Weighted sum of per-pixel `values` (N, H, W) over the number of valid pixels: (N,), or () over the batch.

    As in Keras, the caller's pixel weights scale values and do not change the normalizer. No valid pixel: 0.
    """
    total = pixel_sum(values * pixels.weight, pooling)
    return safe_divide(total, pixel_sum(pixels.valid if normalizer is None else normalizer, pooling))


def pooled_sum(values: Tensor, pixels: Pixels, pooling: str) -> Tensor:
    """Weighted sum of per-class `values` (N, H, W, K) over pixels: (N, K), or (K,) over the batch."""
    return pixel_sum(values * ops.expand_dims(pixels.weight, axis=-1), pooling)


def mean_over_classes(losses: Tensor, pixels: Pixels, pooling: str, *, classes: str = "present") -> Tensor:
    """Mean of per-class `losses` (…, K) over the classes that count: (…,).

    A binary foreground always counts. Of several classes, a class counts if it has a valid pixel in the truth of the
    image (of the batch when pooled over it); with `classes="all"` every class counts. Where no pixel is valid the
    result is 0. A pixel of weight 0 does not count as a pixel.
    """
    if pixels.binary or classes == "all":
        some = ops.cast(pixel_sum(pixels.weight, pooling) > 0.0, "float32")[..., None]
        counts = some * ops.ones_like(losses)
    elif classes == "present":
        weighed = pixels.weight is not pixels.valid
        truth = pixels.truth * pixels.weight[..., None] if weighed else pixels.truth
        counts = ops.cast(pixel_sum(truth, pooling) > 0.0, "float32")
    else:
        raise unknown_name("classes", classes, ("present", "all"))
    return safe_divide(ops.sum(counts * losses, axis=-1), ops.sum(counts, axis=-1))


def safe_power(base: Tensor, exponent: float) -> Tensor:
    """base^exponent for base ≥ 0, with gradient 0 instead of infinity below 1e-12."""
    return ops.power(ops.maximum(base, 1e-12), exponent)
