"""Masks in color: what palettes mean, masks of two colors, which need no names, and advice for more colors."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from kseg.conventions import VOID
from kseg.datasets.folder.coding import BINARY_NAMES, Color, ColorCoding, text_of
from kseg.datasets.folder.survey import COARSE, FAINT, STRONG, Survey, total
from kseg.datasets.images.draw import VOID_COLOR
from kseg.errors import UsageError
from kseg.wording import counted

NEAR_BLACK, NEAR_WHITE = 8, 247

PAINTED = 5e-4
"""Share of all painted areas above which a color is one of the masks' own and not blending at an edge."""

MERGED = 48.0
"""Distance in RGB below which, in blended masks, a rarer color is a variant of a more frequent one."""

EXACT = 64
"""Up to this many colors without blending all count as the masks' own."""

BLENDED = 0.15
"""Largest share of blended pixels at which two colors are read without names."""

PROPOSED = 20
"""Most colors that the advice proposes to name."""

FARTHEST = 442
"""The largest distance of two colors in RGB."""


def palettes(surveys: Sequence[Survey]) -> Literal["index", "level", "color"]:
    """What distinguishes classes in palette files: the index, the brightness ("level") or the color.

    "color" as well where a file is in true color. "index" needs one color for every index in all files.
    """
    if any(one.is_color for one in surveys):
        return "color"
    indexed = [one for one in surveys if one.is_palette]
    grays = [one for one in surveys if not one.is_palette]
    color_of: dict[int, Color] = {}
    agree, repeats = True, False
    for one in indexed:
        repeats |= len(set(one.index_colors.values())) < len(one.index_colors)
        for index, color in one.index_colors.items():
            agree &= color_of.setdefault(index, color) == color
    colors = set().union(*(one.index_colors.values() for one in indexed))
    white = any(min(color) >= NEAR_WHITE for color in colors)
    extremes = all(max(color) <= NEAR_BLACK or min(color) >= NEAR_WHITE for color in colors)
    shades = {value * 255 // one.white for one in grays for value in one.counts}
    soft = sum(FAINT <= value < STRONG for value in shades) > 2 and max(shades) >= STRONG
    if extremes and white and not repeats and (soft or all(set(one.counts) <= {0, one.white} for one in grays)):
        return "level"
    all_gray = all(len(set(color)) == 1 for color in colors)
    if all_gray and (not agree or len(colors) > PROPOSED):
        return "level"
    ids = [index for index in color_of if index != VOID]
    if not agree or max(ids, default=0) > 2 * len(ids) + 8:
        return "color"
    black_is_not_first = any(max(color) <= NEAR_BLACK for color in colors) and max(color_of.get(0, (0,))) > NEAR_BLACK
    return "color" if len(colors) == 2 and black_is_not_first and not grays else "index"


def by_colors(surveys: Sequence[Survey], where: Path, names: Sequence[str]) -> ColorCoding:
    """The coding of masks in black and one other color. Raises UsageError with `--colors …` to type for more colors."""
    colors = total([_colors(one) for one in surveys])
    chosen = own_colors(colors, total([_flat_colors(one) for one in surveys]))
    pixels = sum(colors.values())
    table = np.array(list(colors), dtype=np.uint8)
    _, distance = ColorCoding((), (), colors=tuple((color, 0) for color in chosen)).nearest(table)
    rest = sum(count for count, far in zip(colors.values(), distance > MERGED, strict=True) if far) / pixels
    dark = [color for color in chosen if max(color) <= NEAR_BLACK]
    if len(chosen) == 2 and len(dark) == 1 and rest <= BLENDED and len(names) in (0, 2):
        black, other = dark[0], chosen[1 - chosen.index(dark[0])]
        names = tuple(names) or BINARY_NAMES
        blended = f", {len(colors) - 2} blended ones read as the nearer of the two" if len(colors) > 2 else ""
        meaning = f"{text_of(black)} is {names[0]}, {text_of(other)} is {names[1]}"
        note = f"{counted(len(surveys), 'mask')} of two colors{blended}: {meaning}"
        return ColorCoding(names, (black, other), colors=((black, 0), (other, 1)), tolerance=FARTHEST, notes=(note,))
    raise UsageError(_advice(surveys, where, colors, chosen))


def own_colors(colors: Counter, flat: Counter) -> list[Color]:
    """The masks' own colors, most frequent first, without those from blending at edges and from compression."""
    if len(colors) <= EXACT and all(4 * flat[color] >= count for color, count in colors.items()):
        return [color for color, _ in colors.most_common()]
    chosen: list[Color] = [VOID_COLOR] if colors[VOID_COLOR] >= PAINTED * sum(colors.values()) else []
    enough = max(4.0, PAINTED * sum(flat.values()))
    for color, count in flat.most_common():
        if count < enough:
            break
        if all(np.linalg.norm(np.subtract(color, other)) > MERGED for other in chosen):
            chosen.append(color)
    return sorted(chosen, key=lambda color: -colors[color]) or [color for color, _ in colors.most_common(2)]


def _advice(surveys: Sequence[Survey], where: Path, colors: Counter, chosen: Sequence[Color]) -> str:
    # 1. what the masks hold
    pixels = sum(colors.values())
    in_color = sum(one.is_color or one.is_palette for one in surveys)
    which = (
        f"{in_color} of the {len(surveys)} masks in {where} are"
        if in_color < len(surveys)
        else f"the masks in {where} are"
    )
    shown = ", ".join(f"{text_of(color)} ({colors[color] / pixels:.1%})" for color in chosen[:8])
    told = f"{which} in color; of {counted(len(colors), 'color')} the most frequent are {shown}."
    if len(chosen) > PROPOSED:
        return (
            f"{told} This many colors are probably objects: --objects numbers makes each but black one, --binary reads "
            "all but black as foreground; if they are classes, name each: --colors background=R,G,B NAME=R,G,B …"
        )
    # 2. the flags that would read them
    background = next((color for color in chosen if max(color) <= NEAR_BLACK), chosen[0])
    named = [f"background={text_of(background)}"]
    for color in chosen:
        if color != background:
            name = "void" if color == VOID_COLOR else f"NAME{len(named)}"
            named.append(f"{name}={text_of(color)}")
    if len(named) == 1:
        return f"{told} A mask needs at least two colors; check that these files are the masks"
    coding = ColorCoding((), (), colors=tuple((color, 0) for color in chosen))
    farthest = coding.nearest(np.array(list(colors), dtype=np.uint8))[1].max()
    # Many colors are counted in bins, so the farthest color may lie one bin farther.
    tolerance = f" --color-tolerance {int(np.ceil(min(farthest + COARSE, FARTHEST)))}" if farthest else ""
    return f"{told} Name each color's class, background first: --colors {' '.join(named)}{tolerance}"


def _colors(one: Survey) -> dict[Color, int]:
    if one.is_color or one.is_palette:
        return one.colors
    colors: Counter = Counter()
    for value, count in one.counts.items():
        gray = value * 255 // one.white
        colors[gray, gray, gray] += count
    return colors


def _flat_colors(one: Survey) -> dict[Color, int]:
    return one.flat_colors if one.is_color or one.is_palette else _colors(one)
