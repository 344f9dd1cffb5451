"""How mask files of strangers mean classes: grey or palette ids, 0 and 255, or colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kseg.conventions import MAX_CLASSES, VOID
from kseg.datasets.images import contrasting_palette, file_format, read_image, read_labels
from kseg.errors import Failure, UsageError

WHITE_16 = 65535

JPEG_BETWEEN = (32, 224)
JPEG_TOLERATED = 0.02
"""JPEG smears edges; a 0/255 mask stays recognisable if at most this share of its pixels lies between."""


@dataclass(frozen=True)
class Coding:
    """Mask value or colour to class id; `names` and `palette` are in order of id."""

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    id_of_value: np.ndarray
    """uint16 (256,): class id or VOID, and `UNKNOWN` for values that mean nothing"""
    colours: tuple[tuple[tuple[int, int, int], int], ...] = ()
    """for RGB masks: colour and id"""

    UNKNOWN = 999

    def decode(self, path: Path) -> np.ndarray:
        """uint8 (H, W) ids of one mask file."""
        if self.colours:
            return self._decode_colours(path)
        values = mask_values(path)
        ids = self.id_of_value[values]
        if (ids == self.UNKNOWN).any():
            odd = sorted({int(value) for value in np.unique(values[ids == self.UNKNOWN])})
            raise Failure(
                f"mask {path} has values {_some(odd)} outside 0..{len(self.names) - 1}; pass --classes with a name for "
                f"each, or --void {' '.join(map(str, odd[:8]))}"
            )
        return ids.astype(np.uint8)

    def _decode_colours(self, path: Path) -> np.ndarray:
        if file_format(path) == "JPEG":
            raise Failure(f"mask {path} is a JPEG, which changes colours; save masks as PNG to use --colours")
        raw = read_labels(path)
        packed = _pack(raw if raw.ndim == 3 else read_image(path))
        ids = np.full(packed.shape, self.UNKNOWN, dtype=np.uint16)
        for colour, class_id in self.colours:
            ids[packed == _pack(np.array(colour, dtype=np.uint8))] = class_id
        if (ids == self.UNKNOWN).any():
            odd = [_unpack(value) for value in np.unique(packed[ids == self.UNKNOWN])]
            raise Failure(
                f"mask {path} has the colour {odd[0]} ({len(odd)} unknown in all) that --colours does not name; "
                f"add NAME={_text(odd[0])}, or void={_text(odd[0])} to leave its pixels out"
            )
        return ids.astype(np.uint8)


def colour_coding(assignments: Sequence[str]) -> Coding:
    """The coding of `--colours background=0,0,0 cat=255,0,0 void=255,255,255`; the name void makes pixels void."""
    names: list[str] = []
    palette: list[tuple[int, int, int]] = []
    colours = []
    for text in assignments:
        name, colour = _parse(text)
        if name == "void":
            colours.append((colour, VOID))
            continue
        if name not in names:  # a class may have several colours; the first one draws it
            names.append(name)
            palette.append(colour)
        colours.append((colour, names.index(name)))
    if len({colour for colour, _ in colours}) < len(colours):
        raise UsageError(f"--colours {' '.join(assignments)} gives one colour to two classes")
    if not 2 <= len(names) <= MAX_CLASSES:
        raise UsageError(f"--colours names {len(names)} classes; name at least two, background first")
    return Coding(tuple(names), tuple(palette), np.zeros(0, dtype=np.uint16), tuple(colours))


def value_coding(found: Sequence[int], names: Sequence[str], void: Sequence[int], where: Path) -> Coding:
    """The coding of masks that hold the values `found`: 0 and 255 alone are two classes, else ids with 255 as void."""
    wrong = [value for value in void if not 0 <= value <= 255]
    if wrong:
        raise UsageError(f"--void {wrong[0]} is no mask value; values are 0..255")
    used = sorted(set(found) - set(void))
    id_of_value = np.full(256, Coding.UNKNOWN, dtype=np.uint16)
    if set(used) <= {0, 255} and 255 in used and len(names) in (0, 2):
        names = tuple(names) or ("background", "foreground")
        id_of_value[[0, 255]] = 0, 1
    else:
        ids = [value for value in used if value != VOID]
        names = tuple(names) or _names_of(ids, where)
        id_of_value[: len(names)] = np.arange(len(names))
        id_of_value[VOID] = VOID
    id_of_value[list(void)] = VOID
    return Coding(tuple(names), contrasting_palette(len(names)), id_of_value)


def mask_values(path: Path) -> np.ndarray:
    """uint8 (H, W) values of a grey or palette mask; a colour mask that is really grey counts as grey."""
    values = read_labels(path)
    if values.ndim == 3:
        if (values != values[..., :1]).any():
            colours = [_unpack(packed) for packed in np.unique(_pack(values))[:4]]
            example = " ".join(f"NAME{index}={_text(colour)}" for index, colour in enumerate(colours))
            raise Failure(f"mask {path} is in colour; say which colour is which class: --colours {example} …")
        values = values[..., 0]
    if values.max(initial=0) > 255 and set(np.unique(values)) <= {0, WHITE_16}:
        values = values // (WHITE_16 // 255)
    if values.min(initial=0) < 0 or values.max(initial=0) > 255:
        raise Failure(f"mask {path} has values {values.min()}..{values.max()}; class ids are 0..{MAX_CLASSES - 1}")
    if file_format(path) == "JPEG":
        return _black_or_white(values, path)
    return values.astype(np.uint8)


def _black_or_white(values: np.ndarray, path: Path) -> np.ndarray:
    low, high = JPEG_BETWEEN
    between = float(np.mean((values >= low) & (values < high)))
    faint = 0 < values.max(initial=0) < 128  # ids 0, 1, 2 … would all become background
    if between > JPEG_TOLERATED or faint:
        raise Failure(f"mask {path} is a JPEG with more than black and white, and JPEG changes ids; save it as PNG")
    return np.where(values >= 128, 255, 0).astype(np.uint8)


def _names_of(ids: Sequence[int], where: Path) -> tuple[str, ...]:
    highest = max(ids, default=0)
    if highest > 2 * len(ids) + 8:
        raise UsageError(
            f"the masks in {where} hold the values {_some(ids)}, which do not look like ids 0, 1, 2 …; name each as a "
            "colour (--colours background=0,0,0 NAME=V,V,V) or give all --classes"
        )
    return ("background", *(f"class {class_id}" for class_id in range(1, max(highest, 1) + 1)))


def _parse(text: str) -> tuple[str, tuple[int, int, int]]:
    name, _, colour = text.partition("=")
    channels = [part.strip() for part in colour.split(",")]
    if not name or len(channels) != 3 or not all(part.isdigit() and int(part) <= 255 for part in channels):
        raise UsageError(f"--colours {text!r} is not NAME=R,G,B with 0..255 each, as in cat=255,0,0")
    red, green, blue = map(int, channels)
    return name.strip(), (red, green, blue)


def _pack(colours: np.ndarray) -> np.ndarray:
    return colours.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)


def _unpack(packed: int) -> tuple[int, int, int]:
    return int(packed) >> 16, int(packed) >> 8 & 255, int(packed) & 255


def _text(colour: tuple[int, int, int]) -> str:
    return ",".join(map(str, colour))


def _some(values: Sequence[int]) -> str:
    shown = ", ".join(map(str, values[:8]))
    return "{" + shown + (", …" if len(values) > 8 else "") + "}"
