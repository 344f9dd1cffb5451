"""A folder of images and masks as a data set."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from kseg.conventions import DEFAULT_TASK, VOID
from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.coco.records import legend_of, objects_key, objects_of, size_of
from kseg.datasets.coco.remarks import remarks
from kseg.datasets.facts import Facts
from kseg.datasets.folder.coding import BinaryCoding, Coding, ValueCoding, text_of
from kseg.datasets.folder.colors import PROPOSED
from kseg.datasets.folder.divide import divide
from kseg.datasets.folder.instances import connected_areas, joined, numbered_objects, objects_of_files
from kseg.datasets.folder.names import shown
from kseg.datasets.folder.objects_json import JsonObjects, find_json, json_objects
from kseg.datasets.folder.options import FolderOptions
from kseg.datasets.folder.pairs import Pairs, find_pairs
from kseg.datasets.folder.recognition import recognize
from kseg.datasets.images import ValueRange, image_size
from kseg.datasets.images.depth import Depth, measured_depth
from kseg.datasets.images.formats import stored_size
from kseg.datasets.locate import existing_data_dir
from kseg.datasets.record import Record
from kseg.datasets.relabel import Relabel
from kseg.errors import Failure, UsageError
from kseg.structures import Instances
from kseg.wording import listed


@DATASETS.register("folder")
class Folder(Dataset):
    """Images and masks, paired by `find_pairs` and divided by `divide`.

    The classes are found in the masks unless `--classes` or `--colors` name them.
    """

    name = "folder"
    title = "your own folder of images and masks"
    Options = FolderOptions
    options: FolderOptions
    facts = Facts(
        homepage="your own",
        license="your own",
        citation="your own",
        tree="""\
DATA_DIR/
    images/NAME.*      PNG, JPEG, TIFF, BMP, GIF, WEBP or AVIF; of more than 8 bits by their own range
    masks/NAME.*       black and white, soft edges, ids (255 = void), palette, alpha; colors with --colors
    train.txt, validation.txt (or val.txt), test.txt      optional: one NAME per line
