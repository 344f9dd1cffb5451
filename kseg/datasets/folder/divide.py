"""Divides a folder's pairs into train, validation and test: by lists, by folders of these names, or at random."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kseg.conventions import SPLITS
from kseg.datasets.contents import content_digests
from kseg.datasets.folder.names import plain, shown
from kseg.datasets.folder.options import FolderOptions
from kseg.datasets.folder.pairs import Pairs
from kseg.datasets.lists import COMMENT, read_lines
from kseg.datasets.record import Record
from kseg.datasets.splits import drawn_splits
from kseg.errors import UsageError
from kseg.wording import counted, listed

LIST_NAMES = {
    "train": ("train.txt",),
    "validation": ("validation.txt", "val.txt", "valid.txt"),
    "test": ("test.txt",),
}
COLUMNS = {
    "image", "img", "mask", "label", "name", "file", "filename", "path", "id", "split", "annotation", "image_path",
    "mask_path", "label_path", "image_name", "mask_name", "image_id", "file_name",
}  # fmt: skip
"""Column names: a list's first line that holds only these is a header."""

LIST_PLACES = ("", "ImageSets/Segmentation", "splits", "lists")
"""Where lists may lie under a folder; the first place with a training list is used."""


@dataclass
class Division:
    """The splits, with notes and problems."""

    splits: dict[str, list[Record]]
    drawn: bool = False
    """whether any split was drawn at random"""
    layout: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def divide(folder: Path, pairs: Pairs, options: FolderOptions) -> Division:
    """The splits of a folder. Where lists or folders name no validation split, it is drawn from the training images.

    Raises: UsageError for `--split-sizes` that do not fit and for two lists of one split.
    """
    lists = find_lists(folder)
    if lists:
        division = listed_splits(lists, pairs)
        division.layout.insert(0, f"splits: as {', '.join(path.name for path in lists.values())} list them")
    elif "train" in pairs.split_of.values() and len(set(pairs.split_of.values())) > 1:
        splits: dict[str, list[Record]] = {split: [] for split in SPLITS}
        for record_id, record in pairs.records.items():
            if record_id in pairs.split_of:
                splits[pairs.split_of[record_id]].append(record)
        division = Division(splits, layout=["splits: as the folders are named"])
    else:
        records = list(pairs.records.values())
        splits = _drawn(records, options.split_sizes, options.data_seed) if records else {s: [] for s in SPLITS}
        sizes = " ".join(f"{size:g}" for size in options.split_sizes)
        split = f"splits: each image by itself, at random (--split-sizes {sizes}, --data-seed {options.data_seed})"
        return Division(splits, drawn=True, layout=[split, *_tables(folder), *_no_test(splits)])
    _draw_validation(division, options)
    if not division.drawn and options.split_sizes != FolderOptions.split_sizes:
        division.layout.append("--split-sizes means nothing here and is ignored: lists or folders name every split")
    division.layout += _no_test(division.splits)
    return division


def find_lists(folder: Path) -> dict[str, Path]:
    """The split lists by split, from the first place that holds a training list."""
    for place in LIST_PLACES:
        lists = {}
        for split, names in LIST_NAMES.items():
            paths = _files_in(folder / place, names)
            if len(paths) > 1:
                raise UsageError(f"{folder / place} holds both {paths[0].name} and {paths[1].name}; keep one of them")
            if paths:
                lists[split] = paths[0]
        if lists and (not place or "train" in lists):
            return lists
    return {}


def _files_in(folder: Path, names: Sequence[str]) -> list[Path]:
    """Files with these names, in the order of `names`; case does not matter."""
    known = [path for path in folder.iterdir() if path.name.lower() in names] if folder.is_dir() else []
    return sorted((path for path in known if path.is_file()), key=lambda path: (names.index(path.name.lower()), path))


def _tables(folder: Path) -> list[str]:
    """A note on tables named like a split, which are not read since they may hold anything."""
    names = [f"{Path(name).stem}.csv" for split_names in LIST_NAMES.values() for name in split_names]
    tables = [path.name for path in _files_in(folder, names)]
    if not tables:
        return []
    first, text = tables[0], f"{Path(tables[0]).stem}.txt"
    return [f"not read: {', '.join(tables)}; if {first} lists a split, save its names as {text}, one per line"]


