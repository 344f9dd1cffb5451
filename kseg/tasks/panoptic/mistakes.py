"""Segments found, missed, false and misnamed, and a picture of them."""

from dataclasses import dataclass

import numpy as np

from kseg.metrics.panoptic import PanopticMatch, panoptic_match
from kseg.metrics.segments import segments_of
from kseg.structures import Panoptic
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, FOUND, MIXED_UP, edges, painted, pale


@dataclass(frozen=True)
class Comparison:
    """The true segments of an image compared with the predicted ones."""

    match: PanopticMatch
    """segments of one class that match, are missed or are false, as PQ counts them"""
    misnamed: np.ndarray
    """int64 (K, 2): true and predicted id of each pair of two classes with an IoU above ½"""

    @property
    def missed(self) -> np.ndarray:
        """int64 (F,): ids of true segments, without crowds, that match no predicted segment of any class."""
        return np.setdiff1d(self.match.missed[:, 0], self.misnamed[:, 0])

    @property
    def false(self) -> np.ndarray:
        """int64 (F,): ids of predicted segments that count and match no true segment of any class."""
        return np.setdiff1d(self.match.false[:, 0], self.misnamed[:, 1])

    def confusion(self, truth: Panoptic, prediction: Panoptic, num_classes: int) -> np.ndarray:
        """int64 (C + 1, C + 1): segments by true and predicted class; last row: false, last column: missed.

        Without the diagonal, the sum of a class's row is its FN and that of its column its FP, except for misnamed
        segments with more than half of their pixels on void and crowds.
        """
        true, predicted = (
            np.array([*(segment.class_id for segment in one.segments), num_classes], np.int64)
            for one in (truth, prediction)
        )
        pairs = np.concatenate([self.match.pairs, self.misnamed]) - 1
        rows = np.concatenate([true[pairs[:, 0]], true[self.missed - 1], np.full(len(self.false), num_classes)])
        columns = np.concatenate(
            [predicted[pairs[:, 1]], np.full(len(self.missed), num_classes), predicted[self.false - 1]]
        )
        table = np.zeros((num_classes + 1, num_classes + 1), np.int64)
        np.add.at(table, (rows, columns), 1)
        return table


def compare(truth: Panoptic, prediction: Panoptic) -> Comparison:
    """The matches of PQ and, among the other segments, pairs that would match but for their class.

    >>> from kseg.structures import Segment
    >>> ids = np.array([[1, 1, 2]], np.uint16)
    >>> truth = Panoptic(ids, (Segment(0, thing=False), Segment(2, thing=True)))
    >>> result = compare(truth, Panoptic(ids, (Segment(1, thing=False), Segment(2, thing=True))))
    >>> result.match.pairs.tolist(), result.misnamed.tolist(), result.missed.tolist(), result.false.tolist()
    ([[2, 2]], [[1, 1]], [], [])
    """
    tables = segments_of(truth), segments_of(prediction)
    match = panoptic_match(truth.ids, prediction.ids, *tables)
    of_one_class = [table._replace(classes=np.zeros_like(table.classes)) for table in tables]
    alike = panoptic_match(truth.ids, prediction.ids, *of_one_class).pairs
    # IoU above ½ makes a partner unique, so pairs of one class are the same in both.
    return Comparison(match, alike[~np.isin(alike[:, 0], match.pairs[:, 0])])


def show_mistakes(image: np.ndarray, truth: Panoptic, prediction: Panoptic) -> np.ndarray:
    """The image in pale gray, missed, false and misnamed segments in the colors of mistakes, found ones outlined.

    Shape: uint8 (H, W, 3).
    """
    shown, comparison = pale(image), compare(truth, prediction)
    borders = edges(prediction.ids), edges(truth.ids)
    shown[borders[0] & _pixels(prediction, comparison.match.pairs[:, 1])] = FOUND
    wrong = (
        (_pixels(truth, comparison.missed), borders[1], FALSE_NEGATIVE),
        (_pixels(prediction, comparison.misnamed[:, 1]), borders[0], MIXED_UP),
        (_pixels(prediction, comparison.false), borders[0], FALSE_POSITIVE),
    )
    for pixels, _, color in wrong:
        painted(shown, pixels, color)
    for pixels, border, color in reversed(wrong):  # outlines show the segments that lie below others
        shown[pixels & border] = color
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def _pixels(structure: Panoptic, numbers: np.ndarray) -> np.ndarray:
    """bool (H, W): the pixels of these segments."""
    chosen = np.zeros(len(structure.segments) + 1, bool)
    chosen[numbers] = True
    return chosen[structure.ids]
