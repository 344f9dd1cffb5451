"""Objects as files: a map of object ids, and boxes, classes, scores and masks as COCO's JSON."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kseg.atomic import replacing, write_json
from kseg.datasets.images import contrasting_palette, save_labels
from kseg.structures import Instances

PALETTE_IDS = 255
"""Ids beside 0 that fit in 8 bits."""


def write_objects(path: Path, objects: Instances) -> None:
    """Write `path`, a PNG in which the pixels of object n, counted from 1, have the value n, and a `.json` beside it.

    The PNG has a palette, or 16 bits for more than 255 objects. The JSON is a list in the form of COCO's results, with
    an entry per object in the order of the ids.
    """
    ids = objects.id_map()
    if len(objects) <= PALETTE_IDS:
        save_labels(path, ids, contrasting_palette(len(objects) + 1))
    else:
        with replacing(path) as temporary:
            Image.fromarray(ids.astype(np.uint16)).save(temporary, format="PNG")
    write_json(path.with_suffix(".json"), coco_results(objects))


def coco_results(objects: Instances) -> list[dict[str, Any]]:
    """An entry per object: "category_id", "bbox" (x, y, width, height), "segmentation" and, for a detection, "score".

    >>> one = Instances.of(np.array([[[False, True]]]), [3], scores=[0.5])
    >>> entry = coco_results(one)[0]
    >>> entry["bbox"], entry["segmentation"], entry["score"]
    ([1.0, 0.0, 1.0, 1.0], {'size': [1, 2], 'counts': [1, 1]}, 0.5)
    """
    entries = []
    for index, (top, left, bottom, right) in enumerate(objects.boxes.tolist()):
        entry = {
            "category_id": int(objects.classes[index]),
            "bbox": [left, top, right - left, bottom - top],
            "segmentation": {"size": list(objects.size), "counts": run_lengths(objects.masks[index])},
        }
        entries.append(entry if objects.scores is None else entry | {"score": float(objects.scores[index])})
    return entries


def run_lengths(mask: np.ndarray) -> list[int]:
    """COCO's uncompressed run lengths of a mask: of 0, 1, 0 … in turn, column after column.

    >>> run_lengths(np.array([[False, True], [False, True]]))
    [2, 2]
    """
    pixels = mask.ravel(order="F")
    ends = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    starts = np.concatenate([[0], ends, [pixels.size]])
    lengths = np.diff(starts).tolist()
    return [0, *lengths] if pixels[0] else lengths
