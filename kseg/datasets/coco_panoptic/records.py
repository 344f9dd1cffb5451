"""COCO's panoptic annotations as records: one truth, three tasks."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.coco.files import SplitPlaces, find_splits
from kseg.datasets.coco_panoptic.facts import ANNOTATIONS, FACTS
from kseg.datasets.coco_panoptic.segments import Kinds, panoptic_of, remarks
from kseg.datasets.images import image_size
from kseg.datasets.locate import files_by_stem, short_hash
from kseg.datasets.options import DataOptions
from kseg.datasets.panoptic_files import PanopticFolder, read_panoptic
from kseg.datasets.record import Record, check_same_size
from kseg.datasets.relabel import Relabel
from kseg.datasets.trees import opened_folder, unpacked
from kseg.errors import Failure
from kseg.structures import Panoptic
from kseg.wording import counted


@DATASETS.register("coco_panoptic")
class COCOPanoptic(Dataset):
    """Segments of COCO, or of a tree in its layout. `--data-dir` as for COCO's objects."""

    name = "coco_panoptic"
    title = "COCO panoptic: 80 things and 53 kinds of stuff, void beside them"
    facts = FACTS
    folder_name = "coco"
    tasks = ("semantic", "instance", "panoptic")
    test_is_validation = True
    training_size = 480, 640
    """The size of most images."""

    def __init__(self, options: DataOptions):
        super().__init__(options)
        folder = opened_folder(self.name, options.data_dir, folder=self.folder_name)
        self._places = find_splits(folder, "panoptic", self.name, ANNOTATIONS)

    @cached_property
    def _folders(self) -> dict[str, PanopticFolder]:
        folders = {
            split: read_panoptic(places.json, _pngs(places, self.name)) for split, places in self._places.items()
        }
        first, *others = folders.values()
        for other in others:
            if other.categories != first.categories:
                raise Failure(f"{first.json} and {other.json} have different categories; give both the same")
        return folders

    @cached_property
    def _kinds(self) -> Kinds:
        first = next(iter(self._folders.values()))
        return Kinds.of(first.categories, first.json)

    @cached_property
    def _records(self) -> dict[str, list[Record]]:
        return {split: _records_of(folder, self._places[split].images) for split, folder in self._folders.items()}

    @property
    def legend(self) -> Relabel:
        kinds = self._kinds
        whole = Relabel(kinds.names, kinds.palette, background=False, things=kinds.things)
        return whole.only(kinds.things) if self.class_task == "instance" else whole

    def all_records(self, split: str) -> Sequence[Record]:
        return self._records.get("validation" if split == "test" else split, [])

    def every_record(self) -> Sequence[Record]:
        return [record for records in self._records.values() for record in records]

    def read_panoptic(self, record: Record) -> Panoptic:
        return panoptic_of(record.annotation, self._kinds)

    def annotation_remarks(self, record: Record) -> tuple[Sequence[str], Sequence[str]]:
        truth = panoptic_of(record.annotation, self._kinds)
        check_same_size(record, image_size(record.image_file), truth.size)
        return remarks(record.annotation, self._kinds, record.id)

    def files_of(self, record: Record) -> Sequence[Path]:
        return record.image_file, record.annotation.png

    def truth_key(self, record: Record) -> str:
        segments = record.annotation.segments
        return short_hash(repr((segments, [self._kinds.class_of.get(one["category_id"]) for one in segments])))


def _pngs(places: SplitPlaces, dataset: str) -> Path | None:
    """Where the PNGs lie if they are packed beside the JSON, as upstream packs them."""
    archive = places.json.with_suffix(".zip")
    if places.json.with_suffix("").is_dir() or not archive.is_file():
        return None
    return unpacked(archive, dataset, "segments", lambda name: name.endswith(".png")) / archive.stem


def _records_of(folder: PanopticFolder, images: Path) -> list[Record]:
    there = files_by_stem(images.iterdir()) if images.is_dir() else {}
    lacking = [image.png.stem for image in folder.images.values() if image.png.stem not in there]
    if lacking:
        more = f" (and {counted(len(lacking) - 1, 'other')})" if len(lacking) > 1 else ""
        raise Failure(f"{folder.json} has segments of {lacking[0]}, which has no image in {images}{more}; add it")
    records = [Record(image.png.stem, there[image.png.stem], image) for image in folder.images.values()]
    return sorted(records, key=lambda record: record.id)
