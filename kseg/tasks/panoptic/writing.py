"""Segments as files: COCO's color PNG, whose pixels are segment ids, and its JSON of the segments' classes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kseg.atomic import replacing
from kseg.datasets.images import contrasting_palette
from kseg.structures import Panoptic

COLORS = 1 << 24
"""Ids that fit in three bytes; 0 is no segment."""

Palette = Sequence[Sequence[int]]


def write_panoptic(path: Path, answer: Panoptic, palette: Palette, *, classes: Sequence[str] | None = None) -> None:
    """Write `path`, a PNG of ids R + 256 G + 65536 B, and a `.json` of the same name beside it, both or neither.

    The JSON has the form of COCO's, with one annotation, so that `kseg score` reads a folder of these pairs.

    Args:
      palette: a color per class; the color of stuff becomes its id, things have colors of their own.
      classes: names of the categories, whose ids are the class ids; None: the JSON names no categories.
    """
    ids = segment_ids(answer, palette)
    content: dict[str, Any] = {"annotations": [annotation(path.stem, path.name, answer, ids)]}
    if classes is not None:
        kinds = {segment.class_id: segment.thing for segment in answer.segments}
        content["categories"] = categories(classes, palette, kinds)
    with replacing(path) as picture, replacing(path.with_suffix(".json")) as text:
        save_ids(picture, answer, ids)
        text.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")


def categories(classes: Sequence[str], palette: Palette, is_thing: Mapping[int, bool]) -> list[dict[str, Any]]:
    """COCO's entries of the classes; a class that is missing from `is_thing` has no "isthing".

    >>> categories(("sky", "cat"), ((1, 2, 3), (4, 5, 6)), {1: True})
    [{'id': 0, 'name': 'sky', 'color': [1, 2, 3]}, {'id': 1, 'name': 'cat', 'color': [4, 5, 6], 'isthing': 1}]
    """
    return [
        {"id": class_id, "name": name, "color": [int(value) for value in palette[class_id]]}
        | ({"isthing": int(is_thing[class_id])} if class_id in is_thing else {})
        for class_id, name in enumerate(classes)
    ]


def annotation(image_id: int | str, file_name: str, answer: Panoptic, ids: np.ndarray) -> dict[str, Any]:
    """COCO's entry of an image, with "id", "category_id" (the class id), "iscrowd", "area" and "bbox" per segment."""
    rows, columns = _extents(answer)
    return {
        "image_id": image_id,
        "file_name": file_name,
        "segments_info": [
            {
                "id": int(ids[number]),
                "category_id": segment.class_id,
                "iscrowd": int(segment.crowd),
                "area": int(area),
                "bbox": [int(left), int(top), int(right - left), int(bottom - top)],
            }
            for number, (segment, area, (top, bottom), (left, right)) in enumerate(
                zip(answer.segments, answer.areas(), rows, columns, strict=True), start=1
            )
        ],
    }


def segment_ids(answer: Panoptic, palette: Palette) -> np.ndarray:
    """int64 (S + 1,): the id in the PNG of each segment, no two the same; 0 for no segment.

    An id is a color, so that the PNG can be looked at: stuff has the color of its class, a thing a color of its own.
    """
    thing_colors = iter(contrasting_palette(sum(segment.thing for segment in answer.segments) + 1)[1:])
    ids, taken = np.zeros(len(answer.segments) + 1, np.int64), {0}
    for number, segment in enumerate(answer.segments, start=1):
        color = next(thing_colors) if segment.thing else palette[segment.class_id]
        red, green, blue = (int(value) for value in color)
        one = red + 256 * green + 65536 * blue
        while one in taken:
            one = (one + 1) % COLORS
        taken.add(one)
        ids[number] = one
    return ids


def save_ids(path: Path, answer: Panoptic, ids: np.ndarray) -> None:
    """Write the PNG alone."""
    colors = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
    Image.fromarray(colors[answer.ids]).save(path, format="PNG")


def _extents(answer: Panoptic) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The first row of each segment and the row after its last, and the same for columns."""
    count = len(answer.segments)
    extents = []
    for ids in (answer.ids, answer.ids.T):
        shown = np.zeros((len(ids), count + 1), bool)
        shown[np.arange(len(ids))[:, None], ids] = True
        of_segments = shown[:, 1:]
        extents.append(np.stack([of_segments.argmax(axis=0), len(ids) - of_segments[::-1].argmax(axis=0)], axis=-1))
    return list(extents[0]), list(extents[1])
