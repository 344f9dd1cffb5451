"""Masks of grays or palette indices: the simplest coding that fits all files, or an error that names the option."""

from collections.abc import Sequence
from dataclasses import replace

from kseg.conventions import MAX_CLASSES, VOID
from kseg.datasets.folder.coding import BINARY_NAMES, BinaryCoding, Coding, Color, ValueCoding, value_coding
from kseg.datasets.folder.gray_levels import FEW_IDS, SOFT, STRAY, Levels
from kseg.datasets.folder.objects import Objects, number_objects
from kseg.datasets.folder.survey import FAINT, STRONG
from kseg.datasets.images import contrasting_palette
from kseg.errors import Failure, UsageError
from kseg.wording import listed

HALF = 128


class Grays(Levels):
    """Grays or indices of all files, and the coding that follows from them."""

    def coding(self) -> Coding:
        """The first coding that fits, from the simplest on."""
        # 1. what the options say
        names = self.options.classes
        if self.options.objects == "numbers" and set(self.used) - {0, VOID}:
            return self._objects(Objects(True, "--objects numbers"))
        if self.options.binary is not None:
            return self._by_threshold()
        if len(names) > 2:
            self._refuse_lossy()
            return self._ids(names)
        # 2. background and foreground
        if self.are_black_and_white():
            return self._binary(f"{self.count} of black and white{self._kinds()}")
        if self.mix_ones_and_white():
            return self._mixed()
        if ones := self.ones_beside_soft():
            return self._binary(
                f"{self.count}: {ones} of 0 and 1, {len(self.surveys) - ones} of gray {self.used[0]}…{self.used[-1]} "
                f"with soft edges or strays{self._kinds()}, each read as background and foreground (if 255 is void: "
                "--void 255)",
                ones=True,
            )
        if self.are_soft():
            return self._binary(self._softness())
        self._refuse_lossy()
        if self.fade():
            low, high, half = self.used[0], self.used[-1], self.half()
            return self._binary(
                f"{self.count} of gray {low}…{high} with soft edges, read as binary at {half} (another threshold: "
                "--binary N)",
                threshold=float(half),
            )
        # 3. two values, numbers of objects, class ids
        if len(self.used) == 2 and self.used != [0, 1] and not self.few_bits:
            return self._two_values()
        if not names:
            objects = number_objects(self.full, self.options.void)
            if objects:
                return self._objects(objects)
        return self._ids(names)

    # The codings

    def _binary(self, note: str, **options) -> BinaryCoding:
        names = self.options.classes or BINARY_NAMES
        return BinaryCoding(
            names, contrasting_palette(2), white=self.white, void=self.options.void, notes=(note,), **options
        )

    def _by_threshold(self) -> BinaryCoding:
        asked = self.options.binary
        white = any(value >= STRONG for value in self.used) or bool(self.few_bits)
        ids_and_void = 255 in self.pixels and len(self.used) > 2 and self.look_like_ids() and not self.are_soft()
        flat, between = (sum(getattr(one, name) for one in self.full) for name in ("flat_between", "between"))
        # Painted areas of any value are foreground. Where values come from blending at edges, the threshold is half.
        painted = between > 0 and flat >= SOFT * between and not self.are_soft()
        automatic = HALF if white and not painted and not ids_and_void else 1
        if automatic == 1 and not painted and len(self.used) > FEW_IDS:
            automatic = self.half()  # blended grays that never reach white
        threshold = float(automatic if asked in (None, "auto") else asked)  # type: ignore[arg-type]
        if self.white == 65535 and threshold > 255:  # given on the scale of 16-bit files
            threshold /= 257
        ones = threshold > 1 and (self.mix_ones_and_white() or self.ones_beside_soft() > 0)
        highest = max([*self.used, *(255 for one in self.few_bits if one.highest)], default=0)
        if highest < threshold:
            raise UsageError(
                f"--binary {threshold:g} leaves no foreground: the highest value of the masks in {self.where} is "
                f"{highest}; pass --binary {max(1, highest)}"
            )
        coding = self._binary(
            f"{self.count}: values from {threshold:g} are foreground (--binary)", threshold=threshold, ones=ones
        )
        return replace(coding, void=(*coding.void, VOID)) if asked == "auto" and ids_and_void else coding

    def _mixed(self) -> BinaryCoding:
        ones = [one for one in self.full if one.counts.get(1)]
        share = max(one.counts[1] / one.pixels for one in ones)
        whites = max(one.counts.get(255, 0) / one.pixels for one in self.full)
        real = share > STRAY * whites
        if not real:
            return self._binary(self._softness())
        return self._binary(
            f"{self.count}: {len(ones)} of 0 and 1, {sum(255 in values for values in self.sets)} of 0 and 255"
            f"{self._kinds()}, each read as background and foreground (if 255 is void: --void 255)",
            ones=True,
        )

    def _two_values(self) -> ValueCoding:
        low, high = self.used
        if high == VOID and low <= FEW_IDS and not self.options.classes:
            raise UsageError(
                f"the masks in {self.where} hold {low} and 255: two classes, or one class and void; pass --void 255 if "
                f"255 is to be ignored, --binary if it is the foreground, or --classes with a name for {low} and 255"
            )
        names = self.options.classes or BINARY_NAMES
        ids = {low: 0, high: 1} | dict.fromkeys(self.void, VOID)
        return value_coding(names, ids, [f"{self.count} of two values: {low} is {names[0]}, {high} is {names[1]}"])

    def _objects(self, objects: Objects) -> BinaryCoding:
        if not objects.sure:
            highest = max((value for value in self.used if value != VOID), default=0)
            example = (
                f" (--classes background {' '.join(f'NAME{n}' for n in range(1, highest + 1))})" if highest < 10 else ""
            )
            raise UsageError(
                f"the masks in {self.where} hold numbers up to {highest} ({objects.described}) that may count "
                "the objects of each image or name classes; pass --objects numbers if they count objects, --binary "
                f"to read them as foreground, or --classes with a name for each{example}"
            )
        void = (VOID,) if 255 in self.pixels and self.look_like_ids() else ()
        highest = max(value for value in self.used if value not in void)
        coding = self._binary(
            f"{self.count} of numbers 0…{highest} that count the objects of each image ({objects.described}): every "
            f"number but 0 is an object and read as foreground{' and 255 as void' if void else ''}; if they are "
            "classes, name them with --classes",
            threshold=1,
            by_index=True,
            numbers=True,
        )
        return replace(coding, void=(*coding.void, *void))

    def _ids(self, names: Sequence[str]) -> ValueCoding:
        values = set(self.used).union(*(set(one.counts) - self.void for one in self.few_bits))
        ids = sorted(values - {VOID})
        if ids and not names and (ids[-1] > MAX_CLASSES - 1 or not self.look_like_ids()):
            raise UsageError(self._refusal(ids))
        first = 1 if ids and ids[0] == 1 and 0 not in values and len(ids) > 1 and len(names) in (0, ids[-1]) else 0
        names = tuple(names) or _names(ids, first)
        table = {index + first: index for index in range(len(names))} | {VOID: VOID} | dict.fromkeys(self.void, VOID)
        void = [value for value in (VOID,) if value in values]
        shown = ", ".join(map(str, ids)) if len(ids) <= 8 else f"{ids[0]}…{ids[-1]}"
        note = f"{self.count} of class ids {shown or 'none'}" + (", and 255 as void" if void else "")
        if first:
            note += f"; there is no 0, so 1 is the first class ({names[0]})"
        colors = {table[value]: color for value, color in self._colors().items() if value in table}
        return replace(value_coding(names, table, [note]), stored_as=tuple(sorted(colors.items())))

    def _colors(self) -> dict[int, Color]:
        """The color that `--colors` takes for each value; empty where files disagree."""
        colors: dict[int, Color] = {}
        for one in self.surveys:
            for value in one.counts:
                gray = value * 255 // one.white if one.white < 255 else min(value // (one.white // 255), 255)
                color = one.index_colors[value] if one.is_palette else (gray, gray, gray)
                if colors.setdefault(value, color) != color:
                    return {}
        return colors if len(set(colors.values())) == len(colors) else {}

    # Sentences

    def _refuse_lossy(self) -> None:
        faint = [one for one in self.surveys if one.lossy and one.highest > 0]
        if faint:
            worst = max(faint, key=lambda one: one.between)
            raise Failure(
                f"mask {worst.path} is a JPEG with more than black and white, and JPEG changes ids; save it as PNG, or "
                "pass --binary THRESHOLD"
            )

    def _refusal(self, ids: Sequence[int]) -> str:
        frequent = sorted(value for value, _ in self.pixels.most_common(8))
        every = sum(self.pixels.values())
        shares = ", ".join(f"{value} ({self.pixels[value] / every:.1%})" for value in frequent)
        named = [value for value in frequent if value != frequent[0]][:6]
        example = " ".join(
            [f"background={_gray(frequent[0])}", *(f"NAME{i}={_gray(value)}" for i, value in enumerate(named, 1))]
        )
        by_color = f", or name each as a color (--colors {example})" if len(self.used) <= 8 and ids[-1] < 256 else ""
        return (
            f"the masks in {self.where} hold the values {{{listed(self.used)}}}, which do not look like ids 0, 1, 2 …; "
            f"the most frequent are {shares}. Pass --binary for background and foreground (--binary N from the value N "
            f"on), --objects numbers where each value is an object{by_color}, --void for values to ignore, or all "
            "--classes"
        )

    def _softness(self) -> str:
        middle = sum(FAINT <= value < STRONG for value in self.used)
        what = "with soft edges" if middle else "with stray values near black and white"
        return (
            f"{self.count} of gray {self.used[0]}…{self.used[-1]} {what}{self._kinds()}, read as binary at {HALF} "
            "(another threshold: --binary N)"
        )

    def _kinds(self) -> str:
        """The depths of the files, where they differ."""
        bits = {1: 0, 3: 0, 15: 0, 255: 0, 65535: 0}
        for one in self.surveys:
            bits[one.white] += 1
        told = [f"{count} of {white.bit_length()} bit{'s' * (white > 1)}" for white, count in bits.items() if count]
        return f" ({', '.join(told)})" if len(told) > 1 else ""


def _names(ids: Sequence[int], first: int) -> tuple[str, ...]:
    highest = max([*ids, 1])
    numbered = tuple(f"class {class_id}" for class_id in range(1, highest + 1))
    return numbered if first else ("background", *numbered)


def _gray(value: int) -> str:
    return f"{value},{value},{value}"
