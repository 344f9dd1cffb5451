"""Average precision of detected objects by COCO's rules, for boxes, masks or outlines.

Detections of a class are ranked by score. Within an image, each detection in turn takes the free true object with the
largest overlap, if that reaches the threshold. Precision, made monotonic, is read at 101 recalls of the ranking.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.metrics.intervals import Interval, bootstrap_images
from kseg.metrics.object_overlap import boundary_overlap, box_overlap, mask_overlap
from kseg.metrics.whole import class_count
from kseg.structures import Instances

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Pixels of an object, including both bounds."""
MOST = (1, 10, 100)
"""Largest numbers of detections per class and image, the best first."""

OVERLAPS: dict[str, Callable[[Instances, Instances], np.ndarray]] = {
    "boxes": lambda truth, prediction: box_overlap(prediction.boxes, truth.boxes, truth.crowd),
    "masks": lambda truth, prediction: mask_overlap(prediction.masks, truth.masks, truth.crowd),
    "boundary": lambda truth, prediction: boundary_overlap(prediction.masks, truth.masks, truth.crowd),
}


@dataclass(frozen=True)
class Detections:
    """The detections of one class and their matches, best first within an image; A areas, T thresholds."""

    image: np.ndarray
    """int64 (D,): number of the image"""
    rank: np.ndarray
    """int64 (D,): rank within the image, from 0"""
    scores: np.ndarray
    """float64 (D,)"""
    matched: np.ndarray
    """bool (A, T, D): matched with a true object"""
    ignored: np.ndarray
    """bool (A, T, D): neither true nor false positive, since it matches a crowd or is of another area than A's"""


def match_detections(overlap, crowd, ignored, *, thresholds=THRESHOLDS) -> tuple[np.ndarray, np.ndarray]:
    """Matches the detections of one class in one image to true objects.

    Args:
      overlap: float64 (D, G), IoU of every detection, best score first, with every true object.
      crowd: bool (G,): objects that may be matched many times.
      ignored: bool (A, G): objects that do not count, including crowds, for each of A settings.
      thresholds: float64 (T,), the smallest IoU of a match.
    Returns: bool (A, T, D) whether a detection is matched, and whether with an object that does not count.
    Objects that count are preferred to those that do not, even at a smaller overlap; among equal overlaps the last one
    is taken. Source: pycocotools' `evaluateImg`. Deviations: none.

    >>> overlap, crowd, ignored = [[0.8, 0.1], [0.7, 0.6]], [False, False], [[False, False]]
    >>> found, _ = match_detections(overlap, crowd, ignored, thresholds=[0.5])
    >>> found.tolist()  # the second detection takes the second object
    [[[True, True]]]
    """
    overlap, crowd, ignored = np.asarray(overlap, np.float64), np.asarray(crowd, bool), np.asarray(ignored, bool)
    detections, objects = overlap.shape
    shape = (len(ignored), len(thresholds), detections)
    matched, on_ignored = np.zeros(shape, bool), np.zeros(shape, bool)
    if not objects:
        return matched, on_ignored
    enough = np.minimum(thresholds, 1 - 1e-10)[:, None]
    free = np.ones((*shape[:2], objects), bool)
    counts = ~ignored[:, None, :]
    for row in np.flatnonzero((overlap >= enough.min()).any(axis=1)):
        usable = free & (overlap[row] >= enough)
        regular = usable & counts
        has_regular = regular.any(axis=-1)
        candidates = np.where(has_regular[..., None], regular, usable)
        has_match = candidates.any(axis=-1)
        # reversed, so that argmax takes the last object among equal overlaps
        best = objects - 1 - np.argmax(np.where(candidates, overlap[row], -1.0)[..., ::-1], axis=-1)
        matched[..., row], on_ignored[..., row] = has_match, has_match & ~has_regular
        setting, threshold = np.nonzero(has_match)
        taken = best[setting, threshold]
        free[setting, threshold, taken] = crowd[taken]
    return matched, on_ignored


def average_precision_table(
    detections: Detections, positives, *, most: int = MOST[-1]
) -> tuple[np.ndarray, np.ndarray]:
    """Precision at 101 recalls, and the largest recall, of one class.

        p(r) = max {TP / (TP + FP) of the first n detections : their TP / positives ≥ r}

    Args:
      detections: of all images, images in order.
      positives: int (A,), true objects that count.
      most: largest number of detections per image.
    Returns: float64 (A, T, 101) and (A, T); nan without a positive. Without a detection both are 0.
    Source: pycocotools' `accumulate`. Deviations: none.
    """
    keep = np.flatnonzero(detections.rank < most)
    order = keep[np.argsort(-detections.scores[keep], kind="stable")]
    matched, ignored = detections.matched[..., order], detections.ignored[..., order]
    right, wrong = matched & ~ignored, ~matched & ~ignored
    return _curves(np.cumsum(right, axis=-1), np.cumsum(wrong, axis=-1), np.asarray(positives, np.float64)[:, None])


