"""Matches masks to images by name alone: equal names, one name within the other, or a common part."""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from kseg.datasets.folder.names import plain

PART = re.compile(r"\d+|[^\W\d_]+")

MOST_WAYS = 5
AT_LEAST = 3
"""Pairs that a second naming scheme has to give, so that leftovers are not paired by accident."""


@dataclass(frozen=True)
class Named:
    """A file to match: image and mask share `where`, and their `stem`s are compared."""

    where: Hashable
    stem: str
    file: int
    """its place in the list of its own kind"""


@dataclass(frozen=True, order=True)
class Affixes:
    """What surrounds the part that two names have in common."""

    image_before: str = ""
    image_after: str = ""
    mask_before: str = ""
    mask_after: str = ""

    @property
    def length(self) -> int:
        return sum(map(len, (self.image_before, self.image_after, self.mask_before, self.mask_after)))


@dataclass
class Matching:
    """Masks by image, both as places in their lists, and how often each naming scheme matched."""

    masks: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    ways: Counter[Affixes] = field(default_factory=Counter)

    def add(self, image: int, mask: int, way: Affixes) -> None:
        self.masks[image].append(mask)
        self.ways[way] += 1


def match(images: Sequence[Named], masks: Sequence[Named]) -> Matching:
    """Masks whose names equal or contain an image's; then, among the rest, pairs with a distinctive part in common.

    `a`, `A`, `a_mask`, `seg-a` and `x_a_y` belong to the image `a`; where several images fit, the longest name wins.
    Where neither name contains the other, as in `img_001` and `seg_001`, the affixes that pair the most files win.
    """
    matching = Matching()
    by_name: dict[tuple[Hashable, tuple[str, ...]], list[Named]] = defaultdict(list)
    for image in images:
        by_name[image.where, _parts(image.stem)].append(image)
    for mask in masks:
        owner = _owner(mask, by_name)
        if owner is not None:
            image, way = owner
            matching.add(image.file, mask.file, way)
    taken = {number for numbers in matching.masks.values() for number in numbers}
    left_images = [image for image in images if image.file not in matching.masks]
    left_masks = [mask for mask in masks if mask.file not in taken]
    for _ in range(MOST_WAYS):
        way, pairs = _most_in_common(left_images, left_masks)
        if not pairs or (matching.masks and len(pairs) < AT_LEAST):
            break
        for image, mask in pairs:
            matching.add(image.file, mask.file, way)
        done = {image.file for image, _ in pairs}, {mask.file for _, mask in pairs}
        left_images = [image for image in left_images if image.file not in done[0]]
        left_masks = [mask for mask in left_masks if mask.file not in done[1]]
    return matching


def _owner(mask: Named, by_name: dict) -> tuple[Named, Affixes] | None:
    """The image whose whole name is the longest part of the mask's; None if no image fits or several do."""
    parts = _parts(mask.stem)
    for length in range(len(parts), 0, -1):
        owners = {
            (image, start)
            for start in range(len(parts) - length + 1)
            for image in by_name.get((mask.where, parts[start : start + length]), ())
        }
        if len({image for image, _ in owners}) > 1:
            exact = [image for image, _ in owners if image.stem == mask.stem]  # `A` and `a` are two images here
            return (exact[0], Affixes()) if len(exact) == 1 else None
        for image, start in owners:
            before, after = _around(mask.stem, start, start + length)
            return image, Affixes(mask_before=before, mask_after=after)
    return None


def _most_in_common(images: Sequence[Named], masks: Sequence[Named]) -> tuple[Affixes, list[tuple[Named, Named]]]:
    """The most pairs by a part that is unique to one image and one mask, at the same position in all names."""
    image_cores, mask_cores = _unique_cores(images), _unique_cores(masks)
    shapes: dict[tuple[Run, Run], dict[Named, Named]] = defaultdict(dict)
    for core in image_cores.keys() & mask_cores.keys():
        for (image_run, image), (mask_run, mask) in itertools.product(image_cores[core], mask_cores[core]):
            shapes[image_run, mask_run].setdefault(image, mask)
    # Among ways that pair equally many files, the one that uses most of the names.
    best = max(shapes, key=lambda shape: (len(shapes[shape]), -sum(map(sum, shape)), shape), default=None)
    if best is None:
        return Affixes(), []
    pairs = sorted(shapes[best].items(), key=lambda pair: pair[0].file)
    texts = zip(
        *((*_outside(image.stem, best[0]), *_outside(mask.stem, best[1])) for image, mask in pairs), strict=True
    )
    return Affixes(*(text[0] if len(set(text)) == 1 else "*" for text in texts)), pairs


Run = tuple[int, int]
"""Parts before and after a run of parts."""


def _unique_cores(files: Sequence[Named]) -> dict[tuple[Hashable, tuple[str, ...]], list[tuple[Run, Named]]]:
    """The runs of parts that only one file of a place has at that position in its name.

    The position counts: of `01_manual1` and `02_manual1` only the first begins with 1, though both end with it.
    """
    owners: dict[tuple[Hashable, tuple[str, ...], Run], list[Named]] = defaultdict(list)
    for file in files:
        parts = _parts(file.stem)
        for start, end in _runs(len(parts)):
            owners[file.where, parts[start:end], (start, len(parts) - end)].append(file)
    cores = defaultdict(list)
    for (where, core, run), named in owners.items():
        if len(named) == 1:
            cores[where, core].append((run, named[0]))
    return cores


def _outside(stem: str, run: Run) -> tuple[str, str]:
    return _around(stem, run[0], len(_parts(stem)) - run[1])


def _runs(count: int) -> Iterator[tuple[int, int]]:
    for start in range(count):
        for end in range(start + 1, count + 1):
            yield start, end


def _parts(stem: str) -> tuple[str, ...]:
    """Words and numbers of a name without what separates them; 001 becomes 1. A name without any stays whole."""
    name = plain(stem)
    return tuple(word.lstrip("0") or "0" if word.isdigit() else word for word in PART.findall(name)) or (name,)


def _around(stem: str, start: int, end: int) -> tuple[str, str]:
    """The text before the part `start` and after the part `end - 1` of a name."""
    name = plain(stem)
    spans = [word.span() for word in PART.finditer(name)]
    if not spans:
        return "", ""
    return (name[: spans[start][0]] if start else ""), (name[spans[end - 1][1] :] if end < len(spans) else "")
