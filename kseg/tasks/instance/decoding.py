"""From the detections of a network to objects: boxes are scaled, masks pasted into the picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from kseg.errors import Failure, UsageError
from kseg.structures import Instances
from kseg.structures.masks import Cut, Masks
from kseg.structures.moves import Size

DETECTIONS = ("boxes", "scores", "classes", "masks", "valid", "size")
"""The outputs of a network for D detections: "boxes" (D, 4), y1, x1, y2, x2 in pixels of the image as it was fed;
"scores" (D,), 0..1; "classes" (D,), class ids; "masks" (D, S, S), the probability that the object covers each cell of
its box; "valid" (D,), 0 where there is no detection; and "size" (2,), the height and width of the image as fed."""

WHOLE_PIXELS = "whole_pixels"
"""A further output of networks whose masks are made for boxes of whole pixels (`pasted_in_whole_pixels`): 1."""

INSIDE = 0.5
"""The probability from which a pixel belongs to an object."""

ROUNDING = 1e-3
"""Half precision may put a probability this far outside of [0, 1]."""

Detections = Mapping[str, np.ndarray]


def misfit(outputs: Any) -> str:
    """Why a model with these outputs gives no detections; "" where it does."""
    names = tuple(outputs) if isinstance(outputs, dict) else ()
    missing = [name for name in DETECTIONS if name not in names]
    if not missing:
        return ""
    given = ", ".join(names) if names else "no outputs by name"
    return f"it should give {', '.join(DETECTIONS)}; it gives {given}: build it as a model of the task instance"


def names_in(outputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The outputs that detections are decoded from."""
    return (*DETECTIONS, WHOLE_PIXELS) if WHOLE_PIXELS in outputs else DETECTIONS


def checked(outputs: Detections) -> dict[str, np.ndarray]:
    """The detections of a batch.

    Raises:
      Failure: nan or infinity.
      UsageError: scores or masks outside of [0, 1].
    """
    detections = {name: np.asarray(outputs[name]) for name in names_in(outputs)}
    for name in ("boxes", "scores", "masks"):
        if not np.isfinite(detections[name]).all():
            raise Failure(
                "the model gives nan or infinity: its weights are not finite; take an earlier or another model"
            )
    for name in ("scores", "masks"):
        values = detections[name]
        lowest, highest = float(values.min(initial=0)), float(values.max(initial=0))
        if lowest < -ROUNDING or highest > 1 + ROUNDING:
            raise UsageError(
                f"the model gives {name} from {lowest:.3g} to {highest:.3g} where probabilities in [0, 1] are wanted; "
                "if it gives logits, add a sigmoid"
            )
        detections[name] = np.clip(values, 0, 1)
    return detections


def resized(outputs: Detections, size: Sequence[int]) -> dict[str, np.ndarray]:
    """The detections in pixels of an image of another size (h, w)."""
    scale = np.asarray(size, np.float64) / outputs["size"]
    boxes = outputs["boxes"] * np.tile(scale, 2)
    return {**outputs, "boxes": boxes, "size": np.asarray(size, np.float32)}


def served(outputs: Mapping[str, Any], size: tuple[Any, Any]) -> dict[str, Any]:
    """The detections of a batch as tensors, in pixels of images of another size (h, w)."""
    fed = ops.cast(outputs["size"], "float32")
    wanted = ops.stack([ops.cast(side, "float32") for side in size])[None, :] + 0 * fed
    scale = wanted / fed
    boxes = ops.cast(outputs["boxes"], "float32") * ops.concatenate([scale, scale], axis=-1)[:, None, :]
    floats = {name: ops.cast(outputs[name], "float32") for name in ("scores", "masks", "valid")}
    given = {"boxes": boxes, **floats, "classes": ops.cast(outputs["classes"], "int32"), "size": wanted}
    return {name: given[name] for name in DETECTIONS}


