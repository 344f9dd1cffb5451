"""Decodes every pair of a data set and reports what is wrong with it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from kseg.conventions import DEFAULT_TASK, SPLITS, VOID
from kseg.datasets.base import Dataset
from kseg.datasets.presence import absences, classes_that_count, classes_without_pixels, without_objects
from kseg.datasets.record import Record, check_same_size
from kseg.datasets.shortened import kind_of
from kseg.errors import KsegError

UNUSED = "unused"
"""Where records stand that belong to no split."""


@dataclass
class CheckReport:
    """What `check` found."""

    problems: list[str] = field(default_factory=list)
    """one sentence each"""
    notes: list[str] = field(default_factory=list)
    """worth knowing but no problem: files that are set aside, each by name"""
    counts: dict[str, int] = field(default_factory=dict)
    """decoded pairs per split"""
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, dtype=np.int64))
    """pixels per label value, over all pairs"""
    split_pixels: dict[str, np.ndarray] = field(default_factory=dict)
    """the same by split"""
    reading: list[str] = field(default_factory=list)
    """how the files are read, a sentence each"""
    images_with: np.ndarray = field(default_factory=lambda: np.zeros(256, dtype=np.int64))
    """pairs in which a label value occurs"""
    shown: dict[str, set[int]] = field(default_factory=dict)
    """classes of the objects and segments that count, by split; without the classes of label maps"""
    kinds: dict[str, str] = field(default_factory=dict)
    """sentence → kind, for sentences on single images; `shortened` shows the first few of each kind"""

    def add(self, problems: Sequence[str] = (), notes: Sequence[str] = (), *, kind: str = "", of: tuple = ()) -> None:
        """Adds sentences on single images, all of one `kind` or each of the kind that `kind_of(…, *of)` gives."""
        self.problems += problems
        self.notes += notes
        self.kinds |= {sentence: kind or kind_of(sentence, *of) for sentence in (*problems, *notes)}


def check(dataset: Dataset, *, progress: bool = True) -> CheckReport:
    """Reads all pairs, those outside the splits too: broken files, sizes that differ, unexpected values, images that
    occur twice in a split, and images that leak from one split into another (the same record, or the same pixels)."""
    # 1. what pairing already found
    report = CheckReport(problems=list(dataset.problems))
    images, masks = dataset.unpaired
    report.add(notes=[f"{path} has no mask and is set aside" for path in images], kind="set aside")
    report.add([f"{path} has no image" for path in masks], kind="no image")
    has_classes = _has_classes(dataset, report)
    homes = _homes(dataset, report)
    # 2. every image with its annotation, once
    seen: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for record, splits in tqdm(
        homes.values(), desc=f"check {dataset.name}", disable=None if progress else True, leave=False
    ):
        for split in splits:
            report.counts[split] = report.counts.get(split, 0) + 1
        if len(splits) > 1:
            report.add([_listed_twice(record, splits)], kind="listed twice")
        record_and_files = record.id, [] if record.image is None else [str(path) for path in dataset.files_of(record)]
        try:
            image = dataset.image(record)
            seen[hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()].append((splits[0], record.id))
            wrong, notes = dataset.annotation_remarks(record)
            report.add(wrong, notes, of=record_and_files)
            if has_classes:
                _check_labels(dataset, record, splits, image.shape[:2], report)
                _look_for_objects(dataset, record, splits, report)
        except KsegError as error:
            if str(error) not in report.kinds:
                report.add([f"{splits[0]}: {error}"], kind=kind_of(str(error), *record_and_files))
    # 3. what only all records together show
    for sentence in _duplicates(seen.values()):
        report.add([sentence], kind=sentence.partition(":")[0])
    report.problems += _absent_category(dataset, report)
    if has_classes:
        _check_classes(dataset, report)
    return report


def _has_classes(dataset: Dataset, report: CheckReport) -> bool:
    """Whether the meaning of the masks is known. If not, one problem says so, and the images are still checked."""
    try:
        return bool(dataset.classes)
    except KsegError as error:
        report.add([str(error)])
        return False


def _check_classes(dataset: Dataset, report: CheckReport) -> None:
    """Reports classes that a split lacks and, of a folder, whose classes may be misnamed, classes without pixels."""
    report.reading += dataset.reading
    if dataset.options.category is not None:
        return  # `_absent_category` reports it
    if dataset.options.limit is None and report.reading:
        report.problems += classes_without_pixels(dataset, report.pixels)
    parts = {split: pixels for split, pixels in report.split_pixels.items() if split != UNUSED}
    problems, remarks = absences(dataset.classes, parts)
    report.problems += problems
    things = range(1, len(dataset.classes)) if dataset.things is None else dataset.things
    shown = {split: classes for split, classes in report.shown.items() if split != UNUSED}
    report.problems += without_objects({one: dataset.classes[one] for one in things}, shown)
    report.notes += remarks


def _homes(dataset: Dataset, report: CheckReport) -> dict[str, tuple[Record, list[str]]]:
    """Every record once, with the splits that hold it."""
    homes: dict[str, tuple[Record, list[str]]] = {}
    for split in SPLITS:
        if split == "test" and dataset.test_is_validation:
            continue
        report.counts[split] = 0
        try:
            records: Sequence[Record] = dataset.split_records(split)
        except KsegError as error:
            report.problems.append(str(error))
            continue
        if not records and split == "test":
            report.notes.append("there is no test split")  # training says so and measures on validation
        elif not records:
            report.problems.append(f"the {split} split is empty")
        for record in records[: dataset.options.limit]:
            homes.setdefault(record.id, (record, []))[1].append(split)
    if dataset.options.limit is None:
        for record in dataset.every_record():
            homes.setdefault(record.id, (record, [UNUSED]))
    return homes


def _check_labels(
    dataset: Dataset, record: Record, splits: Sequence[str], size: tuple[int, int], report: CheckReport
) -> None:
    labels = dataset.labels(record)
    check_same_size(record, size, labels.shape)
    pixels = np.bincount(labels.ravel(), minlength=256)
    report.pixels += pixels
    for split in splits:
        report.split_pixels[split] = report.split_pixels.get(split, 0) + pixels
    report.images_with += pixels > 0
    odd = [int(value) for value in np.flatnonzero(pixels) if value >= len(dataset.classes) and value != VOID]
    if odd:
        report.add([f"{record.id}: labels {odd} are outside 0..{len(dataset.classes) - 1}"], kind="labels outside")


def _look_for_objects(dataset: Dataset, record: Record, splits: Sequence[str], report: CheckReport) -> None:
    """Of tasks that ask for objects, the classes that the image shows; a truth that cannot be read is refused."""
    if dataset.task == DEFAULT_TASK:
        return
    classes = classes_that_count(dataset.truth(record))
    for split in splits:
        report.shown.setdefault(split, set()).update(classes)


def _absent_category(dataset: Dataset, report: CheckReport) -> list[str]:
    """The splits that do not show the `--category`; only where all masks could be read, which the count needs."""
    if dataset.options.category is None or report.problems:
        return []
    problems = []
    for split in report.counts:
        try:
            if split != UNUSED:
                dataset.records(split)
        except KsegError as error:
            problems.append(str(error))
    return list(dict.fromkeys(problems))


def _listed_twice(record: Record, splits: Sequence[str]) -> str:
    if len(set(splits)) == 1:
        return f"{splits[0]}: {record.id} is listed {len(splits)} times"
    return f"leak: {record.id} is in {' and '.join(dict.fromkeys(splits))}"


def _duplicates(groups: Iterable[Sequence[tuple[str, str]]]) -> list[str]:
    problems = []
    for group in groups:
        if len(group) < 2:
            continue
        splits = {split for split, _ in group} - {UNUSED}
        kind = "leak" if len(splits) > 1 else "duplicate"
        where = ", ".join(f"{name} ({split})" for split, name in group)
        problems.append(f"{kind}: the same picture under {len(group)} names: {where}")
    return problems
