"""The confusion matrix: the int64 table from which all pixel scores are computed."""

from collections.abc import Iterable

import numpy as np

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.metrics.whole import class_count
from kseg.wording import listed

_PIECE = 1 << 16


def confusion_matrix(truth, prediction, num_classes: int, *, void: int | None = VOID) -> np.ndarray:
    """Pixels of every (truth, prediction) pair of classes.

        M[i, j] = |{pixels: truth = i and prediction = j}|

    Args:
      truth: integers or booleans of any shape, class ids; pixels labeled `void` are ignored, whatever the prediction.
      prediction: integers or booleans of the same shape (a last axis of length 1 may be missing in either).
      num_classes: C, including background.
      void: the label to ignore; None if there is none.
    Returns:
      int64 (C, C), rows = truth, columns = prediction. All-void or empty input gives zeros.
    Errors: UsageError for floats, different shapes and ids outside 0..C−1.

    >>> confusion_matrix([[1, 1], [0, 255]], [[1, 0], [0, 1]], 2).tolist()  # the pixel of 255 is void
    [[1, 0], [1, 1]]
    """
    truth, prediction = _pair(truth, prediction)
    return _count(truth.reshape(1, -1), prediction.reshape(1, -1), class_count(num_classes), void)[0]


def confusion_matrices(truth, prediction, num_classes: int, *, void: int | None = VOID) -> np.ndarray:
    """`confusion_matrix` of every image of a batch (N, H, W), in one pass: int64 (N, C, C).

    >>> confusion_matrices([[[1, 1]], [[0, 255]]], [[[1, 0]], [[0, 1]]], 2).tolist()  # two images
    [[[0, 0], [1, 1]], [[1, 0], [0, 0]]]
    """
    truth, prediction = _pair(truth, prediction)
    if truth.ndim < 2:
        raise UsageError(f"expected a batch of label maps (N, H, W), received the shape {truth.shape}")
    n = len(truth)
    pixels = truth.size // n if n else 0
    return _count(truth.reshape(n, pixels), prediction.reshape(n, pixels), class_count(num_classes), void)


class ConfusionMatrix:
    """A confusion matrix that grows batch by batch; workers' matrices merge with `+=` or `merge`.

    >>> counts = ConfusionMatrix(2)
    >>> for truth, prediction in (([1, 1], [1, 0]), ([0, 255], [0, 1])):
    ...     _ = counts.update(truth, prediction)
    >>> counts.matrix.tolist()
    [[1, 0], [1, 1]]
    """

    def __init__(self, num_classes: int, *, void: int | None = VOID, matrix=None):
        self.num_classes = class_count(num_classes)
        self.void = void
        shape = (self.num_classes, self.num_classes)
        self.matrix = np.zeros(shape, np.int64) if matrix is None else _checked(matrix, self.num_classes)

    def update(self, truth, prediction) -> "ConfusionMatrix":
        """Adds the counts of these pixels; returns itself."""
        self.matrix += confusion_matrix(truth, prediction, self.num_classes, void=self.void)
        return self

    def __iadd__(self, other: "ConfusionMatrix") -> "ConfusionMatrix":
        matrix = _checked(_part(other).matrix, self.num_classes)
        if other.void != self.void:
            raise UsageError(
                f"counts with void={self.void} and void={other.void} are of different pixels; count all parts with the "
                "same void"
            )
        self.matrix += matrix
        return self

    @classmethod
    def merge(cls, parts: Iterable["ConfusionMatrix"]) -> "ConfusionMatrix":
        """The matrix of the pixels of all parts; the parts are not changed."""
        parts = list(parts)
        if not parts:
            raise UsageError("received no matrices to merge, so the number of classes is unknown; pass at least one")
        merged = cls(_part(parts[0]).num_classes, void=parts[0].void)
        for part in parts:
            merged += part
        return merged


def _part(other) -> ConfusionMatrix:
    if not isinstance(other, ConfusionMatrix):
        raise UsageError(
            f"a ConfusionMatrix merges with another, received {type(other).__name__}; "
            "wrap an array: ConfusionMatrix(num_classes, matrix=array)"
        )
    return other


def _checked(matrix, num_classes: int) -> np.ndarray:
    """The matrix copied as int64, so that further counting does not change the caller's array."""
    matrix = np.asarray(matrix)
    if matrix.shape != (num_classes, num_classes) or matrix.dtype.kind not in "iu":
        raise UsageError(
            f"a confusion matrix of {num_classes} classes is an integer array ({num_classes}, {num_classes}); "
            f"received {matrix.dtype} {matrix.shape}"
        )
    if matrix.min() < 0:
        raise UsageError(f"a confusion matrix holds the count {matrix.min()}; give counts of 0 or more pixels")
    return matrix.astype(np.int64)


