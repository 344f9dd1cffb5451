"""Which files of a folder are images and which are masks: by words in names, or by a JPEG and a PNG of one name."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kseg.datasets.folder.names import Place, Role, place_of, plain, role_of_stem, shown
from kseg.datasets.folder.pairing import pair_places, suggestion
from kseg.datasets.folder.patterns import EXAMPLE, common_folder, option_line
from kseg.datasets.folder.scan import picture_files
from kseg.errors import UsageError
from kseg.wording import listed

PHOTOGRAPHS = {".jpg", ".jpeg"}
"""Of two files of one name, the file with this suffix is the image."""

MARK = re.compile(r"[\W_]+")
"""What separates the words of a name."""

MOST = 0.8
"""Smallest share of the files that proposed options have to pair."""

WANTED = "put images into images/ and masks of the same names into masks/, or say where they lie"


def images_and_masks(folder: Path) -> tuple[list[Place], list[Place], list[Place]]:
    """(images, masks, neither).

    Raises: UsageError where no name decides, or several folders may be meant; the message gives the options to pass.
    """
    # 1. by folders named after their content
    places = _default_layout(folder) or [place_of(path.relative_to(folder)) for path in picture_files(folder)]
    if not places:
        raise UsageError(f"{folder} holds no image; {WANTED}: {EXAMPLE}")
    masks = [place for place in places if place.role == "mask"]
    images = [place for place in places if place.role == "image"] if masks else []
    if masks and not images:
        images = [place for place in places if place.role is None]  # Carvana's train/ and train_masks/
    if masks:
        images, masks = _one_group(folder, images, masks)
    # 2. by the names of files
    else:
        masks = [place for place in places if role_of_stem(place.stem) == "mask"]
        if not masks:
            # Files beside a photograph of the same name: a.jpg and a.png.
            jpegs = {(place.path.parent, plain(place.stem)) for place in places if _is_photograph(place)}
            masks = [
                place
                for place in places
                if not _is_photograph(place) and (place.path.parent, plain(place.stem)) in jpegs
            ]
        known = set(masks)
        images = [place for place in places if place not in known]
    # 3. otherwise ask for options
    lacking = "mask" if not masks else "image" if not images else None
    if lacking:
        there = listed(shown(place.path) for place in places)
        options = _by_suffix(places) or _by_affix(places) or _by_folder(folder, places) or EXAMPLE
        raise UsageError(
            f"{folder} has no folder images/ and masks/, and no other name shows which of its {len(places)} files is "
            f"the {lacking} of which ({there}); {WANTED}: {options}"
        )
    known = {*images, *masks}
    return images, masks, [place for place in places if place not in known]


def _default_layout(folder: Path) -> list[Place]:
    """The files in `images/` and `masks/` if both hold some; all other files are then ignored."""
    roles: dict[str, Role] = {"images": "image", "masks": "mask"}
    if not all((folder / name).is_dir() for name in roles):
        return []
    files = {role: picture_files(folder / name) for name, role in roles.items()}
    if not all(files.values()):
        return []
    return [place_of(path.relative_to(folder), role) for role, paths in files.items() for path in paths]


def _by_suffix(places: Sequence[Place]) -> str:
    """Options for files of equal names and two suffixes, where either suffix may be the masks."""
    suffixes = [suffix for suffix, _ in Counter(place.path.suffix for place in places).most_common(2)]
    stems = [{place.stem for place in places if place.path.suffix == suffix} for suffix in suffixes]
    if len(stems) < 2 or not stems[0] & stems[1]:
        return ""
    prefix = common_folder([place.path for place in places])
    first, second = (f"{prefix}{{name}}{suffix}" for suffix in suffixes)
    choices = ((first, second), (second, first))
    return "  or  ".join(option_line(a.format(name="*"), b.format(name="{stem}")) for a, b in choices)


def _by_affix(places: Sequence[Place]) -> str:
    """Options for files where half the names are the other half with a prefix or suffix: `a.jpg`, `a_L.png`."""
    stems = {plain(place.stem) for place in places}
    if len(stems) < len(places):
        return ""
    ways: Counter[tuple[str, str]] = Counter()
    for stem in stems:
        for mark in MARK.finditer(stem):
            if stem[: mark.start()] in stems:
                ways["", stem[mark.start() :]] += 1
            if stem[mark.end() :] in stems:
                ways[stem[: mark.end()], ""] += 1
    if not ways:
        return _by_ending(places)
    (before, after), count = ways.most_common(1)[0]
    if count < MOST * len(stems) / 2:
        return ""
    prefix = common_folder([place.path for place in places])
    return option_line(f"{prefix}*.*", f"{prefix}{before}{{stem}}{after}.*")


def _by_ending(places: Sequence[Place]) -> str:
    """Options for files of two endings: `a_in.png`, `a_out.png`."""
    heads: dict[str, set[str]] = {}
    for place in places:
        if marks := list(MARK.finditer(plain(place.stem))):
            heads.setdefault(plain(place.stem)[marks[-1].start() :], set()).add(plain(place.stem)[: marks[-1].start()])
    first, second = (*sorted(heads, key=lambda ending: -len(heads[ending])), "", "")[:2]
    if not second or 2 * len(heads[first] & heads[second]) < MOST * len(places):
        return ""
    prefix = common_folder([place.path for place in places])
    choices = ((first, second), (second, first))
    return "  or  ".join(option_line(f"{prefix}{{stem}}{a}.*", f"{prefix}{{stem}}{b}.*") for a, b in choices)


def _by_folder(folder: Path, places: Sequence[Place]) -> str:
    """Options for two folders of equal names; the first choice takes the smaller files for masks."""
    groups = Counter(place.path.parent for place in places).most_common(2)
    if len(groups) < 2:
        return ""
    members = {parent: [place for place in places if place.path.parent == parent] for parent, _ in groups}
    first, second = ({plain(place.stem) for place in places_of} for places_of in members.values())
    if len(first & second) < MOST * max(len(first), len(second)):
        return ""
    sizes = {
        parent: sum((folder / one.path).stat().st_size for one in places_of) for parent, places_of in members.items()
    }
    large, small = (parent.as_posix() for parent in sorted(sizes, key=lambda parent: -sizes[parent]))
    large, small = (f"{'' if parent == '.' else f'{parent}/'}" for parent in (large, small))
    choices = ((large, small), (small, large))
    return "  or  ".join(option_line(f"{images}*.*", f"{masks}{{stem}}.*") for images, masks in choices)


def _one_group(folder: Path, images: list[Place], masks: list[Place]) -> tuple[list[Place], list[Place]]:
    """Of several folders for images or masks, the two that hold pairs. Raises UsageError where several could."""
    image_groups, mask_groups = _by_group(images), _by_group(masks)
    if len(image_groups) == 1 and len(mask_groups) == 1:
        return images, masks
    possible = [
        (some_images, some_masks)
        for some_images in image_groups.values()
        for some_masks in mask_groups.values()
        if pair_places(some_images, some_masks).masks
    ]
    if len(possible) > 1:
        choices = "  or  ".join(suggestion(*pair) for pair in possible[:4])
        raise UsageError(f"{folder} holds several folders that may be meant; say which with {choices}")
    return possible[0] if possible else (images, masks)


def _by_group(places: Sequence[Place]) -> dict[str, list[Place]]:
    groups: dict[str, list[Place]] = {}
    for place in places:
        groups.setdefault(place.group, []).append(place)
    return groups


def _is_photograph(place: Place) -> bool:
    return place.path.suffix.lower() in PHOTOGRAPHS
