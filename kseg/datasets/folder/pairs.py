"""Pairs of image and mask in a user's folder: by `--images` and `--masks`, or recognized from folders and names."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kseg.datasets.folder.names import Place, safe_id, shown
from kseg.datasets.folder.options import FolderOptions
from kseg.datasets.folder.pairing import pair_places, suggestion
from kseg.datasets.folder.patterns import EXAMPLE, Matched, files_of_pattern, option_line
from kseg.datasets.folder.roles import images_and_masks
from kseg.datasets.record import Record
from kseg.errors import Failure, UsageError
from kseg.wording import counted, listed


@dataclass
class Pairs:
    """The records by id, with notes and problems."""

    records: dict[str, Record] = field(default_factory=dict)
    split_of: dict[str, str] = field(default_factory=dict)
    """by id, where folders name the splits"""
    layout: list[str] = field(default_factory=list)
    """what was recognized and what was left out, a sentence each"""
    problems: list[str] = field(default_factory=list)
    """pairs that cannot be determined, a sentence each"""
    unlabeled: list[str] = field(default_factory=list)
    """paths of images without a mask"""
    without_image: list[str] = field(default_factory=list)
    """paths of masks without an image"""
    object_files: bool = False
    """whether each image has its own folder of masks, an object each"""


def find_pairs(folder: Path, options: FolderOptions) -> Pairs:
    """The pairs of a folder, sorted by id.

    Raises: UsageError where no image, no mask or no pair is recognized; the message gives the options to pass.
    """
    if (options.images is None) != (options.masks is None):
        given, other = ("images", "masks") if options.masks is None else ("masks", "images")
        raise UsageError(f"--{given} needs --{other}; for instance {EXAMPLE}")
    if options.images is not None and options.masks is not None:
        return _by_patterns(folder, options.images, options.masks, options.merge_masks)
    return _recognized(folder, options.merge_masks)


def _by_patterns(folder: Path, images: str, masks: str, merge: bool) -> Pairs:
    # 1. the files of both patterns, the masks by their fields
    if "{stem}" not in masks:
        raise UsageError(f"--masks {masks!r} lacks {{stem}}, which stands for the image's name; for instance {EXAMPLE}")
    mask_files = files_of_pattern(folder, masks, "masks")
    taken = {file.path for file in mask_files}
    image_files = [file for file in files_of_pattern(folder, images, "images") if file.path not in taken]
    of_key: dict[tuple, list[Matched]] = defaultdict(list)
    for mask in mask_files:
        of_key[mask.key].append(mask)
    pairs = Pairs()
    used: set[tuple] = set()
    several: dict[Path, Sequence[Path]] = {}
    repeated = [key for key, count in Counter(file.key for file in image_files).items() if count > 1]
    if repeated:
        both = [shown(file.path) for file in image_files if file.key == repeated[0]]
        raise UsageError(f"--images {images!r} gives {' and '.join(both[:2])} the same name; use {{dir}} or rename one")
    # 2. each image with the masks of the same fields
    for image in image_files:
        key = image.key
        # A field that only one of the two patterns has cannot distinguish anything.
        masks_of_image = of_key.get(key) or of_key.get((key[0], "", None)) or []
        used |= {mask.key for mask in masks_of_image}
        name = tuple(filter(None, (image.split, *image.folder.split("/"), image.stem)))
        _add(pairs, image.path, [mask.path for mask in masks_of_image], name, image.split, merge, several)
    # 3. notes and problems
    pairs.without_image = [shown(file.path) for file in mask_files if file.key not in used]
    line = option_line(images, masks)
    _tell(pairs, line, several, merge, lambda: f"{line} with narrower patterns")
    if not pairs.records and not pairs.problems:
        raise UsageError(
            f"no mask of --masks {masks!r} belongs to an image of --images {images!r}: the images are named "
            f"{_stems(image_files)}, the masks {_stems(mask_files)}; put {{stem}} where both names agree"
        )
    return pairs


def _stems(files: Sequence[Matched]) -> str:
    return listed(dict.fromkeys(file.stem for file in files))


def _recognized(folder: Path, merge: bool) -> Pairs:
    """Pairs recognized from folders and names."""
    # 1. each image with its masks by name
    images, masks, left_out = images_and_masks(folder)
    recognized, pairing = Pairs(), pair_places(images, masks)
    several: dict[Path, Sequence[Path]] = {}
    for index, image in enumerate(images):
        masks_of_image = [folder / masks[number].path for number in sorted(pairing.masks.get(index, ()))]
        name = tuple(filter(None, (image.split, *image.folders, image.stem)))
        unasked = index in pairing.objects
        _add(
            recognized,
            folder / image.path,
            masks_of_image,
            name,
            image.split,
            merge or unasked,
            {} if unasked else several,
        )
    # 2. refuse a pairing that leaves most of the images out
    taken = {number for numbers in pairing.masks.values() for number in numbers}
    recognized.without_image = [shown(folder / mask.path) for number, mask in enumerate(masks) if number not in taken]
    lacking = len(recognized.unlabeled)
    paired = len(recognized.records) + (0 if merge else len(several))
    if not paired or (lacking > paired and len(recognized.without_image) > paired):
        pairs = f"only {paired} of {len(images)} images have" if paired else "no image has"
        raise UsageError(
            f"{pairs} a mask of a matching name in {folder}: images are named "
            f"{listed(shown(image.path) for image in images)}, masks {listed(shown(mask.path) for mask in masks)}; "
            f"say which belong together, for instance {suggestion(images, masks)}"
        )
    # 3. notes and problems
    _tell(recognized, "; ".join(pairing.ways), several, merge, lambda: suggestion(images, masks), left_out)
    if pairing.objects:
        images_with = counted(len(pairing.objects), "image")
        recognized.layout.append(
            f"a folder of masks for each image ({images_with} with several): joined into one mask each"
        )
        recognized.object_files = _in_folders_of_their_own(recognized.records.values())
        if recognized.object_files:
            recognized.layout.append("as objects: every mask file is one object")
    return recognized


def _in_folders_of_their_own(records: Iterable[Record]) -> bool:
    owners: dict[Path, set[str]] = defaultdict(set)
    for record in records:
        for mask in record.annotation:
            owners[mask.parent].add(record.id)
    return all(len(ids) == 1 for ids in owners.values())


def _add(
    pairs: Pairs,
    image: Path,
    masks: Sequence[Path],
    name: tuple[str, ...],
    split: str | None,
    merge: bool,
    several: dict[Path, Sequence[Path]],
) -> None:
    """Adds one image with its masks; an image without masks or with several is noted."""
    if not masks:
        pairs.unlabeled.append(shown(image))
        return
    if len(masks) > 1:
        several[image] = masks
        if not merge:
            return
    record_id = safe_id(name)
    if record_id in pairs.records:
        other = pairs.records[record_id].image_file
        raise Failure(f"{shown(other)} and {shown(image)} share the name {record_id!r}; rename or remove one")
    pairs.records[record_id] = Record(record_id, image, tuple(masks))
    if split is not None:
        pairs.split_of[record_id] = split


def _tell(
    pairs: Pairs,
    how: str,
    several: Mapping[Path, Sequence[Path]],
    merge: bool,
    advice: Callable[[], str],
    left_out: Sequence[Place] = (),
) -> None:
    """Sorts the records and adds notes and problems; `advice` is called only where it is needed, since it is slow."""
    pairs.records = dict(sorted(pairs.records.items()))
    pairs.layout.append(f"{counted(len(pairs.records), 'pair')} of image and mask: {how}")
    if several and merge:
        pairs.layout.append(f"--merge-masks: of {counted(len(several), 'image')} several masks are joined into one")
    elif several:
        image, masks = next(iter(several.items()))
        pairs.problems.append(
            f"several masks may be meant for {counted(len(several), 'image')} ({shown(image)}: "
            f"{listed(shown(mask.name) for mask in masks)}); pass --merge-masks to join them into one, or say which: "
            f"{advice()}"
        )
    for names, what in (
        (pairs.unlabeled, "set aside, without a mask: {} image"),
        (pairs.without_image, "set aside, without an image: {} mask"),
        ([shown(place.path) for place in left_out], "left out, neither image nor mask: {} file"),
    ):
        if names:
            before, noun = what.split(" {} ")
            pairs.layout.append(f"{before} {counted(len(names), noun)} ({listed(names)})")