def class_ids(array, name: str) -> np.ndarray:
    """`array` as integers or booleans; floats raise UsageError, since a cast would turn probabilities into classes."""
    array = np.asarray(array)
    if array.dtype.kind not in "iub":
        raise UsageError(
            f"the {name} holds {array.dtype}, not class ids; take the argmax over classes "
            "or compare the foreground's probability with a threshold first"
        )
    return array


def _pair(truth, prediction) -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = class_ids(truth, "truth"), class_ids(prediction, "prediction")
    if truth.ndim == prediction.ndim + 1 and truth.shape[-1] == 1:
        truth = truth[..., 0]
    elif prediction.ndim == truth.ndim + 1 and prediction.shape[-1] == 1:
        prediction = prediction[..., 0]
    if truth.shape != prediction.shape:
        raise UsageError(f"truth {truth.shape} and prediction {prediction.shape} have different shapes")
    return truth, prediction


def _count(truth: np.ndarray, prediction: np.ndarray, num_classes: int, void: int | None) -> np.ndarray:
    """(N, P) pairs of ids to (N, C, C)."""
    n = len(truth)
    hidden = np.zeros(n, np.int64)
    if void is not None:
        at = truth == void
        hidden = _true_per_row(at)
        if hidden.any():  # void pixels count as (0, 0) and are subtracted below, so valid pixels need no copy
            truth, prediction = np.where(at, 0, truth), np.where(at, 0, prediction)
    for name, ids in (("truth", truth), ("prediction", prediction)):
        if ids.size and (ids.min() < 0 or ids.max() >= num_classes):
            outside = [int(i) for i in np.unique(ids) if not 0 <= i < num_classes]
            raise UsageError(
                f"the {name} has ids {{{listed(outside)}}} outside 0..{num_classes - 1}; map them to classes"
                + ("" if void is None else f" or to void ({void})")
            )
    matrices = _count_binary(truth, prediction) if num_classes == 2 else _count_many(truth, prediction, num_classes)
    matrices[:, 0, 0] -= hidden
    return matrices


def _count_binary(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Counts by three sums; `np.bincount` into four bins waits for its own writes and takes several times as long."""
    true, predicted = truth != 0, prediction != 0
    both, in_truth, in_prediction = map(_true_per_row, (true & predicted, true, predicted))
    neither = truth.shape[1] - in_truth - in_prediction + both
    return np.stack([neither, in_prediction - both, in_truth - both, both], axis=-1).reshape(-1, 2, 2)


def _count_many(truth: np.ndarray, prediction: np.ndarray, num_classes: int) -> np.ndarray:
    """`np.bincount` of every row, over indices in the smallest integer type that holds them."""
    cells = num_classes**2
    index = truth.astype(np.min_scalar_type(cells - 1))
    index *= num_classes
    index += prediction.astype(index.dtype, copy=False)
    count = _count_twos if 2 * cells**2 <= index.shape[1] else _count_pieces  # the table of twos must pay
    matrices = np.zeros((len(index), cells), np.int64)
    for matrix, row in zip(matrices, index, strict=True):
        matrix += count(row, cells)
    return matrices.reshape(-1, num_classes, num_classes)


def _count_twos(index: np.ndarray, cells: int) -> np.ndarray:
    """Counts pairs of pixels, one from each half of the row, in a table of all pairs, which is summed along both axes.

    Where neighboring pixels fall into one cell, `np.bincount` waits for its last write to that cell. Half as many
    indices therefore take half as long.
    """
    half = len(index) // 2
    twos = np.multiply(index[:half], cells, dtype=np.min_scalar_type(cells**2 - 1))
    twos += index[half : 2 * half]
    table = np.bincount(twos, minlength=cells**2).reshape(cells, cells)
    return table.sum(axis=0) + table.sum(axis=1) + np.bincount(index[2 * half :], minlength=cells)


def _count_pieces(index: np.ndarray, cells: int) -> np.ndarray:
    """Counts in pieces that fit the cache: `np.bincount` is bound by memory, since it casts every index to 8 bytes."""
    counts = np.zeros(cells, np.int64)
    for start in range(0, len(index), _PIECE):
        counts += np.bincount(index[start : start + _PIECE], minlength=cells)
    return counts


def _true_per_row(mask: np.ndarray) -> np.ndarray:
    """int64 (N,); `np.count_nonzero` with an axis takes many times as long."""
    return np.array([np.count_nonzero(row) for row in mask], np.int64)