def _curves(right, wrong, positives) -> tuple[np.ndarray, np.ndarray]:
    """Running sums (…, D) and positives (…) to precision (…, 101) and recall (…)."""
    shape = right.shape[:-1]
    positives = np.broadcast_to(positives, shape)
    counted = np.where(positives > 0, positives, 1.0)[..., None]
    recall = right / counted
    precision = right / (right + wrong + np.spacing(1))
    precision = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    # one more 0, for recalls that are not reached
    precision = np.concatenate([precision, np.zeros((*shape, 1))], axis=-1)
    read = np.empty((*shape, len(RECALLS)))
    for index in np.ndindex(shape):
        read[index] = precision[index][np.searchsorted(recall[index], RECALLS, side="left")]
    reached = recall[..., -1] if recall.shape[-1] else np.zeros(shape)
    return np.where(positives[..., None] > 0, read, np.nan), np.where(positives > 0, reached, np.nan)


class InstanceScores:
    """AP and AR of a data set, accumulated image by image.

    Args:
      num_classes: C; classes are 0..C − 1.
      kind: overlap of "masks", "boxes" or "boundary" (boundary AP).
    Source: COCO's evaluation (Lin et al. 2014, pycocotools), boundary AP: Cheng et al. 2021.
    Deviations: a class, area or data set without objects scores nan, in pycocotools −1.

    >>> scene = Instances.of(np.ones((1, 4, 4), bool), [0], scores=[0.9])
    >>> scores = InstanceScores(num_classes=1)
    >>> scores.add(scene, scene)
    >>> round(scores.summary()["AP"], 6), scores.summary()["AR1"]
    (1.0, 1.0)
    """

    def __init__(self, num_classes: int, kind: str = "masks"):
        if kind not in OVERLAPS:
            raise UsageError(f"the kind of overlap is {kind!r}; valid: {', '.join(OVERLAPS)}")
        self.num_classes = class_count(num_classes)
        self.kind = kind
        self.images = 0
        self._parts: list[list[Detections]] = [[] for _ in range(self.num_classes)]
        self._positives: list[np.ndarray] = []

    def add(self, truth: Instances, prediction: Instances, *, areas=None) -> None:
        """Adds one image; equal scores of several images are ranked in the order of the calls.

        Args:
          truth: the true objects; detecting a crowd is neither required nor an error.
          prediction: detections with scores.
          areas: float (G,), pixels of the true objects where a file gives them; None: those of their masks.
        Errors: UsageError for different sizes, predictions without scores, and classes out of range.
        """
        if truth.size != prediction.size:
            raise UsageError(f"truth {truth.size} and prediction {prediction.size} have different sizes")
        if prediction.scores is None:
            raise UsageError("the detections have no scores to rank them by; pass scores=, or 1 for each")
        for objects, of in ((truth, "truth"), (prediction, "prediction")):
            if len(objects) and objects.classes.max() >= self.num_classes:
                raise UsageError(
                    f"the {of} holds the class {objects.classes.max()} outside 0..{self.num_classes - 1}; "
                    "raise num_classes"
                )
        true_areas = truth.masks.areas() if areas is None else np.asarray(areas, np.float64).reshape(len(truth))
        positives = np.zeros((self.num_classes, len(AREAS)), np.int64)
        for label in np.union1d(truth.classes, prediction.classes):
            positives[label] = self._add_class(
                int(label), truth.chosen(truth.classes == label), prediction, true_areas[truth.classes == label]
            )
        self._positives.append(positives)
        self.images += 1

    def _add_class(self, label: int, truth: Instances, prediction: Instances, true_areas) -> np.ndarray:
        """Adds the detections of one class; returns int64 (A,), the number of objects that count."""
        of_class = np.flatnonzero(prediction.classes == label)
        assert prediction.scores is not None
        best_first = of_class[np.argsort(-prediction.scores[of_class], kind="stable")][: MOST[-1]]
        detected = prediction.chosen(best_first)
        low, high = np.array(list(AREAS.values())).T[..., None]
        ignored = truth.crowd | (true_areas < low) | (true_areas > high)
        if len(detected):
            matched, on_ignored = match_detections(OVERLAPS[self.kind](truth, detected), truth.crowd, ignored)
            detected_areas = _box_areas(detected.boxes) if self.kind == "boxes" else detected.masks.areas()
            outside = (detected_areas < low) | (detected_areas > high)
            part = Detections(
                np.full(len(detected), self.images),
                np.arange(len(detected)),
                prediction.scores[best_first],
                matched,
                on_ignored | (~matched & outside[:, None, :]),
            )
            self._parts[label].append(part)
        return np.count_nonzero(~ignored, axis=-1)

    def detections(self, label: int) -> Detections:
        """The detections of one class in all images."""
        parts = self._parts[label]
        if not parts:
            none, nothing = np.zeros(0, np.int64), np.zeros((len(AREAS), len(THRESHOLDS), 0), bool)
            return Detections(none, none, np.zeros(0), nothing, nothing)
        return Detections(
            *(np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in Detections.__annotations__)
        )

    def positives(self) -> np.ndarray:
        """int64 (images, C, A): true objects that count."""
        return np.array(self._positives, np.int64).reshape(self.images, self.num_classes, len(AREAS))

    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Precision float64 (C, M, A, T, 101) and recall (C, M, A, T) for each of `MOST`."""
        positives = self.positives().sum(axis=0)
        of_classes = [
            [average_precision_table(self.detections(label), positives[label], most=most) for most in MOST]
            for label in range(self.num_classes)
        ]
        precision, recall = (np.array([[pair[i] for pair in row] for row in of_classes]) for i in (0, 1))
        return precision, recall

    def summary(self) -> dict[str, float]:
        """COCO's 12 figures: AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl; nan without objects."""
        precision, recall = self.tables()
        best, at = precision[:, -1], {name: row for row, name in enumerate(AREAS)}
        figures = {
            "AP": best[:, at["all"]],
            "AP50": best[:, at["all"], 0],
            "AP75": best[:, at["all"], 5],
            **{f"AP{name[0]}": best[:, at[name]] for name in ("small", "medium", "large")},
            **{f"AR{most}": recall[:, row, at["all"]] for row, most in enumerate(MOST)},
            **{f"AR{name[0]}": recall[:, -1, at[name]] for name in ("small", "medium", "large")},
        }
        return {name: _mean(values) for name, values in figures.items()}

    def class_ap(self, at: float | None = None) -> np.ndarray:
        """float64 (C,): AP of every class, over all `THRESHOLDS` or at one of them; nan without objects."""
        precision = self.tables()[0][:, -1, 0].mean(axis=-1)
        return precision.mean(axis=-1) if at is None else precision[:, int(np.argmin(np.abs(THRESHOLDS - at)))]

    def image_ap(self) -> np.ndarray:
        """float64 (images,): AP of every single image, to find the worst; nan without objects."""
        positives = self.positives()[..., 0]
        values = np.full(positives.shape, np.nan)
        for label in range(self.num_classes):
            detections = self.detections(label)  # images in order
            for image in np.flatnonzero(positives[:, label]):
                first, end = np.searchsorted(detections.image, (image, image + 1))
                of_image = first + np.argsort(-detections.scores[first:end], kind="stable")
                matched, ignored = detections.matched[0][:, of_image], detections.ignored[0][:, of_image]
                right, wrong = (np.cumsum(kind & ~ignored, axis=-1) for kind in (matched, ~matched))
                precision, _ = _curves(right, wrong, positives[image, label].astype(np.float64))
                values[image, label] = precision.mean()
        return np.array([_mean(of_image) for of_image in values])

    def interval(self, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0) -> Interval:
        """Bootstrap interval of AP over images."""
        return bootstrap_images(
            self.images, self._weighted_ap, confidence=confidence, resamples=resamples, seed=seed, chunk=64
        )

    def _weighted_ap(self, weights: np.ndarray) -> np.ndarray:
        """float64 (R,): AP where image i was drawn weights[r, i] times."""
        of_classes = []
        for label in range(self.num_classes):
            detections = self.detections(label)
            order = np.argsort(-detections.scores, kind="stable")
            drawn = weights[:, detections.image[order]][:, None, :]
            matched, ignored = detections.matched[0][:, order], detections.ignored[0][:, order]
            right = np.cumsum(drawn * (matched & ~ignored), axis=-1)
            wrong = np.cumsum(drawn * (~matched & ~ignored), axis=-1)
            positives = weights @ self.positives()[:, label, 0].astype(np.float64)
            precision, _ = _curves(right, wrong, positives[:, None])
            of_classes.append(precision.mean(axis=(-1, -2)))
        values = np.array(of_classes)
        counted = ~np.isnan(values)
        number = counted.sum(axis=0)
        return np.where(number, np.where(counted, values, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)


def _box_areas(boxes: np.ndarray) -> np.ndarray:
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1)


def _mean(values: np.ndarray) -> float:
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if counted.size else float("nan")
