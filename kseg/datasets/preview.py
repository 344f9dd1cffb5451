"""A contact sheet of images with their truth overlaid and a legend of the classes; objects have a color each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kseg.conventions import VOID
from kseg.datasets.base import Dataset
from kseg.datasets.images import resize_image
from kseg.datasets.images.draw import VOID_COLOR
from kseg.datasets.images.draw_objects import draw_structure
from kseg.datasets.record import Record
from kseg.structures import Instances

CELL = 160
GAP = 6
CAPTION = 15
HEADER = 30
LINE = 18
"""height of each further line of the legend"""
PAPER, INK, FAINT = (250, 250, 248), (30, 30, 30), (120, 120, 120)


def spread(records: Sequence[Record], count: int) -> list[Record]:
    """`count` records at even distances, so that a sheet shows all of a sorted split."""
    count = min(count, len(records))
    return [records[(2 * index + 1) * len(records) // (2 * count)] for index in range(count)]


def contact_sheet(dataset: Dataset, split: str, count: int = 24, columns: int = 4) -> np.ndarray:
    """uint8 (H, W, 3): `count` pairs of image and overlay with their ids, under a legend of the classes."""
    chosen = spread(dataset.records(split), count)
    columns = min(columns, len(chosen))
    rows = -(-len(chosen) // columns)
    pair_width, row_height = 2 * CELL + GAP, CELL + CAPTION + GAP
    width, font = columns * (pair_width + 2 * GAP), ImageFont.load_default(12)
    legend = _legend(font, dataset, split, width)
    header = HEADER + legend[-1].line * LINE
    sheet = Image.new("RGB", (width, header + rows * row_height + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    any_void = False
    for index, record in enumerate(chosen):
        left = (index % columns) * (pair_width + 2 * GAP) + GAP
        top = header + (index // columns) * row_height
        image, truth = dataset.image(record), dataset.truth(record)
        # Void is not painted where the truth is objects.
        any_void |= not isinstance(truth, Instances) and bool((dataset.labels(record) == VOID).any())
        size = _fitted(image.shape[:2])
        image = resize_image(image, size)
        painted = draw_structure(image, truth.resized(size), dataset.palette, background=dataset.has_background)
        sheet.paste(Image.fromarray(image), (left, top))
        sheet.paste(Image.fromarray(painted), (left + CELL + GAP, top))
        pen.text((left, top + CELL + 1), _shortened(record.id, font, pair_width), fill=FAINT, font=font)
    _write_legend(pen, font, legend if any_void else legend[:-1])
    return np.array(sheet)


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same proportions that fits a cell."""
    scale = CELL / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


@dataclass(frozen=True)
class Entry:
    """A text of the legend, with a square of its color before it if it has one."""

    text: str
    color: tuple[int, int, int] | None
    x: int
    line: int


def _legend(font, dataset: Dataset, split: str, width: int) -> list[Entry]:
    """The title, the classes and, last, void, on as many lines as needed."""
    title = f"{dataset.name}, {split}: {len(dataset.records(split))}"
    entries, x, line = [Entry(title, None, GAP, 0)], GAP + round(font.getlength(title)) + 24, 0
    for name, color in [*zip(dataset.classes, dataset.palette, strict=True), ("void", VOID_COLOR)]:
        needed = 18 + round(font.getlength(name)) + 16
        if x + needed > width and x > GAP:
            x, line = GAP, line + 1
        entries.append(Entry(name, color, x, line))
        x += needed
    return entries


def _write_legend(pen: ImageDraw.ImageDraw, font, legend: Sequence[Entry]) -> None:
    for entry in legend:
        x, y = entry.x, 7 + entry.line * LINE
        if entry.color is not None:
            pen.rectangle((x, y + 1, x + 12, y + 13), fill=entry.color, outline=INK)
            x += 18
        pen.text((x, y), entry.text, fill=INK, font=font)


def _shortened(text: str, font, width: int) -> str:
    while len(text) > 4 and font.getlength(text) > width:
        text = text[:-2] + "…"
    return text
