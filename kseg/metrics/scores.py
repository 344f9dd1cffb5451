"""Scores of a confusion matrix, in float64.

Every function takes M (…, C, C), rows = truth, columns = prediction, and works on each matrix of the stack. With

    TP_c = M_cc      FN_c = Σ_j M_cj − M_cc      FP_c = Σ_i M_ic − M_cc      union_c = TP_c + FN_c + FP_c

**Absent classes.** A class counts in a mean if its union is > 0 (it is in the truth or was predicted); a class with an
empty union has the score nan. Without a valid pixel no class counts, and the mean is nan as well.
**Binary problems** (C = 2): `iou_dataset`, `dice_dataset` and `iou_image` are the foreground's (class 1). Where neither
truth nor prediction has foreground but there are valid pixels, these scores are 1, since there was nothing to find.
"""

import numpy as np

from kseg.errors import UsageError


def pixel_accuracy(matrix) -> np.ndarray:
    """Σ_c TP_c / Σ M, the fraction of valid pixels with the right class; nan without valid pixels. Shape (…).

    >>> float(pixel_accuracy([[50, 10], [5, 35]]))  # (50 + 35)/100
    0.85
    """
    matrix = _checked(matrix)
    return _ratio(_diagonal(matrix).sum(-1), matrix.sum((-2, -1)))


def mean_accuracy(matrix) -> np.ndarray:
    """Mean of recall over the classes in the truth (balanced accuracy). Shape (…).

    >>> round(float(mean_accuracy([[50, 10], [5, 35]])), 4)  # (50/60 + 35/40)/2
    0.8542
    """
    return _mean_of_counted(recall(matrix))


def iou_class(matrix) -> np.ndarray:
    """TP_c / union_c of every class (Jaccard index); nan where the union is empty. Shape (…, C).

    >>> iou_class([[50, 10], [5, 35]]).round(4).tolist()  # 50/65, 35/50
    [0.7692, 0.7]
    """
    true_positive, false_negative, false_positive = _outcomes(matrix)
    return _ratio(true_positive, true_positive + false_negative + false_positive)


def dice_class(matrix) -> np.ndarray:
    """2 TP_c / (2 TP_c + FN_c + FP_c) of every class; nan where the union is empty. Shape (…, C).

    >>> dice_class([[50, 10], [5, 35]]).round(4).tolist()  # 100/115, 70/85
    [0.8696, 0.8235]
    """
    return f_beta(matrix, beta=1.0)


def precision(matrix) -> np.ndarray:
    """TP_c / (TP_c + FP_c); nan where the class was never predicted. Shape (…, C).

    >>> precision([[50, 10], [5, 35]]).round(4).tolist()  # 50/55, 35/45
    [0.9091, 0.7778]
    """
    true_positive, _, false_positive = _outcomes(matrix)
    return _ratio(true_positive, true_positive + false_positive)


def recall(matrix) -> np.ndarray:
    """TP_c / (TP_c + FN_c); nan where the class is not in the truth. Shape (…, C).

    >>> recall([[50, 10], [5, 35]]).round(4).tolist()  # 50/60, 35/40
    [0.8333, 0.875]
    """
    true_positive, false_negative, _ = _outcomes(matrix)
    return _ratio(true_positive, true_positive + false_negative)


def f_beta(matrix, *, beta: float = 1.0) -> np.ndarray:
    """(1 + β²) TP / ((1 + β²) TP + β² FN + FP): recall counts β times as much as precision. Shape (…, C).

    β = 1 is Dice. nan where the union is empty. Source: van Rijsbergen 1979, ch. 7. Errors: UsageError for β ≤ 0.

    >>> f_beta([[50, 10], [5, 35]], beta=2).round(4).tolist()  # 250/295, 175/205
    [0.8475, 0.8537]
    """
    if not beta > 0:
        raise UsageError(f"beta of the F score must be positive, received {beta}")
    true_positive, false_negative, false_positive = _outcomes(matrix)
    hits = (1 + beta**2) * true_positive
    return _ratio(hits, hits + beta**2 * false_negative + false_positive)


def iou_dataset(matrix) -> np.ndarray:
    """The foreground's IoU (C = 2), else the mean over the classes that count by the rules in the module's docstring.

    Computed from the matrix of a whole split, this is mIoU^D, the headline number of kseg. Shape (…).

    >>> float(iou_dataset([[50, 10], [5, 35]]))  # 35/50
    0.7
    """
    return _headline(iou_class(matrix), matrix)


def dice_dataset(matrix) -> np.ndarray:
    """The foreground's Dice (C = 2), else the mean over the classes that count. Shape (…).

    >>> round(float(dice_dataset([[50, 10], [5, 35]])), 4)  # 70/85
    0.8235
    """
    return _headline(dice_class(matrix), matrix)


def miou(matrix) -> np.ndarray:
    """Mean IoU over all classes that count, including background (also for C = 2): mIoU^D in papers. Shape (…).

    Source: Everingham et al. 2010; Wang et al. 2023, "Revisiting Evaluation Metrics for Semantic Segmentation", eq. 1.

    >>> round(float(miou([[50, 10], [5, 35]])), 4)  # (50/65 + 35/50)/2
    0.7346
    """
    return _mean_of_counted(iou_class(matrix))


