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


PANOPTIC_CATEGORIES = [
    {"id": 1, "name": "person", "isthing": 1, "color": [220, 20, 60]}, {"id": 17, "name": "cat", "isthing": 1},
    {"id": 187, "name": "sky", "isthing": 0}, {"id": 200, "name": "rug", "isthing": 0},
]  # fmt: skip

PERSON, OTHER, CROWD, SKY, RUG = 5, 70_000, 258, 3_226_956, 65_536
"""Ids of segments: all three channels of the PNG have a part in some of them."""


def panoptic_map() -> tuple[np.ndarray, list[dict]]:
    """Segment ids (H, W) and segments_info: two persons, a crowd of cats, sky and a rug, void between."""
    ids = np.zeros(SIZE, np.int64)
    ids[:4], ids[9:], ids[4:8, 1:3], ids[4:8, 4:7], ids[4:6, 8:] = SKY, RUG, PERSON, OTHER, CROWD
    kinds = {PERSON: 1, OTHER: 1, CROWD: 17, SKY: 187, RUG: 200}
    infos = [
        {"id": one, "category_id": kind, "iscrowd": int(one == CROWD), "area": int((ids == one).sum())}
        for one, kind in kinds.items()
    ]
    return ids, infos


def write_panoptic_png(path: Path, ids: np.ndarray) -> Path:
    return write(path, np.stack([ids % 256, ids // 256 % 256, ids // 65_536], axis=-1).astype(np.uint8))


def coco_panoptic_tree(folder: Path, counts: tuple[int, int] = (4, 3)) -> Path:
    """`annotations/panoptic_*2017{/,.json}` and the images of both splits."""
    for seed, (part, count) in enumerate(zip(("train", "val"), counts, strict=True)):
        annotations = []
        for number in range(count):
            name = f"{1000 * seed + number:012d}"
            write(folder / f"{part}2017" / f"{name}.jpg", noise(100 * seed + number))
            ids, infos = panoptic_map()
            write_panoptic_png(folder / "annotations" / f"panoptic_{part}2017" / f"{name}.png", np.roll(ids, number))
            annotations.append({"image_id": number, "file_name": f"{name}.png", "segments_info": infos})
        content = {"images": [], "annotations": annotations, "categories": PANOPTIC_CATEGORIES}
        (folder / "annotations" / f"panoptic_{part}2017.json").write_text(json.dumps(content))
    return folder


def cityscapes_maps() -> tuple[np.ndarray, np.ndarray]:
    """labelIds (uint8) and instanceIds (uint16): road, sky, two cars, a group of persons, a caravan, ego vehicle."""
    labels, instances = np.full(SIZE, 7, np.uint8), np.full(SIZE, 7, np.uint16)
    for rows, columns, label, code in (
        (slice(0, 4), slice(None), 23, 23),
        (slice(4, 7), slice(0, 3), 26, 26_000),
        (slice(5, 8), slice(3, 6), 26, 26_001),
        (slice(4, 6), slice(7, 10), 24, 24),
        (slice(7, 9), slice(8, 10), 29, 29_000),
        (slice(11, 12), slice(None), 1, 1),
    ):
        labels[rows, columns], instances[rows, columns] = label, code
    return labels, instances


def cityscapes_tree(
    folder: Path, counts: tuple[int, int] = (4, 3), kinds: tuple[str, ...] = ("labelIds", "instanceIds")
) -> Path:
    """`leftImg8bit/` and `gtFine/` of two cities a split; labelTrainIds follow from labelIds."""
    labels, instances = cityscapes_maps()
    train_ids = np.full(SIZE, 255, np.uint8)
    for label, class_id in ((7, 0), (23, 10), (26, 13), (24, 11)):
        train_ids[labels == label] = class_id
    maps = {"labelIds": labels, "instanceIds": instances, "labelTrainIds": train_ids}
    for seed, (part, count) in enumerate(zip(("train", "val"), counts, strict=True)):
        for number in range(count):
            city = "aachen" if number % 2 else "ulm"
            stem = f"{city}_{seed:06d}_{number:06d}"
            write(folder / "leftImg8bit" / part / city / f"{stem}_leftImg8bit.png", noise(100 * seed + number))
            for kind in kinds:
                shifted = np.roll(maps[kind], number, axis=1)
                write(folder / "gtFine" / part / city / f"{stem}_gtFine_{kind}.png", shifted)
            write(folder / "gtFine" / part / city / f"{stem}_gtFine_color.png", noise(number))
    return folder
