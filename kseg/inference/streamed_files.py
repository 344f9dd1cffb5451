"""Mask and overlay of an image that is predicted piece by piece, written as its rows are finished."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from kseg.atomic import replacing
from kseg.datasets.images import Picture, Streamed
from kseg.datasets.images.png_rows import PngRows
from kseg.inference.model_file import ModelCard
from kseg.structures import LabelMap
from kseg.tasks import TASKS

Band = tuple[int, np.ndarray]
"""The first row, and the class ids of the rows from it on, uint8 (h, W)"""


def write_streamed(
    mask: Path,
    overlay: Path | None,
    outputs: Streamed,
    card: ModelCard,
    *,
    image: Picture | None = None,
    threshold: float | None = None,
) -> None:
    """Write the files of `write_prediction` from streamed outputs, each whole or not at all.

    Args:
      overlay: None writes no overlay; an overlay needs `image`.
      threshold: as for `write_prediction`.
    Memory holds the pixels of two rows of tiles at most.
    """
    size = outputs.shape[:2]
    with ExitStack() as stack:

        def opened(path: Path, palette=None) -> PngRows:
            temporary = stack.enter_context(replacing(path))
            return PngRows(stack.enter_context(open(temporary, "wb")), size, palette)

        written = opened(mask, card.palette)
        painted = opened(overlay) if overlay is not None else None
        # An outline needs the rows on both sides, so the overlay is a band behind.
        above, waiting = np.empty((0, size[1]), np.uint8), None
        for start, labels in _bands(outputs, card, threshold):
            written.write(labels)
            if painted is None:
                continue
            if waiting is not None:
                painted.write(_painted(image, card, above, waiting, labels[:1]))
                above = waiting[1][-1:]
            waiting = start, labels
        if painted is not None and waiting is not None:
            painted.write(_painted(image, card, above, waiting, labels[:0]))
            painted.finish()
        written.finish()


def _bands(outputs: Streamed, card: ModelCard, threshold: float | None) -> Iterator[Band]:
    """The classes of whole rows, from top to bottom."""
    task, width = TASKS[card.task], outputs.shape[1]
    labels = np.empty((0, width), np.uint8)
    for (rows, columns), piece in outputs.pieces():
        if columns.start == 0:
            labels = np.empty((len(piece), width), np.uint8)
        answer = task.decode(np.ascontiguousarray(piece), threshold=threshold)
        assert isinstance(answer, LabelMap)
        labels[:, columns] = answer.ids
        if columns.stop == width:
            yield rows.start, labels


def _painted(image: Picture | None, card: ModelCard, above: np.ndarray, band: Band, below: np.ndarray) -> np.ndarray:
    assert image is not None, "an overlay is painted on it"
    start, labels = band
    together = np.concatenate([above, labels, below])
    shown = np.asarray(image[start - len(above) : start + len(labels) + len(below)])
    drawn = TASKS[card.task].draw(shown, LabelMap(together), card.palette, background=card.background)
    return drawn[len(above) : len(above) + len(labels)]
