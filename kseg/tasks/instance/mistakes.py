"""Which objects were found, missed, made up or called by another name, and a picture of it."""

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
    """What became of the objects of an image, and of its detections."""

    found: np.ndarray
    """bool (D,): detections that are an object, or within a crowd"""
    misnamed: np.ndarray
    """bool (D,): detections that would be an object nobody else found, but for their class"""
    missed: np.ndarray
    """bool (G,): true objects that no detection is, however named; no crowd among them"""

    @property
    def false(self) -> np.ndarray:
        """bool (D,): detections where no object is, or one that another detection has taken."""
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
    found, misnamed = (np.zeros(len(prediction), bool) for _ in range(2))
    free = ~truth.crowd
    for row in surest_first:
        fits = (overlap[row] >= OVERLAP) & (truth.classes == prediction.classes[row])
        found[row] = (fits & (free | truth.crowd)).any()
        _take(free, fits, overlap[row])
    for row in surest_first[~found[surest_first]]:
        misnamed[row] = _take(free, overlap[row] >= OVERLAP, overlap[row])
    return Comparison(found, misnamed, free)


def _take(free: np.ndarray, fits: np.ndarray, overlap: np.ndarray) -> bool:
    """Take of the objects that are free and fit the one that is overlapped most; whether there is one."""
    usable = fits & free
    if usable.any():
        free[np.argmax(np.where(usable, overlap, -1.0))] = False
    return bool(usable.any())


def sure(prediction: Instances) -> Instances:
    """The detections that are answers."""
    return prediction if prediction.scores is None else prediction.chosen(prediction.scores >= SURE)


def show_mistakes(image: np.ndarray, truth: Instances, prediction: Instances) -> np.ndarray:
    """The image in pale gray, objects that were missed, made up or misnamed in the color of it, found ones outlined."""
    shown, became = pale(image), compare(truth, prediction)
    for cut in prediction.chosen(became.found).masks.cuts:
        shown[cut.window][outline(cut.inside)] = FOUND
    wrong = (
        (truth.chosen(became.missed), FALSE_NEGATIVE),
        (prediction.chosen(became.misnamed), MIXED_UP),
        (prediction.chosen(became.false), FALSE_POSITIVE),
    )
    for objects, color in wrong:
        for cut in objects.masks.cuts:
            painted(shown[cut.window], cut.inside, color)
    for objects, color in reversed(wrong):  # what lies below others is seen by its outline
        for cut in objects.masks.cuts:
            shown[cut.window][outline(cut.inside)] = color
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)
