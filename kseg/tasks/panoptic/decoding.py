"""From the outputs of a panoptic network, for objects and for pixels, to segments."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from kseg.datasets.images import resize_probabilities
from kseg.layers import resize
from kseg.structures import FusionOptions, Instances, LabelMap, Panoptic, fuse
from kseg.tasks.instance import decoding as of_objects
from kseg.tasks.instance.decoding import DETECTIONS
from kseg.tasks.panoptic.kinds import Kinds
from kseg.tasks.semantic.decoding import predicted_labels
from kseg.tasks.semantic.probabilities import checked as checked_probabilities

ANSWERS = (*DETECTIONS, "semantic", "things", "fusion")
"""The outputs of a network for an image: the detections of an instance network, whose "classes" are class ids;
"semantic" (H, W, S + 1), the probabilities of each kind of stuff, by class id, and of a thing; "things" (C,), 1 for a
class of which there are objects; and "fusion" (3,), confidence, overlap and stuff area (`FusionOptions`)."""

PanopticOutputs = Mapping[str, np.ndarray]


def misfit(outputs: Any, classes: Sequence[str]) -> str:
    """Why a model with these outputs cannot answer for the classes; "" where it can."""
    names = tuple(outputs) if isinstance(outputs, dict) else ()
    if missing := [name for name in ANSWERS if name not in names]:
        given = ", ".join(names) if names else "no outputs by name"
        return f"it lacks {', '.join(missing)}; it gives {given}: build it as a model of the task panoptic"
    count = outputs["things"].shape[-1]
    if count != len(classes):
        return f"it tells things from stuff among {count} classes, and the classes are {', '.join(classes)}"
    return ""


def checked(outputs: PanopticOutputs) -> dict[str, np.ndarray]:
    """The answers of a batch.

    Raises:
      Failure: nan or infinity.
      UsageError: scores, masks or probabilities outside of [0, 1].
    """
    semantic = checked_probabilities(np.asarray(outputs["semantic"]))
    others = {name: np.asarray(outputs[name]) for name in ("things", "fusion")}
    return {**of_objects.checked(outputs), "semantic": semantic, **others}


def kinds_of(outputs: PanopticOutputs) -> Kinds:
    """Which classes are things, from the outputs of an image."""
    return Kinds(tuple((np.asarray(outputs["things"]) > 0).tolist()))


def fusion_of(outputs: PanopticOutputs) -> FusionOptions:
    """The thresholds that a network carries."""
    confidence, overlap, area = np.asarray(outputs["fusion"], np.float64).round(6).tolist()
    return FusionOptions(confidence, overlap, round(area))


def objects_of(outputs: PanopticOutputs, size: Sequence[int] | None = None) -> Instances:
    """All detections with their scores, in an image of `size` (default: the size as fed)."""
    return of_objects.decoded(outputs if size is None else of_objects.resized(outputs, size), threshold=0.0)


def stuff_of(outputs: PanopticOutputs, size: Sequence[int] | None = None) -> LabelMap:
    """The kind of stuff of every pixel; void where a thing is more probable."""
    labels = predicted_labels(outputs["semantic"], None if size is None else (size[0], size[1]))
    return LabelMap(kinds_of(outputs).class_of_pixel[labels])


def decoded(
    outputs: PanopticOutputs, size: Sequence[int] | None = None, options: FusionOptions | None = None
) -> Panoptic:
    """Objects and stuff fused; `options`: None for the thresholds that the outputs carry."""
    things = kinds_of(outputs).things.tolist()
    return fuse(objects_of(outputs, size), stuff_of(outputs, size), things, options or fusion_of(outputs))


def resized(outputs: PanopticOutputs, size: Sequence[int]) -> dict[str, np.ndarray]:
    """The outputs, resized for an image of another size (h, w)."""
    semantic = np.asarray(resize_probabilities(outputs["semantic"], (size[0], size[1])), np.float32)
    return {**of_objects.resized(outputs, size), "semantic": semantic}


def reordered(outputs: PanopticOutputs, order: Sequence[int]) -> dict[str, np.ndarray]:
    """The outputs with other class ids: class i of the result is class `order[i]` of `outputs`."""
    before, places = kinds_of(outputs), np.asarray(order)
    after = Kinds(tuple(before.is_thing[place] for place in places.tolist()))
    channels = [*before.pixel_label[places[after.stuff]].tolist(), len(before.stuff)]
    return {
        **outputs,
        "classes": np.argsort(places)[outputs["classes"]],
        "semantic": outputs["semantic"][..., channels],
        "things": np.asarray(outputs["things"])[places],
    }


def served(outputs: Mapping[str, Any], size: tuple[Any, Any]) -> dict[str, Any]:
    """The outputs of a batch as tensors, for images of another size (h, w)."""
    given = of_objects.served(outputs, size)
    semantic = ops.clip(ops.cast(outputs["semantic"], "float32"), 0.0, 1.0)
    given["semantic"] = resize(semantic, size)
    return given | {name: ops.cast(outputs[name], "float32") for name in ("things", "fusion")}


def difference(one: PanopticOutputs, other: PanopticOutputs) -> float:
    """The largest difference between two outputs of an image: of the detections, and of all other numbers."""
    beside = [float(np.abs(np.asarray(one[name]) - other[name]).max()) for name in ("semantic", "things", "fusion")]
    return max(of_objects.difference(one, other), *beside)