def listed_splits(lists: Mapping[str, Path], pairs: Pairs) -> Division:
    """The splits by lists, whose lines are `cat`, `cat.jpg` or `images/cat.jpg`; further columns are ignored.

    An image in two lists and a name without a pair are problems; a line that occurs twice in one list counts once.
    """
    known, unlabeled = Lookup(pairs.records.values()), {plain(Path(path).stem) for path in pairs.unlabeled}
    division = Division({split: [] for split in SPLITS})
    home: dict[str, str] = {}
    for split, path in lists.items():
        unknown: list[str] = []
        lacking: list[str] = []
        twice: list[str] = []
        # 1. each line is a pair, a header, or goes into a list of remarks
        for number, line in enumerate(read_lines(path)):
            record = known.of_line(line)
            if record is None and (line.startswith(COMMENT) or (number == 0 and _is_header(line))):
                continue
            if record is None:
                (lacking if plain(_stem(line)) in unlabeled else unknown).append(line)
            elif home.get(record.id) == path.name:
                twice.append(record.id)
            elif record.id in home:
                division.problems.append(
                    f"{record.id!r} is listed in {home[record.id]} and in {path.name}; list every image once"
                )
            else:
                home[record.id] = path.name
                division.splits[split].append(record)
        # 2. the remarks on the whole list
        division.problems += [
            f"{path} lists {shown(line)!r}, but there is no such pair of image and mask; take it off the list or add "
            "the files"
            for line in unknown
        ]
        for names, what in ((lacking, "without a mask, left out"), (twice, "listed twice, counted once")):
            if names:
                division.layout.append(
                    f"{path.name}: {counted(len(names), 'image')} {what} ({listed(map(shown, names))})"
                )
    return division


class Lookup:
    """Records by the names that a line of a list may give them."""

    def __init__(self, records):
        self.exact: dict[str, list[Record]] = {}
        self.alike: dict[str, list[Record]] = {}
        for record in records:
            for path in (record.image_file, *record.annotation[:1]):
                for name in self._names(path, record.id):
                    self._put(self.exact, name, record)
                    self._put(self.alike, plain(name), record)

    @staticmethod
    def _names(path: Path, record_id: str) -> set[str]:
        tails = {"/".join(path.parts[-depth:]) for depth in range(1, len(path.parts) + 1)}
        tails |= {str(PurePosixPath(tail).with_suffix("")) for tail in tails}
        # A file name that is not UTF-8 may be listed in its original encoding.
        return tails | {os.fsencode(tail).decode("latin-1") for tail in tails} | {record_id}

    @staticmethod
    def _put(table: dict[str, list[Record]], name: str, record: Record) -> None:
        owners = table.setdefault(name, [])
        if record not in owners:
            owners.append(record)

    def of_line(self, line: str) -> Record | None:
        """The record of a line; the whole line is tried first, since names may hold spaces, then its first column."""
        for text in (line, *(line.split(mark)[0] for mark in ("\t", ",", ";")), line.split()[0]):
            name = text.strip().strip("\"'").replace("\\", "/").removeprefix("./").rstrip("/")
            for wanted in filter(None, (name, str(PurePosixPath(name).with_suffix("")) if name.strip("./") else "")):
                for table, key in ((self.exact, wanted), (self.alike, plain(wanted))):
                    if len(owners := table.get(key, [])) == 1:
                        return owners[0]
            # A path from another machine: only the file name counts.
            last = PurePosixPath(name).name
            for wanted in filter(None, (last, PurePosixPath(last).stem)):
                if len(owners := self.alike.get(plain(wanted), [])) == 1:
                    return owners[0]
        return None


def _is_header(line: str) -> bool:
    """`image,mask` or `filename`: the names of columns."""
    columns = re.split(r"[,;\t]|\s+", line.strip())
    return all(column.strip("\"'").lower().rstrip("s") in COLUMNS for column in columns)


def _stem(line: str) -> str:
    return PurePosixPath(line.replace("\\", "/")).stem


def _drawn(records: Sequence[Record], sizes: Sequence[float], seed: int) -> dict[str, list[Record]]:
    """Random splits keyed by content: equal pictures fall into one split, and renaming a file moves nothing."""
    if max(sizes) <= 1:
        asked = sum(size > 0 for size in sizes)
        for needed, place in ((3, 2), (2, 1)):  # too few images: give up the test split first, then validation
            if len(records) < min(needed, asked) and sizes[0]:
                sizes = [0.0 if split == place else size for split, size in enumerate(sizes)]
    digests = content_digests([record.image_file for record in records])
    keys = {record.id: digest for record, digest in zip(records, digests, strict=True)}
    if len(set(digests)) < sum(size > 0 for size in sizes):  # fewer distinct pictures than splits: key by name
        keys = {record.id: record.id for record in records}
    return drawn_splits(records, sizes, seed, key=lambda record: keys[record.id])


def _draw_validation(division: Division, options: FolderOptions) -> None:
    splits = division.splits
    if splits["validation"] or len(splits["train"]) < 2:
        return
    train, validation, _ = options.split_sizes
    total = len(splits["train"])
    share = validation / (train + validation) if 0 < validation < 1 else 0.1
    size = (1 - share, share, 0.0) if validation <= 1 or validation >= total else (total - validation, validation, 0.0)
    drawn = _drawn(splits["train"], size, options.data_seed)
    splits["train"], splits["validation"] = drawn["train"], drawn["validation"]
    division.drawn = True
    division.layout.append(
        f"no validation split is named: {len(splits['validation'])} of the {total} training images are drawn for it "
        f"(--data-seed {options.data_seed})"
    )


def _no_test(splits: Mapping[str, Sequence[Record]]) -> list[str]:
    if splits["test"] or not splits["train"]:
        return []
    return ["no test split: the final figures are measured on the validation images, which also choose the best epoch"]