def iou_image(matrices) -> np.ndarray:
    """`iou_dataset` of each image: (N, C, C) to (N,); nan for an image without valid pixels.

    The score is the mean of the values; paired tests and confidence intervals need them separately.

    >>> iou_image([[[50, 10], [5, 35]], [[90, 0], [10, 0]]]).tolist()  # two images
    [0.7, 0.0]
    """
    return iou_dataset(matrices)


def miou_image(matrices, *, present: str = "union") -> np.ndarray:
    """mIoU^I: mean over images of the image's mean IoU over its classes; (N, C, C) to ().

    Args:
      present: "union" counts a class in an image if truth or prediction hold it (kseg's rule, in which false alarms
        count); "truth" only if the truth holds it (Wang et al. 2023, eq. 2).

    >>> round(float(miou_image([[[50, 10], [5, 35]], [[90, 0], [0, 0]]])), 4)  # of 0.7346 and 1
    0.8673
    """
    return np.asarray(_mean_of_counted(_mean_of_counted(_iou_of_present(matrices, present))))


def miou_class(matrices, *, present: str = "union") -> np.ndarray:
    """mIoU^C: for each class the mean IoU over the images with it, then the mean over classes; (N, C, C) to ().

    A class in few images has the same weight as a class in all images, unlike in mIoU^I. `present` as in `miou_image`.
    Source: Wang et al. 2023, eq. 3.

    >>> round(float(miou_class([[[50, 10], [5, 35]], [[90, 0], [0, 0]]])), 4)  # of (50/65 + 1)/2 and 0.7
    0.7923
    """
    iou = _iou_of_present(matrices, present)
    if iou.ndim < 2:
        raise UsageError(
            f"expected one matrix per image (N, C, C), received the shape {np.shape(matrices)}; "
            "of a single image pass matrix[None]"
        )
    return np.asarray(_mean_of_counted(_mean_of_counted(np.swapaxes(iou, -1, -2))))


def frequency_weighted_iou(matrix) -> np.ndarray:
    """Σ_c f_c · IoU_c with f_c the class's share of the truth's pixels; nan without valid pixels. Shape (…).

    Source: Long et al. 2015, section 5.

    >>> round(float(frequency_weighted_iou([[50, 10], [5, 35]])), 4)  # 0.6·50/65 + 0.4·35/50
    0.7415
    """
    matrix = _checked(matrix)
    frequency = _ratio(matrix.sum(-1), matrix.sum((-2, -1))[..., None])
    return np.where(np.isnan(frequency[..., 0]), np.nan, np.sum(frequency * np.nan_to_num(iou_class(matrix)), axis=-1))


def cohens_kappa(matrix) -> np.ndarray:
    """(p_o − p_e) / (1 − p_e): agreement beyond the chance agreement of the class frequencies. Shape (…).

    p_o is the pixel accuracy and p_e = Σ_c (Σ_j M_cj)(Σ_i M_ic) / (Σ M)². nan without valid pixels and where p_e = 1
    (truth and prediction only hold one and the same class). Source: Cohen 1960.

    >>> round(float(cohens_kappa([[50, 10], [5, 35]])), 4)  # (0.85 − 0.51)/(1 − 0.51)
    0.6939
    """
    matrix = _checked(matrix)
    total = matrix.sum((-2, -1)).astype(np.float64)
    chance = _ratio(np.sum(matrix.sum(-1).astype(np.float64) * matrix.sum(-2), axis=-1), total**2)
    return _ratio(pixel_accuracy(matrix) - chance, 1.0 - chance)


def _checked(matrix) -> np.ndarray:
    matrix = np.asarray(matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise UsageError(f"a confusion matrix has the shape (…, C, C), received {matrix.shape}")
    return matrix


def _diagonal(matrix: np.ndarray) -> np.ndarray:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _outcomes(matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """TP, FN, FP of every class."""
    matrix = _checked(matrix)
    true_positive = _diagonal(matrix)
    return true_positive, matrix.sum(-1) - true_positive, matrix.sum(-2) - true_positive


def _ratio(numerator, denominator) -> np.ndarray:
    """numerator / denominator in float64, nan where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    full = np.broadcast_to(denominator, np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, full, out=np.full(full.shape, np.nan), where=full != 0)


def _mean_of_counted(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without nans; nan where all values are nan."""
    counted = ~np.isnan(values)
    return _ratio(np.where(counted, values, 0.0).sum(-1), counted.sum(-1))


def _headline(per_class: np.ndarray, matrix) -> np.ndarray:
    if per_class.shape[-1] != 2:
        return _mean_of_counted(per_class)
    foreground = per_class[..., 1]
    has_pixels = np.asarray(matrix).sum((-2, -1)) > 0
    return np.where(np.isnan(foreground) & has_pixels, 1.0, foreground)


def _iou_of_present(matrices, present: str) -> np.ndarray:
    if present not in ("union", "truth"):
        raise UsageError(f"present is 'union' or 'truth', received {present!r}")
    iou = iou_class(matrices)
    return iou if present == "union" else np.where(np.asarray(matrices).sum(-1) > 0, iou, np.nan)
