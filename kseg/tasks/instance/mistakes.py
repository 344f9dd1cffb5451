"""Objects found, missed, false and misnamed, and a picture of them."""

from typing import NamedTuple

import numpy as np

from kseg.metrics.object_overlap import mask_overlap
from kseg.structures import Instances
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, FOUND, MIXED_UP, outline, painted, pale

OVERLAP = 0.5
"""IoU from which a detection counts as the object."""

SURE = 0.5
"""The score from which a detection is an answer."""


class Comparison(NamedTuple):
    """The objects of an image compared with its detections."""

    found: np.ndarray
    """bool (D,): detections that match an object, or lie within a crowd"""
    misnamed: np.ndarray
    """bool (D,): detections of the wrong class that otherwise match an object which no other detection took"""
    missed: np.ndarray
    """bool (G,): true objects without a detection of any class, crowds excepted"""

    @property
    def false(self) -> np.ndarray:
        """bool (D,): detections without an object, or of an object that another detection took."""
        return ~self.found & ~self.misnamed


def compare(truth: Instances, prediction: Instances) -> Comparison:
    """Each detection in turn, the surest first, takes the free object of its class that it overlaps most.

    >>> scene = Instances.of(np.array([[[True, False]], [[False, True]]]), [1, 1])
    >>> result = compare(scene, Instances.of(np.array([[[True, False]]]), [2], scores=[0.9]))
    >>> result.found.tolist(), result.misnamed.tolist(), result.missed.tolist()
    ([False], [True], [False, True])
    """
    overlap = mask_overlap(prediction.masks, truth.masks, truth.crowd)
    surest_first = np.arange(len(prediction))
    if prediction.scores is not None:
        surest_first = np.argsort(-prediction.scores, kind="stable")
    correct, misnamed = (np.zeros(len(prediction), bool) for _ in range(2))
    free = ~truth.crowd
    for row in surest_first:
        fits = (overlap[row] >= OVERLAP) & (truth.classes == prediction.classes[row])
        correct[row] = (fits & (free | truth.crowd)).any()
        _take(free, fits, overlap[row])
    for row in surest_first[~correct[surest_first]]:
        misnamed[row] = _take(free, overlap[row] >= OVERLAP, overlap[row])
    return Comparison(correct, misnamed, free)


def _take(free: np.ndarray, fits: np.ndarray, overlap: np.ndarray) -> bool:
    """Take the free and fitting object of the largest overlap; returns whether there is one."""
    usable = fits & free
    if usable.any():
        free[np.argmax(np.where(usable, overlap, -1.0))] = False
    return bool(usable.any())


def sure(prediction: Instances) -> Instances:
    """The detections that are answers."""
    return prediction if prediction.scores is None else prediction.chosen(prediction.scores >= SURE)


def show_mistakes(image: np.ndarray, truth: Instances, prediction: Instances) -> np.ndarray:
    """The image in pale gray, missed, false and misnamed objects in the colors of mistakes, found ones outlined."""
    shown, comparison = pale(image), compare(truth, prediction)
    for cut in prediction.chosen(comparison.found).masks.cuts:
        shown[cut.window][outline(cut.inside)] = FOUND
    wrong = (
        (truth.chosen(comparison.missed), FALSE_NEGATIVE),
        (prediction.chosen(comparison.misnamed), MIXED_UP),
        (prediction.chosen(comparison.false), FALSE_POSITIVE),
    )
    for objects, color in wrong:
        for cut in objects.masks.cuts:
            painted(shown[cut.window], cut.inside, color)
    for objects, color in reversed(wrong):  # outlines show the objects that lie below others
        for cut in objects.masks.cuts:
            shown[cut.window][outline(cut.inside)] = color
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)
