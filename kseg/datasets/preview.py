"""A contact sheet: pictures, their truth laid over them, and the classes by colour."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kseg.conventions import VOID
from kseg.datasets.base import Dataset, Record
from kseg.datasets.images import overlay, resize_image, resize_labels
from kseg.datasets.images.draw import VOID_COLOUR

CELL = 160
GAP = 6
CAPTION = 15
HEADER = 30
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
    sheet = Image.new("RGB", (columns * (pair_width + 2 * GAP), HEADER + rows * row_height + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    any_void = False
    for index, record in enumerate(chosen):
        left = (index % columns) * (pair_width + 2 * GAP) + GAP
        top = HEADER + (index // columns) * row_height
        image, labels = dataset.image(record), dataset.labels(record)
        any_void |= bool((labels == VOID).any())
        size = _fitted(image.shape[:2])
        image, labels = resize_image(image, size), resize_labels(labels, size)
        sheet.paste(Image.fromarray(image), (left, top))
        sheet.paste(Image.fromarray(overlay(image, labels, dataset.palette)), (left + CELL + GAP, top))
        pen.text((left, top + CELL + 1), _shortened(record.id, font, pair_width), fill=FAINT, font=font)
    _write_legend(pen, font, dataset, split, any_void)
    return np.array(sheet)


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """The size that fits a cell at the same proportions."""
    scale = CELL / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _write_legend(pen: ImageDraw.ImageDraw, font, dataset: Dataset, split: str, any_void: bool) -> None:
    title = f"{dataset.name}, {split}: {len(dataset.records(split))}"
    pen.text((GAP, 7), title, fill=INK, font=font)
    x = GAP + round(pen.textlength(title, font=font)) + 24
    entries = list(zip(dataset.classes, dataset.palette, strict=True))
    for name, colour in entries + ([("void", VOID_COLOUR)] if any_void else []):
        pen.rectangle((x, 8, x + 12, 20), fill=tuple(colour), outline=INK)
        pen.text((x + 18, 7), name, fill=INK, font=font)
        x += 18 + round(pen.textlength(name, font=font)) + 16


def _shortened(text: str, font, width: int) -> str:
    while len(text) > 4 and font.getlength(text) > width:
        text = text[:-2] + "…"
    return text
