"""The objects of an image, with masks, boxes and classes: the structure of instance segmentation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kseg.conventions import MAX_CLASSES, VOID
from kseg.errors import UsageError
from kseg.structures.base import Structure, check_map
from kseg.structures.label_map import LabelMap
from kseg.structures.masks import Cut, Masks
from kseg.structures.moves import Move, Size

NOTHING = 0
"""In an id map: a pixel of no object."""


@dataclass(frozen=True, eq=False)
class Instances(Structure):
    """N objects, which may overlap; the objects of a prediction have scores.

    A move drops the objects of which no pixel is left. A box moves with its object. It stays exact where the whole
    object is kept; where a window or a warp cuts the object, it becomes the smallest box around the rest.

    >>> one = Instances.of(np.array([[[True, False, False]]]), classes=[3])
    >>> one.boxes.tolist(), one.flipped().boxes.tolist()
    ([[0.0, 0.0, 1.0, 1.0]], [[0.0, 2.0, 1.0, 3.0]])
    """

    boxes: np.ndarray
    """float64 (N, 4): y1, x1, y2, x2, continuous in [0, H] × [0, W]"""
    classes: np.ndarray
    """int64 (N,): class ids 0..254, the same as in a label map"""
    masks: Masks
    """N masks of size (H, W); `masks.array()` is bool (N, H, W)"""
    crowd: np.ndarray
    """bool (N,): a region of many objects that are not separated; detecting it is neither required nor an error"""
    scores: np.ndarray | None = None
    """float64 (N,): the confidence of each prediction, 0..1"""

    def __post_init__(self) -> None:
        if not isinstance(self.masks, Masks):
            raise UsageError(f"masks are {type(self.masks).__name__}; Instances.of takes them as bool (N, H, W)")
        count = len(self.masks)
        _check(self.boxes, np.float64, (count, 4), "boxes")
        _check(self.classes, np.int64, (count,), "classes")
        _check(self.crowd, np.bool_, (count,), "crowd")
        if count and not (self.classes.min() >= 0 and self.classes.max() < MAX_CLASSES):
            raise UsageError(f"classes are {self.classes.tolist()}; class ids are 0..{MAX_CLASSES - 1}")
        ordered = (self.boxes[:, :2] <= self.boxes[:, 2:]).all(axis=1)
        inside = ((self.boxes >= 0) & (self.boxes <= (*self.size, *self.size))).all(axis=1)  # False for NaN
        if not (ordered & inside).all():
            first = int(np.argmin(ordered & inside))
            raise UsageError(
                f"box {first} is {self.boxes[first].tolist()}; boxes are y1, x1, y2, x2 with y1 ≤ y2 and x1 ≤ x2 "
                f"within {self.size[0]}×{self.size[1]} pixels; cut them at the border"
            )
        if self.scores is not None:
            _check(self.scores, np.float64, (count,), "scores")
            if not ((self.scores >= 0) & (self.scores <= 1)).all():
                raise UsageError(f"scores are {self.scores.tolist()}; give probabilities, 0..1")

    @classmethod
    def of(
        cls,
        masks: Masks | np.ndarray,
        classes: Sequence[int] | np.ndarray,
        *,
        boxes: np.ndarray | None = None,
        crowd: Sequence[bool] | np.ndarray | None = None,
        scores: Sequence[float] | np.ndarray | None = None,
    ) -> "Instances":
        """From masks, bool (N, H, W), and further fields; by default the smallest boxes, and no crowd."""
        held = masks if isinstance(masks, Masks) else Masks.of(masks)
        return cls(
            boxes=held.boxes() if boxes is None else np.asarray(boxes, np.float64).reshape(-1, 4),
            classes=np.asarray(classes, np.int64).reshape(-1),
            masks=held,
            crowd=np.zeros(len(held), bool) if crowd is None else np.asarray(crowd, bool).reshape(-1),
            scores=None if scores is None else np.asarray(scores, np.float64).reshape(-1),
        )

    @classmethod
    def from_id_map(
        cls, ids: np.ndarray, classes: Sequence[int], *, crowd: Sequence[bool] | None = None
    ) -> "Instances":
        """From int32 (H, W) in which object n, counted from 1, has the pixels n; its class is `classes[n − 1]`."""
        check_map(ids, np.int32, "an id map")
        if ids.min() < 0 or ids.max() > len(classes):
            raise UsageError(
                f"an id map holds {ids.min()}..{ids.max()} but {len(classes)} classes were given; 0 is no object, and "
                "each id from 1 on is an object with a class"
            )
        cuts = tuple(_cuts_of(ids, len(classes)))
        return cls.of(Masks((ids.shape[0], ids.shape[1]), cuts), classes, crowd=crowd)

    @property
    def size(self) -> Size:
        return self.masks.size

    @property
    def nbytes(self) -> int:
        return self.masks.nbytes + self.boxes.nbytes + self.classes.nbytes + self.crowd.nbytes

    def __len__(self) -> int:
        return len(self.masks)

    def id_map(self) -> np.ndarray:
        """int32 (H, W): n where object n lies, counted from 1, or 0; where objects overlap, the last one."""
        ids = np.full(self.size, NOTHING, np.int32)
        for number, cut in enumerate(self.masks.cuts, start=1):
            ids[cut.window][cut.inside] = number
        return ids

    def semantic(self) -> LabelMap:
        """The class of every pixel, crowds included: 0 where no object is, void where objects of two classes overlap.

        >>> Instances.of(np.array([[[True, True, False]], [[False, True, False]]]), classes=[3, 4]).semantic().ids
        array([[  3, 255,   0]], dtype=uint8)
        """
        ids = np.zeros(self.size, np.uint8)
        for class_id, cut in zip(self.classes.tolist(), self.masks.cuts, strict=True):
            below = ids[cut.window]
            # It is unknown which of the two lies in front.
            below[cut.inside] = np.where(np.isin(below, (0, class_id)), class_id, VOID)[cut.inside]
        return LabelMap(ids)

    def chosen(self, indices: Sequence[int] | np.ndarray) -> "Instances":
        """The objects `indices`, in this order; or those where a bool (N,) is True."""
        indices = np.asarray(indices)
        indices = np.flatnonzero(indices) if indices.dtype == bool else indices.astype(np.intp)
        return Instances(
            boxes=self.boxes[indices],
            classes=self.classes[indices],
            masks=self.masks.chosen(indices),
            crowd=self.crowd[indices],
            scores=None if self.scores is None else self.scores[indices],
        )

    def relabeled(self, table: np.ndarray, *, background: bool = True) -> "Instances":
        classes = table[self.classes].astype(np.int64)
        left = (classes != VOID) & ~((classes == 0) & background)
        return replace(self.chosen(left), classes=classes[left])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Instances):
            return NotImplemented
        scores, other_scores = self.scores, other.scores
        if scores is None or other_scores is None:
            same_scores = scores is other_scores
        else:
            same_scores = np.array_equal(scores, other_scores)
        return (
            self.masks == other.masks
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in ("boxes", "classes", "crowd"))
            and same_scores
        )

    __hash__ = None  # type: ignore[assignment]

    def _moved(self, move: Move) -> "Instances":
        masks = self.masks.moved(move)
        boxes, whole = move.of_boxes(self.boxes)
        had_pixels, has_pixels = self.masks.areas() > 0, masks.areas() > 0
        boxes = np.where((has_pixels & ~whole)[:, None], masks.boxes(), boxes)
        # A detection with an empty mask consists of its box.
        has_box = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
        moved = Instances(boxes, self.classes, masks, self.crowd, self.scores)
        return moved.chosen(np.where(had_pixels, has_pixels, has_box))


def _cuts_of(ids: np.ndarray, count: int) -> list[Cut]:
    """The mask of each id 1 … count; one pass over the map finds all windows."""
    from scipy import ndimage

    windows = ndimage.find_objects(ids, max_label=count)
    empty = Cut(np.zeros((0, 0), bool))
    return [
        empty if window is None else Cut(ids[window] == number, window[0].start, window[1].start)
        for number, window in enumerate(windows, start=1)
    ]


def _check(array: np.ndarray, dtype: type, shape: tuple[int, ...], what: str) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
        given = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise UsageError(
            f"{what} of {shape[0]} objects have to be {np.dtype(dtype)} {shape}, not {given}; "
            "Instances.of converts lists and fills in defaults"
        )
