"""Which classes each split shows: a split without the object can neither train a network nor measure one."""

from collections.abc import Mapping, Sequence

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.base import Dataset
from kseg.structures import Instances, Panoptic, Structure
from kseg.wording import listed


def absences(classes: Sequence[str], pixels: Mapping[str, np.ndarray]) -> tuple[list[str], list[str]]:
    """(problems, notes), a sentence each, on `pixels`: (256,) pixels per label value, by split.

    Problems: a split that is void everywhere or shows only one class, and a class that another split shows and train
    does not. Notes: a class that only validation or test lacks. A split without pixels is left out.
    """
    problems, remarks = [], []
    present = {split: np.flatnonzero(counts[: len(classes)]) for split, counts in pixels.items() if counts.any()}
    shown = set().union(*(set(ids.tolist()) for ids in present.values()))
    for split, ids in present.items():
        missing = sorted(shown - set(ids.tolist()))
        named = listed(classes[class_id] for class_id in missing)
        if not ids.size:
            problems.append(
                f"the {split} split is void in every pixel: nothing can be {_used(split)} on it; label it, or change "
                "the splits"
            )
        elif ids.size == 1 and len(classes) > 1:
            rest = named or "other class"
            problems.append(
                f"the {split} split shows {classes[ids[0]]} and no {rest}: {_consequence(split)}; change the splits"
            )
        elif missing and split == "train":
            problems.append(f"the train split never shows {named}, which other splits do; change the splits")
        elif missing:
            remarks.append(f"the {split} split does not show {named}, which other splits do")
    return problems, remarks


def classes_without_pixels(dataset: Dataset, pixels: np.ndarray) -> list[str]:
    """A problem where a class has no pixel in any mask; void in its place often means that the masks are misread."""
    classes = dataset.classes
    absent = [f"{value} ({name})" for value, name in enumerate(classes) if not pixels[value]]
    if not absent or not pixels.any():
        return []
    highest = int(np.flatnonzero(pixels[: len(classes)]).max(initial=0))
    void = pixels[VOID] / pixels.sum()
    told = f"no mask holds {', '.join(absent[:8])}{', …' if len(absent) > 8 else ''}"
    if void and len(absent) >= len(classes) - 1:
        return [
            f"{told}, and {void:.1%} of the pixels are void: if void is the object, pass --binary, or name its value "
            "with --classes or --colors"
        ]
    if not dataset.finds_classes:
        return [f"{told}; name only classes that the masks show, or add masks that show the others"]
    shown = [class_id for class_id in range(len(classes)) if pixels[class_id]]
    named = dataset.naming(shown, void=bool(void)) if len(shown) > 1 else ""
    objects = "if the numbers count objects, pass --binary; " if highest > 1 else ""
    return [
        f"{told}, and the highest value is {highest}; {objects}if the masks hold stray values, pass them as --void"
        + (f"; if there are only {len(shown)} classes, name them: {named}" if named else "")
    ]


def classes_that_count(truth: Structure) -> set[int]:
    """The classes of objects and segments that have a pixel, crowds aside, which nothing learns to find."""
    if isinstance(truth, Instances):
        return set(truth.classes[~truth.crowd & (truth.masks.areas() > 0)].tolist())
    assert isinstance(truth, Panoptic)
    return {segment.class_id for segment in truth.segments if not segment.crowd}


def without_objects(things: Mapping[int, str], shown: Mapping[str, set[int]]) -> list[str]:
    """A sentence for each split that shows no object at all, or crowds alone.

    Args:
      things: names of the classes of which there are objects, by id.
      shown: classes that count, by split.
    """
    names = listed(things.values())
    return [
        f"the {split} split shows no object, or crowds alone ({names}): nothing can be {_used(split)} of them; change "
        "the splits"
        for split, ids in shown.items()
        if not ids & things.keys()
    ]


def _used(split: str) -> str:
    return "learnt" if split == "train" else "measured"


def _consequence(split: str) -> str:
    if split == "train":
        return "a network learns to predict that class everywhere"
    return "its IoU is meaningless" + (", and the best epoch is chosen by its loss" if split == "validation" else "")
