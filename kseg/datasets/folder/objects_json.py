"""COCO's JSON in a user's folder: finds the files, the image that each entry names and the split of each file."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from kseg.datasets.coco.instances_json import Categories, CocoFile, read_instances_json
from kseg.datasets.folder.names import SPLIT_WORDS, place_of, safe_id, shown, words_of
from kseg.datasets.folder.pairs import Pairs
from kseg.datasets.folder.scan import picture_files
from kseg.datasets.record import Record
from kseg.errors import Failure, UsageError
from kseg.reading import MOST_ANNOTATIONS, read_text
from kseg.wording import counted, listed

DEPTHS = ("*.json", "*/*.json", "*/*/*.json")
"""Where JSON files are looked for in a folder."""


class _Keys(msgspec.Struct):
    """The keys of a COCO file, with any content."""

    images: msgspec.Raw
    annotations: msgspec.Raw
    categories: msgspec.Raw


@dataclass
class JsonObjects:
    """Images and their objects from one or several files."""

    categories: Categories
    pairs: Pairs
    records: dict[str, Record] = field(default_factory=dict)
    """by id, like those of `COCO`; the records of `pairs` have no annotation, since the JSON holds it"""


def find_json(folder: Path) -> list[Path]:
    """The files of objects under the folder, sorted."""
    found = sorted(path for depth in DEPTHS for path in folder.glob(depth) if not path.name.startswith("."))
    return [path for path in found if _is_objects(path)]


def json_objects(folder: Path, jsons: Sequence[Path]) -> JsonObjects:
    """The images of these files, looked for by name anywhere in the folder.

    Raises: Failure for a damaged file, an image that is missing or is named twice, and for files of different
      categories. UsageError where the JSON names two splits by one word.
    """
    # 1. the files, which name the same categories
    files = [read_instances_json(path) for path in jsons]
    for file in files[1:]:
        if file.categories != files[0].categories:
            raise Failure(f"{files[0].json} and {file.json} have different categories; give both the same")
    # 2. a record for each image that is there
    objects = JsonObjects(files[0].categories, Pairs())
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in picture_files(folder):
        by_name[path.name].append(path)
    splits = [_split(file.json.relative_to(folder)) for file in files] if len(files) > 1 else [None]
    used: set[Path] = set()
    for file, split in zip(files, splits, strict=True):
        for image in file.images:
            path = _path(folder, file, image.file_name, by_name)
            record_id = safe_id((path.stem,))
            if record_id in objects.records:
                record_id = safe_id(path.relative_to(folder).with_suffix("").parts)
            if path in used or record_id in objects.records:
                raise Failure(f"{shown(path)} is in {jsons[0].name} and again in {file.json.name}; keep one of them")
            used.add(path)
            objects.records[record_id] = Record(record_id, path, image)
            if split is not None:
                objects.pairs.split_of[record_id] = split
    # 3. notes and problems
    objects.records = dict(sorted(objects.records.items()))
    objects.pairs.records = {name: Record(name, one.image, ()) for name, one in objects.records.items()}
    count = sum(file.object_count for file in files)
    told = listed(path.relative_to(folder) for path in jsons)
    objects.pairs.layout = [
        f"COCO's JSON: {counted(count, 'object')} in {counted(len(objects.records), 'image')} ({told})",
        *(sentence for file in files for sentence in file.layout),
    ]
    objects.pairs.problems = [sentence for file in files for sentence in file.problems]
    left = sorted(shown(path.relative_to(folder)) for paths in by_name.values() for path in paths if path not in used)
    if left:
        objects.pairs.layout.append(f"left out, in no JSON: {counted(len(left), 'file')} ({listed(left)})")
    return objects


def _is_objects(path: Path) -> bool:
    try:
        msgspec.json.decode(read_text(path, most=MOST_ANNOTATIONS), type=_Keys)
    except (OSError, ValueError):  # a file that is something else
        return False
    return True


def _split(path: Path) -> str | None:
    """`valid/_annotations.coco.json`, `instances_val2017.json`, `test.json`."""
    words = [SPLIT_WORDS[word] for word in words_of(path.stem) if word in SPLIT_WORDS]
    return words[-1] if words else place_of(path).split


def _path(folder: Path, file: CocoFile, name: str, by_name: dict[str, list[Path]]) -> Path:
    """The picture of this name; of several, the one whose folders match, beside the JSON, or of its split."""
    wanted, split = Path(name.replace("\\", "/")), _split(file.json.relative_to(folder))
    there = by_name.get(wanted.name, [])
    for chosen in (
        there,
        [path for path in there if path.parts[-len(wanted.parts) :] == wanted.parts],
        [path for path in there if path.is_relative_to(file.json.parent)],
        [path for path in there if place_of(path.relative_to(folder)).split == split],
    ):
        if len(chosen) == 1:
            return chosen[0]
    if not there:
        raise Failure(f"{file.json} has the image {name}, which is not in the folder; add it or take it out")
    raise UsageError(
        f"{file.json} has the image {name}, and there are {len(there)} of that name ({shown(there[0])}, "
        f"{shown(there[1])}); give file_name with its folder"
    )