def difference(one: Detections, other: Detections) -> float:
    """The largest difference between two sets of detections of an image: of scores, masks, and boxes as shares of the
    image's sides.

    A detection is compared with the detection of the same class in the other set whose box is nearest. Without one, its
    score is the difference. Detections of equal scores may change places, so the order does not count.
    """
    sides = np.tile(np.asarray(one["size"], np.float64), 2)
    largest = 0.0
    for given, beside in ((one, other), (other, one)):
        there = np.flatnonzero(np.asarray(beside["valid"]) > 0)
        for row in np.flatnonzero(np.asarray(given["valid"]) > 0):
            alike = there[np.asarray(beside["classes"])[there] == given["classes"][row]]
            score = float(given["scores"][row])
            if not len(alike):
                largest = max(largest, score)
                continue
            apart = np.abs((np.asarray(beside["boxes"])[alike] - given["boxes"][row]) / sides).max(axis=1)
            apart = np.maximum(apart, np.abs(np.asarray(beside["scores"])[alike] - score))
            nearest = int(np.argmin(apart))
            masks = np.abs(beside["masks"][alike[nearest]] - given["masks"][row]).max()
            largest = max(largest, min(score, max(float(apart[nearest]), float(masks))))
    return largest


def decoded(outputs: Detections, *, threshold: float) -> Instances:
    """The detections with a score of at least `threshold`, in their order, each with its box, cut at the border."""
    height, width = size = (int(outputs["size"][0]), int(outputs["size"][1]))
    boxes = np.clip(np.asarray(outputs["boxes"], np.float64), 0, (height, width, height, width))
    there = (np.asarray(outputs["valid"]) > 0) & (outputs["scores"] >= threshold)
    there &= (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    in_whole_pixels = bool(np.any(outputs.get(WHOLE_PIXELS, 0)))
    cuts = tuple(
        pasted_in_whole_pixels(mask, box, size) if in_whole_pixels else pasted(mask, box)
        for mask, box in zip(outputs["masks"][there], boxes[there], strict=True)
    )
    return Instances.of(
        Masks(size, cuts), outputs["classes"][there], boxes=boxes[there], scores=outputs["scores"][there]
    )


def pasted(mask: np.ndarray, box: np.ndarray) -> Cut:
    """A mask (S, S), probabilities within a box, as pixels of the picture.

    A pixel with its center in the box belongs to the object where the mask, interpolated there, is at least ½.

    >>> pasted(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([3.0, 0.0, 4.0, 2.0]))
    Cut(inside=array([[ True]]), top=3, left=0)
    """
    top, rows = _weights(box[0], box[2], mask.shape[0])
    left, columns = _weights(box[1], box[3], mask.shape[1])
    return Cut.of(rows @ mask @ columns.T >= INSIDE, top, left)


def pasted_in_whole_pixels(mask: np.ndarray, box: np.ndarray, size: Size) -> Cut:
    """A mask (S, S) as pixels of a picture of `size`, by torchvision's rule, for which its own weights are trained.

    The mask gets a border of zeros, and the box grows by as much. The corners of the box lose their fractions, and name
    its first and its last pixel.

    >>> pasted_in_whole_pixels(np.ones((4, 4)), np.array([2.5, 0.0, 4.5, 2.0]), (6, 6))
    Cut(inside=array([[ True,  True,  True],
           [ True,  True,  True]]), top=3, left=0)
    """
    side = len(mask) + 2
    center, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * side / len(mask)
    first, last = np.trunc(center - half).astype(int), np.trunc(center + half).astype(int)
    counts = np.maximum(last - first + 1, 1)
    rows, columns = (_weights(0, count, side)[1] for count in counts)
    inside = rows @ np.pad(mask, 1) @ columns.T >= INSIDE
    top, left = np.maximum(first, 0)
    bottom, right = np.minimum(first + counts, size)
    return Cut.of(inside[top - first[0] : bottom - first[0], left - first[1] : right - first[1]], int(top), int(left))


def _weights(start: float, end: float, side: int) -> tuple[int, np.ndarray]:
    """The first pixel with its center in [start, end), and float64 (pixels, side): what each reads of `side` cells."""
    first, last = int(np.ceil(start - 0.5)), int(np.ceil(end - 0.5))
    centers = np.arange(first, last) + 0.5
    position = np.clip((centers - start) * (side / (end - start)) - 0.5, 0, side - 1)
    low = np.minimum(position.astype(int), max(side - 2, 0))
    weights = np.zeros((len(centers), side))
    share = position - low
    pixels = np.arange(len(centers))
    weights[pixels, low] = 1 - share
    weights[pixels, np.minimum(low + 1, side - 1)] += share
    return first, weights
