"""Overlaps of the segments of two id maps in pixels, and overlaps of the bands inside their outlines."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import find_objects

from kseg.errors import UsageError
from kseg.metrics.boundary import inner_band
from kseg.structures import NO_SEGMENT, Panoptic
from kseg.wording import listed

_INSIDE = -1
"""Marks pixels of a segment outside its band; ids are never negative."""


class Segments(NamedTuple):
    """The segments of an id map, one entry per segment."""

    ids: np.ndarray
    """int64 (S,), ascending"""
    classes: np.ndarray
    """int64 (S,), class of each"""
    crowd: np.ndarray
    """bool (S,): a region of several objects that are not separated"""


class Overlaps(NamedTuple):
    """Pairs of segments that share pixels; row −1 is `NO_SEGMENT`."""

    true: np.ndarray
    """int64 (P,), rows of the true segments, pairs in the order of (true id, predicted id)"""
    predicted: np.ndarray
    """int64 (P,), rows of the predicted segments"""
    pixels: np.ndarray
    """int64 (P,), pixels that a pair shares"""


def segment_table(ids, classes, crowd=None, *, num_classes: int, of: str) -> Segments:
    """Checked `Segments` in ascending order of ids.

    Args:
      ids: unique integers (S,) from 1 up.
      classes: integers (S,) in 0..num_classes − 1.
      crowd: booleans (S,); None: no segment is a crowd.
      of: "truth" or "prediction", for error messages.
    Errors: UsageError for different lengths, an id below 1 or given twice, and a class out of range.

    >>> segment_table([7, 3], [0, 1], num_classes=2, of="truth").ids.tolist()
    [3, 7]
    """
    ids, classes = (np.asarray(values, np.int64).reshape(-1) for values in (ids, classes))
    crowd = np.zeros(len(ids), bool) if crowd is None else np.asarray(crowd, bool).reshape(-1)
    if not len(ids) == len(classes) == len(crowd):
        raise UsageError(
            f"the {of} has {len(ids)} ids, {len(classes)} classes and {len(crowd)} crowd flags; give one per segment"
        )
    order = np.argsort(ids, kind="stable")
    ids, classes, crowd = ids[order], classes[order], crowd[order]
    if len(ids) and ids[0] <= NO_SEGMENT:
        raise UsageError(f"the {of} has a segment with the id {ids[0]}; give ids from 1 up, since 0 is no segment")
    if (twice := ids[1:][ids[1:] == ids[:-1]]).size:
        raise UsageError(
            f"the id {twice[0]} stands for two segments of the {of}; segments cannot overlap, so give each its own id"
        )
    if (outside := (classes < 0) | (classes >= num_classes)).any():
        row = int(np.argmax(outside))
        raise UsageError(
            f"segment {ids[row]} of the {of} has the class {classes[row]} outside 0..{num_classes - 1}; "
            "give it a known class or leave its pixels without a segment"
        )
    return Segments(ids, classes, crowd)


def segments_of(structure: Panoptic) -> Segments:
    """The table of a structure's segments, whose map is `structure.ids`.

    >>> from kseg.structures import Segment
    >>> ids = np.array([[0, 1], [2, 2]], np.uint16)
    >>> segments_of(Panoptic(ids, (Segment(5, thing=True), Segment(7, thing=False)))).classes.tolist()
    [5, 7]
    """
    described = structure.segments
    return Segments(
        np.arange(1, len(described) + 1),
        np.array([segment.class_id for segment in described], np.int64),
        np.array([segment.crowd for segment in described], bool),
    )


def overlaps(truth, prediction, true_segments: Segments, predicted_segments: Segments) -> Overlaps:
    """Pixels of every pair of segments of two id maps (H, W).

    Errors: UsageError for maps that are no integers (H, W) or differ in size, ids without an entry, and entries without
    a pixel.
    """
    truth, prediction = id_map(truth, "truth"), id_map(prediction, "prediction")
    if truth.shape != prediction.shape:
        raise UsageError(f"truth {truth.shape} and prediction {prediction.shape} have different sizes")
    true_ids, predicted_ids, pixels = _shared_pixels(truth, prediction)
    true_rows = _rows(true_ids, true_segments.ids, "truth")
    predicted_rows = _rows(predicted_ids, predicted_segments.ids, "prediction")
    for rows, segments, of in ((true_rows, true_segments, "truth"), (predicted_rows, predicted_segments, "prediction")):
        missing = np.setdiff1d(np.arange(len(segments.ids)), rows)
        if missing.size:
            gone = listed(segments.ids[missing])
            raise UsageError(f"no pixel of the {of} has the ids {{{gone}}} of its segments; remove these segments")
    return Overlaps(true_rows, predicted_rows, pixels)


def band_overlaps(
    truth, prediction, true_segments: Segments, predicted_segments: Segments, width: int
) -> tuple[Overlaps, np.ndarray, np.ndarray]:
    """`Overlaps` of the bands of `width` pixels inside each segment's outline, and both sides' band areas, int64 (S,).

    A pair with row −1 in `true` is a predicted band where the truth has no segment.
    """
    bands = [
        _bands(id_map(ids, of), segments, width)
        for ids, segments, of in ((truth, true_segments, "truth"), (prediction, predicted_segments, "prediction"))
    ]
    true_ids, predicted_ids, pixels = _shared_pixels(*bands)
    areas = []
    for ids, segments in ((true_ids, true_segments), (predicted_ids, predicted_segments)):
        in_band = ids > NO_SEGMENT
        rows = np.searchsorted(segments.ids, ids[in_band])
        areas.append(whole_counts(rows, pixels[in_band], len(segments.ids)))
    counted = (true_ids != _INSIDE) & (predicted_ids != _INSIDE)
    true_rows, predicted_rows = (
        np.where(ids[counted] == NO_SEGMENT, -1, np.searchsorted(segments.ids, ids[counted]))
        for ids, segments in ((true_ids, true_segments), (predicted_ids, predicted_segments))
    )
    return Overlaps(true_rows, predicted_rows, pixels[counted]), areas[0], areas[1]


def id_map(ids, of: str) -> np.ndarray:
    """`ids` as an array of nonnegative integers (H, W)."""
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise UsageError(f"the {of} is a map of segment ids (H, W), integers, received {ids.dtype} {ids.shape}")
    if ids.size and not 0 <= ids.min() <= ids.max() < 1 << 31:
        raise UsageError(f"the {of} holds ids from {ids.min()} to {ids.max()}; ids are 0..2147483647")
    return ids


def whole_counts(rows: np.ndarray, pixels: np.ndarray, number: int) -> np.ndarray:
    """int64 (number,): pixels summed by row; float64 sums of whole numbers are exact up to 2⁵³."""
    return np.bincount(rows, pixels, minlength=number).astype(np.int64)


def _shared_pixels(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of values (ascending) and their pixels, int64 (P,) each.

    A row of a map has few runs of equal pixels, and sorting runs is faster than sorting pixels.
    """
    first, second = first.ravel(), second.ravel()
    if not first.size:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    changes = np.flatnonzero((first[1:] != first[:-1]) | (second[1:] != second[:-1])) + 1
    starts = np.concatenate([[0], changes])
    lengths = np.diff(starts, append=first.size)
    # Negative values of either half sort first: the first half is signed, and the second is shifted to be nonnegative.
    keys = (first[starts].astype(np.int64) << 32) + (second[starts].astype(np.int64) - _INSIDE)
    pairs, where = np.unique(keys, return_inverse=True)
    return pairs >> 32, (pairs & 0xFFFFFFFF) + _INSIDE, whole_counts(where, lengths, len(pairs))


