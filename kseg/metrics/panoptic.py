"""Panoptic quality (Kirillov et al. 2019) and boundary panoptic quality (Cheng et al. 2021).

A predicted and a true segment match if they have the same class and their IoU is above ½. Segments of a map do not
overlap, so each has at most one match, and no search is needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.metrics.boundary import boundary_width
from kseg.metrics.segments import Segments, band_overlaps, overlaps, whole_counts

SUMS = ("iou", "tp", "fp", "fn")
"""Last axis of a table of sums (…, C, 4): Σ IoU of the matches, and the numbers of TP, FP and FN segments."""


@dataclass(frozen=True)
class PanopticMatch:
    """The matches of the segments of one image, and the segments without a match."""

    pairs: np.ndarray
    """int64 (M, 2): true and predicted id of each match, ascending"""
    classes: np.ndarray
    """int64 (M,): class of each match"""
    iou: np.ndarray
    """float64 (M,): IoU of each match, above ½"""
    missed: np.ndarray
    """int64 (F, 2): id and class of the true segments without a match: false negatives"""
    false: np.ndarray
    """int64 (F, 2): id and class of the predicted segments without a match that count: false positives"""


def panoptic_match(
    truth,
    prediction,
    true_segments: Segments,
    predicted_segments: Segments,
    *,
    boundary: bool = False,
    width: int | None = None,
    ratio: float = 0.02,
) -> PanopticMatch:
    """Matches of the segments of one image.

        IoU(t, p) = |t ∩ p| / (|t| + |p| − |t ∩ p| − |p ∩ void|)      match: same class, t no crowd, IoU > ½

    Args:
      truth: integers (H, W), segment ids; 0 is void.
      prediction: integers (H, W), segment ids; 0 where nothing is predicted.
      true_segments, predicted_segments: tables of the ids, see `segment_table`, or `segments_of` a `Panoptic`. Crowd
        flags of a prediction are ignored.
      boundary: use min(IoU, boundary IoU) instead of IoU, for boundary PQ.
      width, ratio: of the bands, as in `boundary_iou`.
    Returns:
      the matches. A true segment without a match is a false negative, unless it is a crowd. A predicted segment without
      a match is a false positive, unless more than half of it lies on void and on crowds of its class.
    Empty: a map without segments has no matches; two empty maps have no errors either.
    Errors: as `overlaps`.
    Source: Kirillov et al. 2019, section 4, and their panopticapi; Cheng et al. 2021, section 5.3, and their code.
    Deviations: several crowds of one class count together, while panopticapi takes the last in its list; areas are
      counted from pixels, while panopticapi takes the file's for the truth.

    >>> from kseg.metrics.segments import segment_table
    >>> truth, prediction = np.array([[1, 1], [2, 0]]), np.array([[4, 4], [0, 4]])
    >>> true_segments = segment_table([1, 2], [0, 0], num_classes=1, of="truth")
    >>> predicted_segments = segment_table([4], [0], num_classes=1, of="prediction")
    >>> match = panoptic_match(truth, prediction, true_segments, predicted_segments)
    >>> match.pairs.tolist(), match.iou.round(2).tolist(), match.missed.tolist()
    ([[1, 4]], [1.0], [[2, 0]])
    """
    shared = overlaps(truth, prediction, true_segments, predicted_segments)
    is_true, is_predicted = shared.true >= 0, shared.predicted >= 0
    true_area = whole_counts(shared.true[is_true], shared.pixels[is_true], len(true_segments.ids))
    predicted_area = whole_counts(
        shared.predicted[is_predicted], shared.pixels[is_predicted], len(predicted_segments.ids)
    )

    # 1. pairs that may match: of the same class, without crowds
    true, predicted, pixels = (values[is_true & is_predicted] for values in shared)
    same_class = true_segments.classes[true] == predicted_segments.classes[predicted]
    on_crowd = same_class & true_segments.crowd[true]
    may_match = same_class & ~on_crowd
    nowhere = _on_void(shared, len(predicted_segments.ids))
    forgiven = nowhere + whole_counts(predicted[on_crowd], pixels[on_crowd], len(predicted_segments.ids))
    true, predicted, pixels = true[may_match], predicted[may_match], pixels[may_match]

    # 2. IoU without pixels on void
    iou = pixels / (true_area[true] + predicted_area[predicted] - pixels - nowhere[predicted])
    if boundary:
        width = boundary_width(np.shape(truth), ratio) if width is None else width
        iou = np.minimum(iou, _band_iou(truth, prediction, true_segments, predicted_segments, true, predicted, width))
    matched = iou > 0.5
    true, predicted, iou = true[matched], predicted[matched], iou[matched]

    # 3. segments without a match
    missed = ~true_segments.crowd
    missed[true] = False
    false = 2 * forgiven <= predicted_area
    false[predicted] = False
    return PanopticMatch(
        np.stack([true_segments.ids[true], predicted_segments.ids[predicted]], axis=-1),
        true_segments.classes[true],
        iou,
        np.stack([true_segments.ids[missed], true_segments.classes[missed]], axis=-1),
        np.stack([predicted_segments.ids[false], predicted_segments.classes[false]], axis=-1),
    )


def panoptic_sums(matches: Iterable[PanopticMatch], num_classes: int) -> np.ndarray:
    """float64 (C, 4) of one image or many, see `SUMS`; sums of parts of a data set add up.

    The IoUs are added in the order of the matches, as in panopticapi, so that results are equal to the last digit.

    >>> nothing = np.zeros((0, 2), np.int64)
    >>> match = PanopticMatch(np.array([[7, 3]]), np.array([1]), np.array([0.8]), nothing, np.array([[9, 0]]))
    >>> panoptic_sums([match], 2)
    array([[0. , 0. , 1. , 0. ],
           [0.8, 1. , 0. , 0. ]])
    """
    matches = list(matches)
    if not matches:
        return np.zeros((num_classes, len(SUMS)))
    classes = np.concatenate([match.classes for match in matches])
    iou = np.concatenate([match.iou for match in matches])
    false = np.concatenate([match.false[:, 1] for match in matches])
    missed = np.concatenate([match.missed[:, 1] for match in matches])
    tp, fp, fn = (np.bincount(of, minlength=num_classes) for of in (classes, false, missed))
    return np.stack([np.bincount(classes, iou, minlength=num_classes), tp, fp, fn], axis=-1).astype(np.float64)


def panoptic_quality(sums) -> np.ndarray:
    """PQ of every class: recognition and segmentation of segments in one number.

        PQ = Σ IoU / (TP + ½ FP + ½ FN) = SQ · RQ

    Args:
      sums: float64 (…, C, 4), see `SUMS`, added up over the images.
    Returns: float64 (…, C) within 0..1; nan for a class with TP + FP + FN = 0, which is left out of all means.
    Source: Kirillov et al. 2019, eq. 1. Deviations: none.

    >>> panoptic_quality([[1.6, 2, 1, 1]]).round(3)  # two matches of IoU .8 on average, one false, one missed
    array([0.533])
    """
    iou, tp, fp, fn = _columns(sums)
    return _ratio(iou, tp + 0.5 * fp + 0.5 * fn)


def segmentation_quality(sums) -> np.ndarray:
    """SQ = Σ IoU / TP: mean IoU of the matches of every class, (…, C); 0 without a match, nan as `panoptic_quality`.

    >>> sums = [[0.8, 1, 0, 0], [1.5, 2, 1, 1]]  # of every class: Σ IoU, TP, FP, FN
    >>> segmentation_quality(sums).tolist()  # 0.8/1, 1.5/2
    [0.8, 0.75]
    """
    iou, tp, fp, fn = _columns(sums)
    return np.where(tp + fp + fn > 0, iou / np.maximum(tp, 1), np.nan)


def recognition_quality(sums) -> np.ndarray:
    """RQ = TP / (TP + ½ FP + ½ FN): the F₁ score of finding segments, (…, C); nan as `panoptic_quality`.

    >>> sums = [[0.8, 1, 0, 0], [1.5, 2, 1, 1]]  # of every class: Σ IoU, TP, FP, FN
    >>> recognition_quality(sums).round(4).tolist()  # 1, 2/(2 + ½ + ½)
    [1.0, 0.6667]
    """
    _, tp, fp, fn = _columns(sums)
    return _ratio(tp, tp + 0.5 * fp + 0.5 * fn)


@dataclass(frozen=True)
class PanopticScore:
    """Means over the classes that count; nan if no class counts. PQ = SQ · RQ holds for classes, not for means."""

    pq: float
    sq: float
    rq: float
    classes: int
    """number of classes that count: TP + FP + FN > 0"""


def panoptic_score(sums, among=None) -> PanopticScore:
    """Means of PQ, SQ and RQ over classes; `among`, bool (C,), says which (None: all). Source: panopticapi.

    >>> sums = [[0.8, 1, 0, 0], [1.5, 2, 1, 1]]  # of every class: Σ IoU, TP, FP, FN
    >>> panoptic_score(sums)
    PanopticScore(pq=0.65, sq=0.775, rq=0.8333333333333333, classes=2)
    """
    sums = np.asarray(sums, np.float64)
    if sums.ndim != 2 or sums.shape[-1] != len(SUMS):
        raise UsageError(
            f"a table of sums is (C, {len(SUMS)}), received the shape {sums.shape}; sum over the images first"
        )
    chosen = sums if among is None else sums[np.asarray(among, bool)]
    counted = chosen[chosen[:, 1:].any(axis=1)]
    pq, sq, rq = (
        # not np.mean, whose pairwise sums differ from a loop's in the last digit
        float(sum(score(counted).tolist()) / len(counted)) if len(counted) else float("nan")
        for score in (panoptic_quality, segmentation_quality, recognition_quality)
    )
    return PanopticScore(pq, sq, rq, classes=len(counted))


def panoptic_groups(sums, is_thing) -> dict[str, PanopticScore]:
    """`panoptic_score` of All classes, Things and Stuff; `is_thing` is bool (C,).

    >>> sums = [[0.8, 1, 0, 0], [1.5, 2, 1, 1]]  # of every class: Σ IoU, TP, FP, FN
    >>> panoptic_groups(sums, [True, False])["Things"]
    PanopticScore(pq=0.8, sq=0.8, rq=1.0, classes=1)
    """
    is_thing = np.asarray(is_thing, bool)
    return {
        "All": panoptic_score(sums),
        "Things": panoptic_score(sums, is_thing),
        "Stuff": panoptic_score(sums, ~is_thing),
    }


def _on_void(shared, number: int) -> np.ndarray:
    """int64 (S,): pixels of each predicted segment where the truth has no segment."""
    on_void = (shared.true < 0) & (shared.predicted >= 0)
    return whole_counts(shared.predicted[on_void], shared.pixels[on_void], number)


def _band_iou(truth, prediction, true_segments, predicted_segments, true, predicted, width: int) -> np.ndarray:
    """float64 (P,): IoU of the bands of pairs of rows, without the part of a predicted band on void."""
    bands, true_area, predicted_area = band_overlaps(truth, prediction, true_segments, predicted_segments, width)
    columns = len(predicted_segments.ids)
    both = (bands.true >= 0) & (bands.predicted >= 0)
    keys = bands.true[both] * columns + bands.predicted[both]  # ascending, like the pairs
    wanted = true * columns + predicted
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    pixels = np.where(keys[at] == wanted, bands.pixels[both][at], 0) if len(keys) else np.zeros(len(wanted), np.int64)
    return pixels / (true_area[true] + predicted_area[predicted] - pixels - _on_void(bands, columns)[predicted])


def _columns(sums) -> tuple[np.ndarray, ...]:
    sums = np.asarray(sums, np.float64)
    if not sums.ndim or sums.shape[-1] != len(SUMS):
        raise UsageError(f"sums are (…, classes, {len(SUMS)}): {', '.join(SUMS)}; received the shape {sums.shape}")
    return tuple(np.moveaxis(sums, -1, 0))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), np.nan)
