"""Measures the image files of a data set once: the range beyond 8 bits, and bands that are not colors."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kseg.datasets.images.decode import has_opacity
from kseg.datasets.images.deep import ValueRange, common_range, deep_pixels_of, spread, unidentified_pixels
from kseg.datasets.images.formats import TIFF_BITS, Unidentified, opened, orientation
from kseg.errors import Failure

READERS = 4


@dataclass(frozen=True)
class Depth:
    """What all images of a data set share."""

    value_range: ValueRange | None = None
    """black and white in files of more than 8 bits per channel; None without such files"""
    notes: tuple[str, ...] = ()
    """what differs from ordinary photographs, a sentence each"""


def measured_depth(paths: Sequence[Path]) -> Depth:
    """The depth of the images at `paths`, from their headers and from the pixels of files of more than 8 bits.

    A file that cannot be read is skipped: reading it later and `kseg data check` report it.
    """
    with ThreadPoolExecutor(READERS) as readers:
        facts = [fact for fact in readers.map(_facts, paths) if fact is not None]
    spreads = [one.spread for one in facts if one.spread is not None]
    extra, turned = sum(one.dropped for one in facts), sum(one.turned for one in facts)
    notes = []
    value_range = common_range(spreads) if spreads else None
    if value_range is not None:
        low, high = value_range
        lowest, highest = min(low for low, _ in spreads), max(high for _, high in spreads)
        notes.append(
            f"{_images(len(spreads))} of more than 8 bits with values {lowest:g}…{highest:g}: {low:g} is read as black "
            f"and {high:g} as white"
        )
    if extra:
        notes.append(f"{_images(extra)} with a further band that is not opacity, such as near infrared: it is left out")
    if turned:
        notes.append(
            f"{_images(turned)} turned as the EXIF orientation says: a mask has to show the picture upright, as "
            "viewers do (`kseg data preview` draws both)"
        )
    return Depth(value_range, tuple(notes))


@dataclass(frozen=True)
class _Facts:
    """What is measured in one file."""

    spread: ValueRange | None = None
    dropped: bool = False
    """whether it has a band that is left out"""
    turned: bool = False


def _facts(path: Path) -> _Facts | None:
    try:
        with opened(path, decode=False) as image:
            turned = orientation(image) != 1  # before the pixels: reading those of a TIFF drops the tag
            values = deep_pixels_of(image, path)
            tags = getattr(image, "tag_v2", None)
            bands = len(image.getbands() if tags is None else tags.get(TIFF_BITS, ()))
            dropped = bands > 3 and image.mode in ("RGB", "RGBA") and not (image.mode == "RGBA" and has_opacity(image))
            return _Facts(None if values is None else spread(values), dropped, turned)
    except Unidentified as unknown:
        try:
            return _Facts(spread(unidentified_pixels(path, unknown)))
        except Failure:
            return None
    except Failure:
        return None


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"
