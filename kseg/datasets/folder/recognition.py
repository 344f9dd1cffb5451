"""Recognizes the coding of a folder's masks from the values of every file, and notes what it recognized.

A folder has one coding, though its values may differ from file to file. Ambiguous masks raise an error that names the
option to pass.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kseg.datasets.folder.coding import BINARY_NAMES, BinaryCoding, Coding, color_coding
from kseg.datasets.folder.colors import by_colors, palettes
from kseg.datasets.folder.gray_levels import counted
from kseg.datasets.folder.grays import HALF, Grays
from kseg.datasets.folder.options import FolderOptions
from kseg.datasets.folder.survey import Survey, survey
from kseg.datasets.images import contrasting_palette
from kseg.errors import UsageError


def recognize(paths: Sequence[Path], options: FolderOptions, where: Path) -> Coding:
    """The coding of the masks at `paths`, which are all read. `where` names them in messages."""
    if options.colors:
        coding = color_coding(options.colors, options.color_tolerance)
        within = f", the nearest within {options.color_tolerance:g}, farther is void" if options.color_tolerance else ""
        return replace(coding, notes=(f"{counted(len(paths))} read by the colors of --colors{within}",))
    surveys = survey(paths)
    if options.objects == "numbers" and any(one.is_color for one in surveys):
        return by_color_numbers(surveys, options)
    if opacity_is_the_mask(surveys):
        return by_opacity(surveys, options)
    if hidden := dark_and_transparent(surveys):
        return _by_opacity_in_some(surveys, hidden, options, where)
    kind = "index" if options.objects == "numbers" else palettes(surveys) if options.binary is None else "color"
    if kind == "color" and options.binary is None:
        return by_colors(surveys, where, options.classes)
    grays = [as_gray(one, kind) for one in surveys]
    recognized = Grays(grays, options, where).coding()
    unused = sorted(set(options.void).difference(*(one.counts for one in surveys)))
    if not unused:
        return recognized
    return replace(
        recognized, notes=(*recognized.notes, f"no mask holds {', '.join(map(str, unused))}, which --void names")
    )


def by_color_numbers(surveys: Sequence[Survey], options: FolderOptions) -> BinaryCoding:
    """Each color but black is an object, each number in the gray masks among them."""
    colored = counted(sum(one.is_color for one in surveys))
    return BinaryCoding(
        options.classes or BINARY_NAMES,
        contrasting_palette(2),
        threshold=1,
        void=options.void,
        numbers=True,
        notes=(f"{colored} in color: every color but black is an object (--objects numbers)",),
    )


def opacity_is_the_mask(surveys: Sequence[Survey]) -> bool:
    """Whether some alpha channel varies while all opaque pixels of all files have one color."""
    with_alpha = [one for one in surveys if one.alpha is not None]
    if len(with_alpha) < len(surveys) or not any(min(one.alpha or (0, 0)) for one in with_alpha):
        return False
    return len(frozenset().union(*(one.opaque_colors for one in with_alpha))) == 1


def by_opacity(surveys: Sequence[Survey], options: FolderOptions) -> BinaryCoding:
    threshold = float(HALF) if options.binary in (None, "auto") else float(options.binary)  # type: ignore[arg-type]
    note = (
        f"{counted(len(surveys))} whose opacity (alpha channel) is the mask, since their color is the same "
        f"everywhere: opaque from {threshold:g} is foreground"
    )
    names = options.classes or BINARY_NAMES
    return BinaryCoding(names, contrasting_palette(2), threshold=threshold, alpha=True, notes=(note,))


def dark_and_transparent(surveys: Sequence[Survey]) -> list[Survey]:
    """The masks with a dark object on transparent ground, where other masks have no alpha channel."""
    with_alpha = [one for one in surveys if one.alpha is not None and one.alpha[0]]
    colors = frozenset().union(*(one.opaque_colors for one in with_alpha))
    return (
        with_alpha
        if len(with_alpha) < len(surveys) and len(colors) == 1 and all(max(color) < HALF for color in colors)
        else []
    )


def _by_opacity_in_some(
    surveys: Sequence[Survey], hidden: Sequence[Survey], options: FolderOptions, where: Path
) -> BinaryCoding:
    """The coding that reads the `hidden` masks by opacity and the others by value."""
    others = [one for one in surveys if one not in hidden]
    kind = palettes(others) if options.binary is None else "color"
    coding = None
    if all(one.alpha is None and not one.is_color for one in others) and (
        kind != "color" or options.binary is not None
    ):
        grays = [as_gray(one, kind) for one in others]
        coding = Grays(grays, options, where).coding()
        if all(set(one.counts) <= {0, 1} for one in grays):
            coding = BinaryCoding(coding.names, coding.palette, ones=True, notes=coding.notes)
    if not isinstance(coding, BinaryCoding):
        raise UsageError(
            f"{counted(len(hidden))} of {len(surveys)} in {where} ({hidden[0].path.name}) show a dark object on "
            "transparent ground, and the others are not black and white; save all in the same way, without transparency"
        )
    note = f"{counted(len(hidden))} by opacity (alpha channel), since the object is as dark as the transparent ground"
    return replace(coding, alpha=True, notes=(*coding.notes, note))


def as_gray(one: Survey, kind: str) -> Survey:
    """A palette or color file as grays: its indices, or the largest channel of its colors."""
    if not (one.is_palette or one.is_color) or (one.is_palette and kind == "index"):
        return replace(one, white=255) if one.is_palette else one
    counts: dict[int, int] = {}
    flat = 0
    for color, pixels in one.colors.items():
        counts[max(color)] = counts.get(max(color), 0) + pixels
        flat += one.flat_colors.get(color, 0) if 0 < max(color) < 255 else 0
    between = sum(pixels for value, pixels in counts.items() if 0 < value < 255)
    return replace(
        one, is_palette=False, white=255, counts=counts, highest=max(counts), between=between, flat_between=flat
    )