def _rows(ids: np.ndarray, known: np.ndarray, of: str) -> np.ndarray:
    """Row of each id in the ascending `known`; −1 for `NO_SEGMENT`."""
    rows = np.searchsorted(known, ids)
    is_listed = ids == NO_SEGMENT
    is_listed[~is_listed] = np.isin(ids[~is_listed], known)
    if not is_listed.all():
        unknown = listed(np.unique(ids[~is_listed]))
        raise UsageError(f"pixels of the {of} have the ids {{{unknown}}}, which are not among its segments; list them")
    return np.where(ids == NO_SEGMENT, -1, rows)


def _bands(ids: np.ndarray, segments: Segments, width: int) -> np.ndarray:
    """int64 (H, W): the id in the band of a segment, `_INSIDE` in the rest of it, `NO_SEGMENT` elsewhere."""
    rows = np.where(ids == NO_SEGMENT, 0, np.searchsorted(segments.ids, ids) + 1)
    bands = np.where(rows > 0, _INSIDE, NO_SEGMENT)
    for row, window in enumerate(find_objects(rows, max_label=len(segments.ids)), 1):
        if window is not None:
            # The segment has no pixel outside its bounding box, so erosion there equals erosion in the image.
            bands[window][inner_band(rows[window] == row, None, width)] = segments.ids[row - 1]
    return bands
