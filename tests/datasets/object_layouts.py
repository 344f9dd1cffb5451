"""Small data sets of objects in the layouts of the real ones, drawn by the tests themselves."""

import json
from pathlib import Path

import numpy as np
from layouts import noise, write

SIZE = 12, 10
"""Height and width of the images."""

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 1, "name": "person"}, {"id": 90, "name": "kite"}]
"""With gaps and out of order, as JSON files may have them."""


def rectangle(top: int, left: int, bottom: int, right: int) -> list[float]:
    """The polygon of a rectangle: x, y in turn."""
    return [float(value) for value in (left, top, right, top, right, bottom, left, bottom)]


def run_lengths(mask: np.ndarray) -> dict:
    """Uncompressed RLE of a bool (H, W), column by column and background first."""
    flat = np.concatenate([[False], mask.T.ravel(), [not mask.T.ravel()[-1]]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return {"size": list(mask.shape), "counts": np.diff(np.concatenate([[0], edges])).tolist()}


def coco_object(number: int, image: int, category: int, segmentation, bbox, crowd: int = 0) -> dict:
    return {
        "id": number, "image_id": image, "category_id": category, "segmentation": segmentation, "bbox": bbox,
        "iscrowd": crowd, "area": 1.0,
    }  # fmt: skip


def coco_objects(image: int) -> list[dict]:
    """A person as polygon, a kite as run lengths that lies partly in front, and a crowd of dogs."""
    kite, dogs = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    kite[4:7, 3:6], dogs[9:, :] = True, True
    return [
        coco_object(10 * image, image, 1, [rectangle(1, 1, 6, 4)], [1, 1, 3, 5]),
        coco_object(10 * image + 1, image, 90, run_lengths(kite), [3, 4, 3, 3]),
        coco_object(10 * image + 2, image, 7, run_lengths(dogs), [0, 9, 10, 3], crowd=1),
    ]


def write_coco(path: Path, images: list[str], objects: list[dict], categories: list[dict] | None = None) -> Path:
    """A JSON of these images, numbered from 1."""
    height, width = SIZE
    content = {
        "info": {}, "licenses": [], "annotations": objects, "categories": categories or CATEGORIES,
        "images": [
            {"id": number, "file_name": name, "height": height, "width": width, "license": 1}
            for number, name in enumerate(images, start=1)
        ],
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def coco_tree(folder: Path, year: str = "2017", counts: tuple[int, int] = (5, 3)) -> Path:
    """`annotations/` and the images of both splits; the last image of each split has no object."""
    for seed, (part, count) in enumerate(zip(("train", "val"), counts, strict=True)):
        names = [f"{1000 * seed + number:012d}.jpg" for number in range(count)]
        for number, name in enumerate(names):
            write(folder / f"{part}{year}" / name, noise(100 * seed + number))
        objects = [one for image in range(1, count) for one in coco_objects(image)]
        write_coco(folder / "annotations" / f"instances_{part}{year}.json", names, objects)
    return folder
