"""COCO as records: an image and its objects, whose masks are decoded when they are asked for."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.coco.facts import FACTS
from kseg.datasets.coco.files import find_splits
from kseg.datasets.coco.instances_json import Categories, CocoFile, read_instances_json
from kseg.datasets.coco.masks import cut_of, objects_box
from kseg.datasets.coco.remarks import remarks
from kseg.datasets.images import contrasting_palette, image_size
from kseg.datasets.locate import short_hash
from kseg.datasets.options import DataOptions
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel
from kseg.datasets.trees import opened_folder
from kseg.errors import Failure
from kseg.structures import Instances
from kseg.structures.masks import Masks
from kseg.structures.moves import Size
from kseg.wording import counted


@DATASETS.register("coco")
class COCO(Dataset):
    """Objects of COCO. `--data-dir` holds the tree or upstream's archives, or is one archive of everything."""

    name = "coco"
    title = "COCO: objects of 80 categories with masks and boxes, crowds; as classes, 80 and background"
    facts = FACTS
    tasks = ("semantic", "instance")
    test_is_validation = True
    training_size = 480, 640
    """The size of most images."""

    def __init__(self, options: DataOptions):
        super().__init__(options)
        self._places = find_splits(opened_folder(self.name, options.data_dir), "instances", self.name)

    @cached_property
    def _files(self) -> dict[str, CocoFile]:
        files = {split: read_instances_json(places.json) for split, places in self._places.items()}
        first, *others = files.values()
        for other in others:
            if other.categories != first.categories:
                raise Failure(f"{first.json} and {other.json} have different categories; give both the same")
        return files

    @cached_property
    def _records(self) -> dict[str, list[Record]]:
        return {split: records_of(file, self._places[split].images) for split, file in self._files.items()}

    @property
    def layout(self) -> Sequence[str]:
        return [sentence for file in self._files.values() for sentence in file.layout]

    @property
    def problems(self) -> Sequence[str]:
        return [sentence for file in self._files.values() for sentence in file.problems]

    @cached_property
    def legend(self) -> Relabel:
        return legend_of(next(iter(self._files.values())).categories)

    def all_records(self, split: str) -> Sequence[Record]:
        return self._records.get("validation" if split == "test" else split, [])

    def every_record(self) -> Sequence[Record]:
        return [record for records in self._records.values() for record in records]

    def read_instances(self, record: Record) -> Instances:
        return objects_of(record, self._categories)

    def annotation_remarks(self, record: Record) -> tuple[Sequence[str], Sequence[str]]:
        return remarks(record.annotation.objects, size_of(record), record.id)

    def files_of(self, record: Record) -> Sequence[Path]:
        return (record.image_file,)

    def truth_key(self, record: Record) -> str:
        return objects_key(record, self._categories)

    @property
    def _categories(self) -> Categories:
        return next(iter(self._files.values())).categories


def legend_of(categories: Categories) -> Relabel:
    """Background and the categories, in contrasting colors."""
    return Relabel(categories.names, contrasting_palette(len(categories.names)))


def records_of(file: CocoFile, images: Path) -> list[Record]:
    """One record per image of a JSON; its `file_name` is looked up in `images`.

    Raises: Failure for an image that is not there, and for two images of one name.
    """
    there = {path.name for path in images.iterdir()} if images.is_dir() else set()
    records: dict[str, Record] = {}
    lacking: list[str] = []
    for image in file.images:
        path = Path(image.file_name.replace("\\", "/"))
        # COCO 2014's own tools, and others, put a folder before the name.
        if path.name not in there:
            lacking.append(image.file_name)
        elif path.stem in records:
            raise Failure(f"{file.json} has two images of the name {path.stem!r}; rename one")
        else:
            records[path.stem] = Record(path.stem, images / path.name, image)
    if lacking:
        more = f" (and {counted(len(lacking) - 1, 'other')})" if len(lacking) > 1 else ""
        raise Failure(f"{file.json} has the image {lacking[0]}, which is not in {images}{more}; add it or take it out")
    return list(records.values())


def size_of(record: Record) -> Size:
    """Height and width of the image file, which the masks are of.

    Raises: Failure where the JSON says another size.
    """
    stated, (height, width) = record.annotation.stated_size, image_size(record.image_file)
    if min(stated) > 0 and stated != (height, width):
        raise Failure(
            f"{record.id}: the JSON says {stated[0]}×{stated[1]} and the image is {height}×{width} (height×width); "
            "give the image of that size, or correct height and width, and the objects with them"
        )
    return height, width


def objects_of(record: Record, categories: Categories) -> Instances:
    """The objects of a record that have a pixel, in the order of the JSON."""
    size, image = size_of(record), record.annotation
    cuts = [cut_of(one, size, f"{record.id}, object {one.id}") for one in image.objects]
    seen = [(one, cut) for one, cut in zip(image.objects, cuts, strict=True) if cut.inside.size]
    return Instances.of(
        Masks(size, tuple(cut for _, cut in seen)),
        [categories.class_of[one.category_id] for one, _ in seen],
        boxes=np.array([objects_box(one, cut, size) for one, cut in seen]),
        crowd=[bool(one.iscrowd) for one, _ in seen],
    )


def objects_key(record: Record, categories: Categories) -> str:
    """A short text that changes with an image's objects and their classes, and with nothing else in the JSON."""
    objects = record.annotation.objects
    return short_hash(repr([(msgspec.json.encode(one), categories.class_of[one.category_id]) for one in objects]))
