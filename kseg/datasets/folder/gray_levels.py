"""The grays or palette indices in masks, and whether they look like black and white, soft edges or ids."""

from collections.abc import Sequence
from pathlib import Path

from kseg.conventions import MAX_CLASSES, VOID
from kseg.datasets.folder.options import FolderOptions
from kseg.datasets.folder.survey import FAINT, STRONG, Survey, total

SOFT = 0.5
"""Masks with soft edges have at most this share of pixels that are neither black nor white."""
SOFT_LOSSY = 0.25

ISOLATED = 0.05
"""Strays rarely fill a square of 2×2 pixels. Up to this share of such squares, more strays are allowed."""

FEW_IDS = 40
"""Up to this many small values beside 255 are ids and void rather than grays of an edge."""

STRAY = 0.01
"""Small values beside 255 are strays if all of them together are rarer than this share of the 255s."""


def counted(count: int) -> str:
    return f"{count} mask{'' if count == 1 else 's'}"


class Levels:
    """The values of all files, counted."""

    def __init__(self, surveys: Sequence[Survey], options: FolderOptions, where: Path):
        self.surveys, self.options, self.where = surveys, options, where
        self.count = counted(len(surveys))
        self.void = set(options.void)
        self.few_bits = [one for one in surveys if one.white < 255]
        self.full = [one for one in surveys if one.white >= 255]
        self.white = self._white()
        # Values of files of 8 and more bits; 65535 counts as 255 where it is white.
        self.sets = [set(self._scaled(one)) for one in self.full]
        self.pixels = total([self._scaled(one) for one in self.full])
        self.used = sorted(self.pixels)

    def are_black_and_white(self) -> bool:
        low = all(set(one.counts) - self.void <= {0, one.white} for one in self.few_bits)
        white = 255 in self.pixels or (not set(self.used) - {0} and any(one.highest for one in self.few_bits))
        return low and white and set(self.used) <= {0, 255}

    def mix_ones_and_white(self) -> bool:
        """Whether files of 0 and 1 stand beside files of 0 and 255. Where one file holds 0, 1 and 255, or 255 never
        occurs with 0, 255 is void."""
        if not all(values <= {0, 1} or values <= {0, 255} for values in self.sets):
            return False
        return {0, 255} in self.sets and any(1 in values for values in self.sets)

    def ones_beside_soft(self) -> int:
        """How many files hold 0 and 1 while the others have soft edges or strays; ids do not reach near-white."""
        ones = [one for one in self.full if one.counts.get(1) and set(one.counts) - self.void <= {0, 1}]
        rest = [one for one in self.surveys if one not in ones]
        if not ones or not rest:
            return 0
        others = Levels(rest, self.options, self.where)
        blended = sum(FAINT <= value < VOID for value in others.used) > 2 or bool({253, 254} & set(others.used))
        return len(ones) if blended and others.are_soft() else 0

    def are_soft(self) -> bool:
        """Whether the values between black and white are blending at edges, or strays."""
        between = [value for value in self.used if 0 < value < 255]
        strong = sum(count for value, count in self.pixels.items() if value >= STRONG)
        if not strong or not between or max(self.used) > 255:
            return False
        small = sum(self.pixels[value] for value in between if value < STRONG)
        in_between, flat = (sum(getattr(one, name) for one in self.full) for name in ("between", "flat_between"))
        limit = STRAY if flat > ISOLATED * in_between else 5 * STRAY
        if all(value < FAINT or value >= STRONG for value in between) and small <= limit * strong:
            return True
        if len(between) <= FEW_IDS and self.look_like_ids() and small > STRAY * self.pixels[255]:
            return False
        middle = sum(count for value, count in self.pixels.items() if FAINT <= value < STRONG)
        limit = SOFT_LOSSY if any(one.lossy for one in self.full) else SOFT
        if middle > limit * sum(self.pixels.values()):
            return False
        blended = flat < SOFT * in_between
        wide = len(between) > 64 and {0, 255} == {value for value, _ in self.pixels.most_common(2)}
        return (blended and len(between) > 2) or wide

    def fade(self) -> bool:
        """Whether the lowest and the highest of many values are the most frequent: soft edges of gray on black."""
        extremes = {value for value, _ in self.pixels.most_common(2)}
        return len(self.used) > FEW_IDS and extremes == {self.used[0], self.used[-1]}

    def half(self) -> int:
        return (self.used[0] + self.used[-1]) // 2 + 1

    def look_like_ids(self) -> bool:
        ids = [value for value in self.used if value != VOID]
        flat, between = (sum(getattr(one, name) for one in self.full) for name in ("flat_between", "between"))
        if len(ids) > FEW_IDS and flat < SOFT * between:
            return False  # ids fill areas, and these values run into each other
        return not ids or max(ids) <= min(2 * len(ids) + 8, MAX_CLASSES - 1)

    def _white(self) -> int:
        """65535 where 16-bit files hold fractions of it, 255 where they hold numbers."""
        deep = total([one.counts for one in self.full if one.white == 65535])
        if not deep:
            return 255
        strong = sum(count for value, count in deep.items() if value >= STRONG * 257)
        flat, between = (
            sum(getattr(one, name) for one in self.full if one.white == 65535) for name in ("flat_between", "between")
        )
        return 65535 if strong and flat <= SOFT * between else 255

    def _scaled(self, one: Survey) -> dict[int, int]:
        if self.white != 65535 or one.white != 65535:
            return {value: count for value, count in one.counts.items() if value not in self.void}
        scaled: dict[int, int] = {}
        for value, count in one.counts.items():
            if value not in self.void:
                scaled[value // 257] = scaled.get(value // 257, 0) + count
        return scaled
