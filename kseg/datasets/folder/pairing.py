"""Pairs the images and masks of a folder: by the folders they lie in, and within folders by name."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from kseg.datasets.folder.matching import Affixes, Matching, Named, match
from kseg.datasets.folder.names import Place, plain, words_of
from kseg.datasets.folder.patterns import common_folder, option_line

TOLD = 3
"""How many ways of pairing are told."""


@dataclass(frozen=True)
class Pairing:
    """The masks of each image, as places in the two lists, and how they were found."""

    masks: dict[int, list[int]]
    objects: set[int]
    """images whose masks are a folder of objects"""
    ways: list[str]
    """`imgs/{stem}.* with labels/{stem}_mask.*`, the most frequent way first"""


def pair_places(images: Sequence[Place], masks: Sequence[Place]) -> Pairing:
    """Pairs by folders of masks, then by name, then by a folder that holds just one of each."""
    matching = Matching()
    objects = _folders_of_masks(images, masks, matching)
    _match_by_place(images, masks, matching)
    ways = _alone_together(images, masks, matching)
    return Pairing(matching.masks, objects, _ways(images, masks, matching, objects) + ways)


def suggestion(images: Sequence[Place], masks: Sequence[Place]) -> str:
    """Options that would pair these, as far as their folders and names say."""
    left, right = (common_folder([place.path for place in kind]) for kind in (images, masks))
    matching = Matching()
    _match_by_place(images, masks, matching)
    way = matching.ways.most_common(1)[0][0] if matching.ways else Affixes(mask_after="_mask")
    image = f"{way.image_before}{{stem}}{way.image_after}" if way.image_before or way.image_after else "*"
    return option_line(f"{left}{image}.*", f"{right}{way.mask_before}{{stem}}{way.mask_after}.*")


def _folders_of_masks(images: Sequence[Place], masks: Sequence[Place], matching: Matching) -> set[int]:
    """Pairs `masks/ID/*` with `images/ID.*`, and `ID/masks/*` with the one image of `ID/images/`.

    Returns: the images with several masks, an object each. None where all folders hold the same few names, since these
      are classes and the user has to decide.
    """
    inside: dict[tuple, list[int]] = defaultdict(list)
    for number, mask in enumerate(masks):
        if mask.folders and mask.role == "mask":
            inside[mask.where].append(number)
    alone = Counter(image.where for image in images)
    several = set()
    for index, image in enumerate(images):
        split, folders = image.where
        numbers = inside.get((split, (*folders, plain(image.stem))))
        if numbers is None and image.inner and alone[image.where] == 1:
            numbers = inside.get(image.where)
            if numbers and any(plain(masks[number].stem) == plain(image.stem) for number in numbers):
                numbers = None
        if numbers and (len(numbers) > 1 or plain(masks[numbers[0]].stem) != plain(image.stem)):
            for number in numbers:
                matching.add(index, number, Affixes())
            if len(numbers) > 1:
                several.add(index)
    words = Counter(
        "".join(word for word in words_of(masks[number].stem) if not word.isdigit())
        for index in several
        for number in matching.masks[index]
    )
    shared = [word for word, count in words.items() if word and count > len(several) / 2]
    return set() if len(several) > 1 and len(shared) > 1 else several


def _match_by_place(images: Sequence[Place], masks: Sequence[Place], matching: Matching) -> None:
    """Pairs by name within the same split and folders, then within the same folders, the same split, and anywhere."""
    for place in (lambda one: one.where, lambda one: one.where[1], lambda one: one.split, lambda one: None):
        taken = {number for numbers in matching.masks.values() for number in numbers}
        left_images = [Named(place(one), one.stem, i) for i, one in enumerate(images) if i not in matching.masks]
        left_masks = [Named(place(one), one.stem, i) for i, one in enumerate(masks) if i not in taken]
        if not left_images or not left_masks:
            # A mask that is left may be the second of an image: it becomes a problem and is not dropped.
            break
        more = match(left_images, left_masks)
        for image, numbers in more.masks.items():
            matching.masks[image] += numbers
        matching.ways += more.ways


def _alone_together(images: Sequence[Place], masks: Sequence[Place], matching: Matching) -> list[str]:
    """Pairs what is left where a folder holds just one image and one mask: `ID/photo.jpg` and `ID/mask.png`."""
    taken = {number for numbers in matching.masks.values() for number in numbers}
    held = Counter(place.path.parent for place in (*images, *masks))
    left: dict[PurePath, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index, image in enumerate(images):
        if index not in matching.masks:
            left[image.path.parent][0].append(index)
    for number, mask in enumerate(masks):
        if number not in taken:
            left[mask.path.parent][1].append(number)
    ways = set()
    for folder, (own_images, own_masks) in left.items():
        if folder.parts and held[folder] == 2 and len(own_images) == len(own_masks) == 1:
            matching.masks[own_images[0]].append(own_masks[0])
            ways.add(f"{{dir}}/{images[own_images[0]].path.name} with {{dir}}/{masks[own_masks[0]].path.name}")
    return sorted(ways)[:TOLD]


def _ways(images: Sequence[Place], masks: Sequence[Place], matching: Matching, merged: set[int]) -> list[str]:
    """`imgs/* with labels/{stem}_mask.*`, the most frequent way first."""
    if not matching.ways:
        return []
    used_images = [images[index].path for index in matching.masks]
    used_masks = [masks[number].path for numbers in matching.masks.values() for number in numbers]
    left, right = common_folder(used_images), common_folder(used_masks)
    ways = [way for way, _ in matching.ways.most_common(TOLD) if way.length or not merged] or [Affixes()]
    texts = []
    for way in ways:
        stem = "*" if merged and not way.length else f"{way.mask_before}{{stem}}{way.mask_after}"
        texts.append(f"{left}{way.image_before}{{stem}}{way.image_after}.* with {right}{stem}.*")
    return texts
