"""Region mutual information loss (Zhao et al. 2019): mutual information of neighborhoods of truth and prediction."""

from keras import ops

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.options import Above0, Count
from kseg.losses.pixels import Pixels, Tensor, read_pixels
from kseg.losses.regions import Classes, mean_over_classes, safe_divide


def region_mutual_information(
    y_true, y_pred, *, from_logits=False, void=VOID, classes: Classes = "present", size: Count = 3, pool: Count = 4,
    ridge: Above0 = 1e-3,
):  # fmt: skip
    """The negative lower bound of the mutual information between neighborhoods of truth and prediction.

        M = Σ_Y + εI − Σ_YP·(Σ_P + εI)⁻¹·Σ_YPᵀ        L = log det(M) / 2d

    where Y and P are the d = size² values of a neighborhood of truth and probability of a class after mean pooling by
    `pool`, and Σ their covariances over all neighborhoods of the image. The better P predicts Y, the smaller is M.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      classes: average over the classes "present" in the truth, or over "all".
      size: side of the neighborhood, 3 in the paper. pool: side of the pooling cell, 4 in the authors' code.
      ridge: ε; bounds L from below by log(ε)/2.
    Returns:
      float32 (N,). The authors train "0.5*ce + 0.5*rmi".
    Empty truth: log(ε)/2 for an empty prediction, log(ε)/2 for a full one and for all between, without gradient, as Σ_Y
      = 0. Of several classes absent ones are left out, or count like this with `classes="all"`. Pooling averages valid
      pixels; a neighborhood counts if all its cells have one. No neighborhood: 0.
    Raises:
      UsageError: an image smaller than one neighborhood of cells.
    Pitfalls: It does not distinguish a mask from its complement: alone, one run of three ended there (study of losses).
      It ignores structures smaller than a pooling cell of `pool` pixels.
    Source: Zhao et al. 2019 (the lower bound they maximize), after the authors' code and its training script (size 3,
      mean pooling by 4).
    Deviations: covariances are means over neighborhoods, not sums, so that ε (the authors': 5e-4) does not depend on
      the image's size and float32 suffices. Cells lie within the image, the authors pad with zeros. Several classes are
      a softmax, the authors' are sigmoids, and their losses are averaged, not summed. Void is left out, in the authors'
      code it is 0 in both maps.

    >>> import numpy as np
    >>> y_true = np.zeros((1, 12, 12), "uint8")
    >>> y_true[:, 3:9, 3:9] = 1
    >>> float(region_mutual_information(y_true, np.where(y_true == 1, 0.8, 0.1)[..., None])[0])
    -3.453...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void)
    p, y, counts = pooled_cells(pixels, pool)
    height, width = counts.shape[1:3]
    if height is not None and width is not None and min(height, width) < size:
        raise UsageError(f"rmi got {height}x{width} cells after pooling by {pool}, but needs {size}x{size}; lower pool")
    vectors, counts = neighborhoods(y, p, counts, size)
    number = ops.sum(counts, axis=-1)  # (N, 1, 1)
    mean = safe_divide(ops.sum(vectors * counts, axis=-1), number)
    centered = (vectors - mean[..., None]) * counts
    covariance = safe_divide(ops.matmul(centered, ops.swapaxes(centered, -1, -2)), number[..., None])
    losses = log_det_schur(covariance + ridge * ops.eye(2 * size * size), size * size) / (2.0 * size * size)
    return mean_over_classes(losses * ops.cast(number[..., 0] > 0.0, "float32"), pixels, "image", classes=classes)


def pooled_cells(pixels: Pixels, pool: int) -> tuple[Tensor, Tensor, Tensor]:
    """Means of probability and truth over the valid pixels of each cell, (N, h, w, K), and (N, h, w), 1 for any."""
    valid = pixels.valid[..., None]
    if pool == 1:
        return pixels.probabilities() * valid, pixels.truth, pixels.valid
    number = cell_sums(valid, pool)
    p, y = (safe_divide(cell_sums(values * valid, pool), number) for values in (pixels.probabilities(), pixels.truth))
    return p, y, ops.cast(number[..., 0] > 0.0, "float32")


def cell_sums(values: Tensor, pool: int) -> Tensor:
    """Sums (N, h, w, K) over whole cells of pool × pool; much faster than a pooling operation and its gradient."""
    h, w = (ops.shape(values)[axis] // pool for axis in (1, 2))
    cells = ops.reshape(values[:, : h * pool, : w * pool], (-1, h, pool, w, pool, values.shape[-1]))
    return ops.sum(cells, axis=(2, 4))


def neighborhoods(y: Tensor, p: Tensor, counts: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The prediction's and the truth's values of every full neighborhood (N, K, 2d, M); its validity (N, 1, 1, M)."""
    height, width = (ops.shape(p)[axis] - size + 1 for axis in (1, 2))
    offsets = [(dy, dx) for dy in range(size) for dx in range(size)]

    def shifted(values):  # (N, K, h, w) to (N, K, d, M)
        stacked = ops.stack([values[:, :, dy : dy + height, dx : dx + width] for dy, dx in offsets], axis=2)
        return ops.reshape(stacked, (-1, values.shape[1], size * size, height * width))

    vectors = ops.concatenate([shifted(ops.moveaxis(values, -1, 1)) for values in (p, y)], axis=2)
    return vectors, ops.min(shifted(ops.expand_dims(counts, axis=1)), axis=2, keepdims=True)


def log_det_schur(joint: Tensor, d: int) -> Tensor:
    """log det of the Schur complement of the leading d×d block of positive definite (…, 2d, 2d).

    The derivative of log det J is J⁻¹, which the sweeps compute, so no gradient runs through the loop.
    """
    fixed = ops.stop_gradient(joint)
    moving = joint - fixed
    half, _ = sweep(fixed, 0, d)
    whole, log_pivots = sweep(half, d, 2 * d)
    slope = ops.sum(half[..., :d, :d] * moving[..., :d, :d], axis=(-2, -1)) - ops.sum(whole * moving, axis=(-2, -1))
    return ops.stop_gradient(log_pivots) + slope


def sweep(matrix: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
    """Sweeps the rows first … last − 1, whose block becomes its negated inverse; returns also Σ log of the pivots."""
    place = ops.arange(matrix.shape[-1])

    def step(k, state):
        m, log_pivots = state
        row = ops.take(m, ops.reshape(k, (1,)), axis=-2)
        column = ops.take(m, ops.reshape(k, (1,)), axis=-1)
        pivot = ops.take(row, ops.reshape(k, (1,)), axis=-1)
        here = place == k
        m = ops.where(here[:, None], row / pivot, ops.where(here, column / pivot, m - column * row / pivot))
        return ops.where(here[:, None] & here, -1.0 / pivot, m), log_pivots + ops.log(pivot[..., 0, 0])

    swept, log_pivots = ops.fori_loop(first, last, step, (matrix, ops.zeros_like(matrix[..., 0, 0])))
    return ops.stop_gradient(swept), log_pivots


@registered("rmi")
class RegionMutualInformation(SegmentationLoss):
    """`region_mutual_information` as a Keras loss."""

    function = staticmethod(region_mutual_information)
    options = ("classes", "size", "pool", "ridge")
    bounds = (-float("inf"), float("inf"))