or images and COCO's JSON of their objects (instances.json, train/_annotations.coco.json …)
Other names are recognized (imgs, labels, train/images, NAME_mask.png, one flat folder, masks/NAME/*.png …) or given:
--images 'imgs/*.jpg' --masks 'labels/{stem}_mask.png'""",
        counts="any; without lists the split is random, 80 / 10 / 10 % (--split-sizes, --data-seed)",
    )

    def __init__(self, options: FolderOptions):
        super().__init__(options)
        by_pattern = options.images is not None and options.data_dir is None
        self.folder = Path() if by_pattern else existing_data_dir(self.name, options.data_dir)
        self._json: JsonObjects | None = None
        self._pairs = self._found()
        self._division = divide(self.folder, self._pairs, options)
        # Read on first use, and once for every data set that `only` makes of this one.
        self._coding, self._depth = cache(self._recognized_coding), cache(self._measured_depth)

    def _found(self) -> Pairs:
        """Pairs of image and mask; without any pair, the images named in COCO's JSON."""
        try:
            return find_pairs(self.folder, self.options)
        except UsageError:
            jsons = find_json(self.folder) if self.options.images is None else []
            if not jsons:
                raise
            if given := self.options.of_masks:
                raise UsageError(
                    f"{shown(jsons[0])} holds the objects and their classes, and --{given[0].replace('_', '-')} is "
                    "about mask files; leave it out"
                ) from None
            self._json = json_objects(self.folder, jsons)
            return self._json.pairs

    @property
    def task(self) -> str:
        # `tasks` reads all masks; the default task does not need them.
        return self._task or DEFAULT_TASK

    @property
    def tasks(self) -> Sequence[str]:  # type: ignore[override]
        """ "instance" as well, where the folder separates objects."""
        from_files = self._json is not None or self._pairs.object_files
        separate = from_files or self.options.objects == "areas" or self._numbers
        return ("semantic", "instance") if separate else ("semantic",)

    @property
    def _numbers(self) -> bool:
        return isinstance(self.coding, BinaryCoding) and self.coding.numbers

    def check_answers(self, task: str) -> None:
        if task == "instance" and task not in self.tasks:
            beside = [shown(path) for path in find_json(self.folder)]
            unread = f"; {listed(beside)} would be read where no masks lie beside it" if beside else ""
            raise UsageError(
                f"{self.name} has no truth for the task 'instance'; it has semantic: the masks in {self.folder} do not "
                "separate objects; pass --objects areas if every connected area is an object, --objects numbers if "
                f"every number of a mask is one, or save one mask file per object in masks/NAME/{unread}"
            )
        super().check_answers(task)

    @property
    def draws_splits(self) -> bool:
        return self._division.drawn

    @property
    def layout(self) -> Sequence[str]:
        return (*self._pairs.layout, *self._division.layout)

    @property
    def problems(self) -> Sequence[str]:
        return (*self._pairs.problems, *self._division.problems)

    @property
    def unpaired(self) -> tuple[Sequence[str], Sequence[str]]:
        return self._pairs.unlabeled, self._pairs.without_image

    @property
    def coding(self) -> Coding:
        """What the masks' values mean, from reading all masks."""
        return self._coding()

    def _recognized_coding(self) -> Coding:
        paths = [path for record in self._pairs.records.values() for path in self.files_of(record)[1:]]
        return recognize(paths, self.options, self.folder)

    def _measured_depth(self) -> Depth:
        return measured_depth([record.image_file for record in self._pairs.records.values()])

    @property
    def value_range(self) -> ValueRange | None:
        return self._depth().value_range

    @property
    def reading(self) -> Sequence[str]:
        return (*self._depth().notes, *(self.coding.notes if self._json is None else ()))

    @property
    def finds_classes(self) -> bool:
        return self._json is None and not (self.options.classes or self.options.colors)

    def naming(self, class_ids: Sequence[int], *, void: bool) -> str:
        colors = dict(self.coding.stored_as) if isinstance(self.coding, ValueCoding) else {}
        wanted = [*class_ids, *([VOID] if void else [])]
        if len(class_ids) > PROPOSED or not set(wanted) <= set(colors):
            return ""
        names = {VOID: "void", class_ids[0]: "background"}
        return "--colors " + " ".join(f"{names.get(one, f'NAME{one}')}={text_of(colors[one])}" for one in wanted)

    @property
    def legend(self) -> Relabel:
        if self._json is not None:
            return legend_of(self._json.categories)
        return Relabel(self.coding.names, self.coding.palette)

    def all_records(self, split: str) -> Sequence[Record]:
        return self._division.splits[split]

    def every_record(self) -> Sequence[Record]:
        return list(self._pairs.records.values())

    def read_labels(self, record: Record) -> np.ndarray:
        if self._json is not None:
            return self.read_instances(record).semantic().ids
        image, (first, *others) = record.image_file, record.annotation
        labels = self._decoded(first, image)
        for path in others:
            further = self._decoded(path, image)
            # Objects overwrite background and void, and later objects overwrite earlier ones.
            shows = (further != 0) & ((further != VOID) | (labels == 0))
            labels[shows] = further[shows]
        return labels

    def read_instances(self, record: Record) -> Instances:
        if self._json is not None:
            return objects_of(self._json.records[record.id], self._json.categories)
        size = image_size(record.image_file)
        if self._pairs.object_files:
            files = [self._decoded(path, record.image_file) for path in record.annotation]
            if self.options.objects == "areas":
                return joined([connected_areas(labels) for labels in files], size)
            if self.options.objects is None:
                return objects_of_files(files, size)
        if self.options.objects != "areas" and isinstance(self.coding, BinaryCoding):
            parts = [numbered_objects(path, self.coding) for path in record.annotation]
            for path, part in zip(record.annotation, parts, strict=True):
                if part.size != size:
                    raise Failure(_sizes_differ(record.image_file, path, part.size))
            return joined(parts, size)
        return connected_areas(self.read_labels(record))

    def annotation_remarks(self, record: Record) -> tuple[Sequence[str], Sequence[str]]:
        if self._json is not None:
            with_objects = self._json.records[record.id]
            return remarks(with_objects.annotation.objects, size_of(with_objects), record.id)
        if not self._pairs.object_files:
            return (), ()
        empty = [path for path in record.annotation if not (self.coding.decode(path) % VOID).any()]
        return [f"{shown(path)} shows no object; it is left out" for path in empty], ()

    def _decoded(self, mask: Path, image: Path) -> np.ndarray:
        labels = self.coding.decode(mask)
        if labels.shape != image_size(image):
            raise Failure(_sizes_differ(image, mask, labels.shape))
        return labels

    def files_of(self, record: Record) -> Sequence[Path]:
        return record.image_file, *record.annotation

    def identity(self, record: Record) -> str:
        coding = "" if self._json is not None else f" {self.coding}"
        # Callers encode it, and names of files may hold bytes that are not UTF-8.
        return f"{shown(super().identity(record))} {self.value_range}{coding}"

    def truth_key(self, record: Record) -> str:
        if self._json is not None:
            return objects_key(self._json.records[record.id], self._json.categories)
        objects = f" {self.options.objects}" if self.options.objects and self.task == "instance" else ""
        return f"{' '.join(self.coding.names)}{objects}"


def _sizes_differ(image: Path, mask: Path, shape: tuple[int, ...]) -> str:
    (height, width), (mask_height, mask_width) = image_size(image), shape
    sizes = f"mask {mask} is {mask_height}×{mask_width} but image {image} is {height}×{width} (height×width)"
    if stored_size(image) == (mask_height, mask_width):
        return f"{sizes} once turned as its EXIF orientation says; save the image upright, or turn the mask"
    return f"{sizes}; make the two the same size"
