"""Pairs of image and mask in a person's folder: by `--images` and `--masks`, or as its folders and names tell."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from kseg.datasets.base import DataOptions, Record
from kseg.datasets.folder.matching import Affixes, Matching, Named, match
from kseg.datasets.folder.names import Place, Role, place_of, plain, role_of_stem, safe_id, shown, words_of
from kseg.datasets.folder.patterns import Matched, common_folder, files_of_pattern, option_line
from kseg.datasets.folder.scan import picture_files
from kseg.errors import Failure, UsageError

PHOTOGRAPHS = {".jpg", ".jpeg"}
"""Of two files of one name, the one that no mask is stored as."""

WANTED = "put images into images/ and masks of the same names into masks/, or say where they lie"
EXAMPLE = option_line("imgs/*.jpg", "labels/{stem}_mask.png")
NAMED = 3
MERGED_UNASKED = "a folder of masks for each image"


@dataclass
class Pairs:
    """What was found: the records by id, and what there is to say of it."""

    records: dict[str, Record] = field(default_factory=dict)
    split_of: dict[str, str] = field(default_factory=dict)
    """by id, where folders name the splits"""
    layout: list[str] = field(default_factory=list)
    """what was recognised and what was left out, a sentence each"""
    problems: list[str] = field(default_factory=list)
    """pairs that cannot be told, a sentence each"""
    unlabelled: list[str] = field(default_factory=list)
    """paths of images without a mask"""
    without_image: list[str] = field(default_factory=list)
    """paths of masks without an image"""


def find_pairs(folder: Path, options: DataOptions) -> Pairs:
    """The pairs of a folder, sorted by id.

    Raises: UsageError where no image, no mask or no pair can be told; the sentence holds the options that would tell.
    """
    if (options.images is None) != (options.masks is None):
        given, other = ("images", "masks") if options.masks is None else ("masks", "images")
        raise UsageError(f"--{given} needs --{other}; for instance {EXAMPLE}")
    if options.images is not None and options.masks is not None:
        return _by_patterns(folder, options.images, options.masks, options.merge_masks)
    return _recognised(folder, options.merge_masks)


def _by_patterns(folder: Path, images: str, masks: str, merge: bool) -> Pairs:
    if "{stem}" not in masks:
        raise UsageError(f"--masks {masks!r} does not hold {{stem}}, which stands for the image's name: {EXAMPLE}")
    mask_files = files_of_pattern(folder, masks, "masks")
    taken = {file.path for file in mask_files}
    image_files = [file for file in files_of_pattern(folder, images, "images") if file.path not in taken]
    of_key: dict[tuple, list[Matched]] = defaultdict(list)
    for mask in mask_files:
        of_key[mask.key].append(mask)
    found = Pairs()
    used: set[tuple] = set()
    several: dict[Path, Sequence[Path]] = {}
    repeated = [key for key, count in Counter(file.key for file in image_files).items() if count > 1]
    if repeated:
        both = [shown(file.path) for file in image_files if file.key == repeated[0]]
        raise UsageError(f"--images {images!r} gives {' and '.join(both[:2])} the same name; use {{dir}} or rename one")
    for image in image_files:
        key = image.key
        # A field that only one of the two patterns has cannot tell anything apart.
        own = of_key.get(key) or of_key.get((key[0], "", None)) or []
        used |= {mask.key for mask in own}
        name = tuple(filter(None, (image.split, *image.folder.split("/"), image.stem)))
        _add(found, image.path, [mask.path for mask in own], name, image.split, merge, several)
    found.without_image = [shown(file.path) for file in mask_files if file.key not in used]
    _tell(found, option_line(images, masks), several, merge)
    if not found.records and not found.problems:
        raise UsageError(
            f"no mask of --masks {masks!r} belongs to an image of --images {images!r}: the images are named "
            f"{_some([image.stem for image in image_files])}, the masks {_some([mask.stem for mask in mask_files])}"
        )
    return found


def _recognised(folder: Path, merge: bool) -> Pairs:
    """Pairs by the words in the names of folders, else in those of files, else by JPEG and PNG of one name."""
    places = _default_layout(folder) or [place_of(path.relative_to(folder)) for path in picture_files(folder)]
    if not places:
        raise UsageError(f"{folder} holds no image; {WANTED}: {EXAMPLE}")
    images, masks, left_out = _roles(folder, places)
    found, matching = Pairs(), Matching()
    merged_folders = _folders_of_masks(images, masks, matching)
    _match_by_place(images, masks, matching)
    alone = _alone_together(images, masks, matching)
    several: dict[Path, Sequence[Path]] = {}
    for index, image in enumerate(images):
        own = [folder / masks[number].path for number in sorted(matching.masks.get(index, ()))]
        name = tuple(filter(None, (image.split, *image.folders, image.stem)))
        unasked = index in merged_folders
        _add(found, folder / image.path, own, name, image.split, merge or unasked, {} if unasked else several)
    taken = {number for numbers in matching.masks.values() for number in numbers}
    found.without_image = [shown(folder / mask.path) for number, mask in enumerate(masks) if number not in taken]
    ways = _ways(images, masks, matching, merged_folders) + alone
    lacking = len(found.unlabelled)
    paired = len(found.records) + (0 if merge else len(several))
    if not paired or (lacking > paired and len(found.without_image) > paired):
        pairs = f"only {paired} of {len(images)} images have" if paired else "no image has"
        raise UsageError(
            f"{pairs} a mask that its name would tell in {folder}: images are named "
            f"{_some([shown(image.path) for image in images])}, masks {_some([shown(mask.path) for mask in masks])}; "
            f"say which belong together, for instance {_suggestion(images, masks)}"
        )
    _tell(found, "; ".join(ways), several, merge, left_out)
    if merged_folders:
        found.layout.append(f"{MERGED_UNASKED} ({len(merged_folders)} images): joined into one mask each")
    return found


def _default_layout(folder: Path) -> list[Place]:
    """What lies in `images/` and `masks/`, if something is in both; then the rest does not matter."""
    roles: dict[str, Role] = {"images": "image", "masks": "mask"}
    if not all((folder / name).is_dir() for name in roles):
        return []
    found = {role: picture_files(folder / name) for name, role in roles.items()}
    if not all(found.values()):
        return []
    return [place_of(path.relative_to(folder), role) for role, paths in found.items() for path in paths]


def _roles(folder: Path, places: Sequence[Place]) -> tuple[list[Place], list[Place], list[Place]]:
    """(images, masks, what is neither)."""
    masks = [place for place in places if place.role == "mask"]
    images = [place for place in places if place.role == "image"] if masks else []
    if masks and not images:
        images = [place for place in places if place.role is None]  # Carvana's train/ and train_masks/
    if masks:
        images, masks = _one_group(folder, images, masks)
    else:
        masks = [place for place in places if role_of_stem(place.stem) == "mask"]
        if not masks:
            # Twins of a photograph that are no photographs: a.jpg and a.png.
            jpegs = {(place.path.parent, plain(place.stem)) for place in places if _is_photograph(place)}
            masks = [
                place
                for place in places
                if not _is_photograph(place) and (place.path.parent, plain(place.stem)) in jpegs
            ]
        known = set(masks)
        images = [place for place in places if place not in known]
    lacking = "mask" if not masks else "image" if not images else None
    if lacking:
        there = _some([shown(place.path) for place in places])
        raise UsageError(
            f"{folder} has no folder images/ and masks/, and nothing else there tells which of its {len(places)} files "
            f"is the {lacking} of which ({there}); {WANTED}: {_by_suffix(places) or EXAMPLE}"
        )
    known = {*images, *masks}
    return images, masks, [place for place in places if place not in known]


def _by_suffix(places: Sequence[Place]) -> str:
    """Options for files of the same names and two suffixes, either of which may be the masks."""
    suffixes = [suffix for suffix, _ in Counter(place.path.suffix for place in places).most_common(2)]
    stems = [{place.stem for place in places if place.path.suffix == suffix} for suffix in suffixes]
    if len(stems) < 2 or not stems[0] & stems[1]:
        return ""
    prefix = common_folder([place.path for place in places])
    first, second = (f"{prefix}{{name}}{suffix}" for suffix in suffixes)
    choices = ((first, second), (second, first))
    return "  or  ".join(option_line(a.format(name="*"), b.format(name="{stem}")) for a, b in choices)


def _one_group(folder: Path, images: list[Place], masks: list[Place]) -> tuple[list[Place], list[Place]]:
    """Of several kinds of folders for images or masks, the two that hold pairs; more than two is a question."""
    image_groups, mask_groups = ({place.group: [] for place in kind} for kind in (images, masks))
    for kind, groups in ((images, image_groups), (masks, mask_groups)):
        for place in kind:
            groups[place.group].append(place)
    if len(image_groups) == 1 and len(mask_groups) == 1:
        return images, masks
    possible = []
    for some_images in image_groups.values():
        for some_masks in mask_groups.values():
            matching = Matching()
            _folders_of_masks(some_images, some_masks, matching)
            _match_by_place(some_images, some_masks, matching)
            _alone_together(some_images, some_masks, matching)
            if matching.masks:
                possible.append((some_images, some_masks))
    if len(possible) > 1:
        choices = "  or  ".join(_suggestion(*pair) for pair in possible[:4])
        raise UsageError(f"{folder} holds several folders that may be meant; say which with {choices}")
    return possible[0] if possible else (images, masks)


def _folders_of_masks(images: Sequence[Place], masks: Sequence[Place], matching: Matching) -> set[int]:
    """Pairs `masks/ID/*` with `images/ID.*`, and `ID/masks/*` with the one image of `ID/images/`: images with several.

    Folders that all hold the same few names are no objects but classes, and left to the person.
    """
    inside: dict[tuple, list[int]] = defaultdict(list)
    for number, mask in enumerate(masks):
        if mask.folders and mask.role == "mask":
            inside[mask.where].append(number)
    alone = Counter(image.where for image in images)
    several = set()
    for index, image in enumerate(images):
        split, folders = image.where
        own = inside.get((split, (*folders, plain(image.stem))))
        if own is None and image.inner and alone[image.where] == 1:
            own = inside.get(image.where)
            own = None if own and any(plain(masks[number].stem) == plain(image.stem) for number in own) else own
        if own and (len(own) > 1 or plain(masks[own[0]].stem) != plain(image.stem)):
            for number in own:
                matching.add(index, number, Affixes())
            if len(own) > 1:
                several.add(index)
    words = Counter(
        "".join(word for word in words_of(masks[number].stem) if not word.isdigit())
        for index in several
        for number in matching.masks[index]
    )
    shared = [word for word, count in words.items() if word and count > len(several) / 2]
    return set() if len(several) > 1 and len(shared) > 1 else several


def _match_by_place(images: Sequence[Place], masks: Sequence[Place], matching: Matching) -> None:
    """By name within the same split and folders, then of what is left within the same folders, then anywhere."""
    for place in (lambda one: one.where, lambda one: one.where[1], lambda one: one.split, lambda one: None):
        taken = {number for numbers in matching.masks.values() for number in numbers}
        left_images = [Named(place(one), one.stem, i) for i, one in enumerate(images) if i not in matching.masks]
        left_masks = [Named(place(one), one.stem, i) for i, one in enumerate(masks) if i not in taken]
        if not left_images or not left_masks:
            # A mask that is left may be the second of an image: it is asked about, not dropped.
            break
        more = match(left_images, left_masks)
        for image, numbers in more.masks.items():
            matching.masks[image] += numbers
        matching.ways += more.ways


def _alone_together(images: Sequence[Place], masks: Sequence[Place], matching: Matching) -> list[str]:
    """Pairs what is left where a folder of its own holds one image and one mask: `ID/photo.jpg` and `ID/mask.png`."""
    taken = {number for numbers in matching.masks.values() for number in numbers}
    left: dict[PurePath, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index, image in enumerate(images):
        if index not in matching.masks:
            left[image.path.parent][0].append(index)
    for number, mask in enumerate(masks):
        if number not in taken:
            left[mask.path.parent][1].append(number)
    ways = set()
    for folder, (own_images, own_masks) in left.items():
        if folder != PurePath(".") and len(own_images) == len(own_masks) == 1:
            matching.masks[own_images[0]].append(own_masks[0])
            ways.add(f"{{dir}}/{images[own_images[0]].path.name} with {{dir}}/{masks[own_masks[0]].path.name}")
    return sorted(ways)[:NAMED]


def _add(
    found: Pairs,
    image: Path,
    masks: Sequence[Path],
    name: tuple[str, ...],
    split: str | None,
    merge: bool,
    several: dict[Path, Sequence[Path]],
) -> None:
    """One image with its masks; none and several are noted."""
    if not masks:
        found.unlabelled.append(shown(image))
        return
    if len(masks) > 1:
        several[image] = masks
        if not merge:
            return
    record_id = safe_id(name)
    if record_id in found.records:
        other = found.records[record_id].pair[0]
        raise Failure(f"{shown(other)} and {shown(image)} share the name {record_id!r}; rename or remove one")
    found.records[record_id] = Record(record_id, image, masks[0], tuple(masks[1:]))
    if split is not None:
        found.split_of[record_id] = split


def _tell(
    found: Pairs, how: str, several: Mapping[Path, Sequence[Path]], merge: bool, left_out: Sequence[Place] = ()
) -> None:
    """Sort, and say what was recognised, set aside and doubtful."""
    found.records = dict(sorted(found.records.items()))
    found.layout.append(f"{len(found.records)} pairs of image and mask: {how}")
    if several and merge:
        found.layout.append(f"--merge-masks: {len(several)} images have several masks each, joined into one")
    elif several:
        image, masks = next(iter(several.items()))
        found.problems.append(
            f"{len(several)} of the images have several masks each ({shown(image)}: "
            f"{_some([mask.name for mask in masks])}); pass --merge-masks to join them into one, or --images and "
            f"--masks for those that are meant: {EXAMPLE}"
        )
    if found.unlabelled:
        found.layout.append(f"set aside, without a mask: {len(found.unlabelled)} images ({_some(found.unlabelled)})")
    if found.without_image:
        found.layout.append(
            f"set aside, without an image: {len(found.without_image)} masks ({_some(found.without_image)})"
        )
    if left_out:
        names = _some([shown(place.path) for place in left_out])
        found.layout.append(f"left out, neither image nor mask: {len(left_out)} files ({names})")


def _ways(images: Sequence[Place], masks: Sequence[Place], matching: Matching, merged: set[int]) -> list[str]:
    """`imgs/* with labels/{stem}_mask.*`, the most frequent way first."""
    if not matching.ways:
        return []
    used_images = [images[index].path for index in matching.masks]
    used_masks = [masks[number].path for numbers in matching.masks.values() for number in numbers]
    left, right = common_folder(used_images), common_folder(used_masks)
    ways = [way for way, _ in matching.ways.most_common(NAMED) if way.length or not merged] or [Affixes()]
    texts = []
    for way in ways:
        stem = "*" if merged and not way.length else f"{way.mask_before}{{stem}}{way.mask_after}"
        texts.append(f"{left}{way.image_before}{{stem}}{way.image_after}.* with {right}{stem}.*")
    return texts


def _suggestion(images: Sequence[Place], masks: Sequence[Place]) -> str:
    """Options that would pair these, as far as their folders tell."""
    left, right = (common_folder([place.path for place in kind]) for kind in (images, masks))
    matching = Matching()
    _match_by_place(images, masks, matching)
    way = matching.ways.most_common(1)[0][0] if matching.ways else Affixes(mask_after="_mask")
    image = f"{way.image_before}{{stem}}{way.image_after}" if way.image_before or way.image_after else "*"
    return option_line(f"{left}{image}.*", f"{right}{way.mask_before}{{stem}}{way.mask_after}.*")


def _is_photograph(place: Place) -> bool:
    return PurePath(place.path).suffix.lower() in PHOTOGRAPHS


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
