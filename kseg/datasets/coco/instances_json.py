"""COCO's file of objects: images, categories by id, and of each object its mask, box and whether it is a crowd."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from kseg.conventions import MAX_CLASSES
from kseg.datasets.relabel import BACKGROUND
from kseg.errors import Failure
from kseg.reading import MOST_ANNOTATIONS, read_json
from kseg.wording import counted, listed

REMEDY = (
    "write it as COCO has it: images (id, file_name), annotations (image_id, category_id, segmentation), categories"
)


class _Category(msgspec.Struct, frozen=True):
    id: int
    name: str


class _Image(msgspec.Struct, frozen=True):
    id: int | str
    file_name: str
    height: int = 0
    width: int = 0


class CocoObject(msgspec.Struct, frozen=True):
    """One annotation, as the file has it."""

    image_id: int | str
    category_id: int
    id: int | str = 0
    segmentation: msgspec.Raw = msgspec.Raw(b"null")
    """JSON text: polygons or run-length codes; decoded on demand, since all of COCO's take gigabytes"""
    bbox: list[float] | None = None
    """x, y, width, height in pixels"""
    iscrowd: int | bool = 0

    @property
    def has_mask(self) -> bool:
        """Whether anything stands where a mask should."""
        return bytes(self.segmentation).strip() not in (b"[]", b"null", b"{}", b"[[]]")


class _File(msgspec.Struct, frozen=True):
    images: list[_Image]
    annotations: list[CocoObject]
    categories: list[_Category]


@dataclass(frozen=True)
class Categories:
    """What category ids mean: class ids without gaps, 0 for background, in order of category id."""

    class_of: dict[int, int]
    """class id by category id"""
    names: tuple[str, ...]
    """class names, background first"""

    @classmethod
    def of(cls, categories: Sequence[tuple[int, str]], where: Path) -> "Categories":
        """From (id, name) pairs. A category named background becomes class 0, which has no objects.

        Raises: Failure for no category, for more than a label map holds, for an id or a name given twice, and for an
          empty name.
        """
        class_of: dict[int, int] = {}
        names = [BACKGROUND]
        for category_id, name in sorted(categories):
            if category_id in class_of:
                raise Failure(f"{where} has the category id {category_id} twice; give each category an id of its own")
            if name in names[1:]:
                other = next(other for other, class_id in class_of.items() if class_id == names.index(name, 1))
                raise Failure(
                    f"{where} has two categories {name!r}, {other} and {category_id}; give each a name of its own"
                )
            if not name.strip():
                raise Failure(f"{where} has the category {category_id} without a name; give it one")
            if name.lower() == BACKGROUND:
                class_of[category_id] = 0
                continue
            class_of[category_id] = len(names)
            names.append(name)
        if not 2 <= len(names) <= MAX_CLASSES:
            raise Failure(f"{where} has {len(names) - 1} categories; there have to be 1 to {MAX_CLASSES - 1}; {REMEDY}")
        return cls(class_of, tuple(names))


@dataclass(frozen=True)
class CocoImage:
    """One image of a file with its objects: the annotation of a record."""

    file_name: str
    stated_size: tuple[int, int]
    """height and width in the file; zeros where it gives none"""
    objects: tuple[CocoObject, ...]


@dataclass(frozen=True)
class CocoFile:
    """What one JSON holds."""

    json: Path
    categories: Categories
    images: tuple[CocoImage, ...]
    """by file name"""
    problems: tuple[str, ...]
    """objects of images or categories that do not exist, a sentence each"""
    layout: tuple[str, ...]
    """what was left out, a sentence each"""

    @cached_property
    def object_count(self) -> int:
        return sum(len(image.objects) for image in self.images)


def read_instances_json(path: Path) -> CocoFile:
    """The file, with the objects of each image.

    Objects without a mask are left out and listed in `layout`, as long as others have one.

    Raises: Failure where the file is damaged, has no image, names an image twice, or has boxes alone.
    """
    # 1. images and categories, each once
    content: _File = read_json(path, _File, remedy=REMEDY, most=MOST_ANNOTATIONS)
    named = [(one.id, one.name) for one in content.categories]
    idle = idle_twins(named, {one.category_id for one in content.annotations})
    categories = Categories.of([one for one in named if one not in idle], path)
    if not content.images:
        raise Failure(f"{path} has no images: nothing to read; {REMEDY}")
    ids = {one.id for one in content.images}
    if len(ids) < len(content.images):
        seen: set[int | str] = set()
        twice = next(one.id for one in content.images if one.id in seen or seen.add(one.id))  # type: ignore[func-returns-value]
        raise Failure(f"{path} has the image {twice!r} more than once; keep one of them")
    # 2. objects: those with a mask, and what is wrong with the others
    masked = [one for one in content.annotations if one.has_mask]
    if content.annotations and not masked:
        raise Failure(
            f"{path} has {counted(len(content.annotations), 'object')}, none with a mask: boxes alone train no "
            "segmentation; export it with segmentation (polygons or RLE)"
        )
    problems = [
        *_strangers([one for one in masked if one.image_id not in ids], "an image_id", "image_id", path),
        *_strangers(
            [one for one in masked if one.category_id not in categories.class_of], "a category_id", "category_id", path
        ),
    ]
    lost = [one.id for one in content.annotations if not one.has_mask]
    layout = [f"{path.name}: {counted(len(lost), 'object')} without a mask left out ({listed(lost)})"] if lost else []
    layout += [
        f"{path.name}: the category {one} left out, which has no object and the name {name!r} of another"
        for one, name in idle
    ]
    # 3. the objects of each image
    of_image: dict[int | str, list[CocoObject]] = defaultdict(list)
    for one in masked:
        if categories.class_of.get(one.category_id):
            of_image[one.image_id].append(one)
    images = (
        CocoImage(one.file_name, (one.height, one.width), tuple(of_image.get(one.id, ()))) for one in content.images
    )
    return CocoFile(
        path, categories, tuple(sorted(images, key=lambda one: one.file_name)), tuple(problems), tuple(layout)
    )


def idle_twins(categories: Sequence[tuple[int, str]], used: set[int]) -> list[tuple[int, str]]:
    """The categories without an object whose name another has, with objects or a higher id.

    Roboflow writes the group of all classes as category 0, which may have the name of a class.
    """
    return [
        (one, name)
        for one, name in categories
        if one not in used and any(name == twin and (other in used or other > one) for other, twin in categories)
    ]


def _strangers(objects: Sequence[CocoObject], what: str, field: str, path: Path) -> list[str]:
    if not objects:
        return []
    unknown = sorted({getattr(one, field) for one in objects}, key=str)
    return [
        f"{path} has {counted(len(objects), 'object')} ({listed(one.id for one in objects)}) with {what} that it does "
        f"not define ({listed(map(repr, unknown))}); define it or take the objects out"
    ]


def box_of(one: CocoObject, size: tuple[int, int]) -> np.ndarray | None:
    """float64 (4,): the stated box as y1, x1, y2, x2, cut at the border; None where there is none with an area."""
    if one.bbox is None or len(one.bbox) != 4 or not np.isfinite(one.bbox).all():
        return None
    left, top, width, height = one.bbox
    if width <= 0 or height <= 0:
        return None
    box = np.array([top, left, top + height, left + width], np.float64).clip(0, (*size, *size))
    return box if (box[:2] < box[2:]).all() else None
