"""The images that the report shows: which ones, and each as input, truth, prediction and errors."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from PIL import Image

from kseg.conventions import LUMA, VOID
from kseg.datasets import Dataset
from kseg.datasets.images import resize_image
from kseg.errors import UsageError
from kseg.inference import Predictor
from kseg.inference.predict import ImageSize
from kseg.structures import LabelMap
from kseg.tasks import TASKS
from kseg.tasks.semantic import SemanticEvaluation

SHOWN = {"worst": 6, "median": 4, "best": 4}
SIDE = 320
"""Pixels of the longer side in the page; smaller images are enlarged by a whole number, so that pixels stay square."""
FALSE_POSITIVE, FALSE_NEGATIVE, MIXED_UP = (220, 50, 32), (0, 90, 181), (255, 194, 10)
"""Background taken for a class, a class missed, one class taken for another; colours that everyone tells apart."""


@dataclass(frozen=True)
class Picture:
    """One image of the split, four ways, as data URLs."""

    id: str
    iou: float
    errors: dict[str, float]
    """kind of error to its share of the valid pixels"""
    rank: int
    """1 is the worst"""
    panels: dict[str, str]
    """input, truth, prediction, errors"""
    size: tuple[int, int]
    """height and width of the panels"""


def choose(evaluation: SemanticEvaluation) -> dict[str, list[int]]:
    """Indices of the worst, median and best images by IoU; images without valid pixels have no rank."""
    ranked = [int(i) for i in evaluation.order() if not np.isnan(evaluation.per_image[i])]
    middle = max(0, (len(ranked) - SHOWN["median"]) // 2)
    return {
        "worst": ranked[: SHOWN["worst"]],
        "median": ranked[middle : middle + SHOWN["median"]],
        "best": ranked[::-1][: SHOWN["best"]],
    }


def make_pictures(
    model: keras.Model,
    dataset: Dataset,
    evaluation: SemanticEvaluation,
    image_size: ImageSize,
    palette: Sequence[Sequence[int]],
) -> dict[str, list[Picture]]:
    """Predicts the chosen images again and draws them: group to pictures, in order.

    Errors: a data set that no longer holds the images that were measured is refused.
    """
    chosen = choose(evaluation)
    wanted = sorted({index for group in chosen.values() for index in group})
    records = {record.id: record for record in dataset.records(evaluation.split)}
    missing = [evaluation.ids[index] for index in wanted if evaluation.ids[index] not in records]
    if missing:
        raise UsageError(f"the data set no longer holds {', '.join(missing[:3])}; evaluate the model again")
    found = [records[evaluation.ids[index]] for index in wanted]
    images = [dataset.image(record) for record in found]
    ranks = {int(index): rank for rank, index in enumerate(evaluation.order(), start=1)}
    task, drawn = TASKS[evaluation.task], {}
    answers = Predictor(model, image_size, batch_size=4, task=task).answers(images)
    for index, record, image, prediction in zip(wanted, found, images, answers, strict=True):
        truth = dataset.truth(record, task.name)
        assert isinstance(truth, LabelMap) and isinstance(prediction, LabelMap)  # errors are drawn pixel by pixel
        background = dataset.has_background
        size = display_size(image.shape[:2])
        shown, truth, prediction = resize_image(image, size), truth.resized(size), prediction.resized(size)
        panels = {
            "input": shown,
            "truth": task.draw(shown, truth, palette, background=background),
            "prediction": task.draw(shown, prediction, palette, background=background),
            "errors": show_errors(shown, truth.ids, prediction.ids, background=background),
        }
        drawn[index] = Picture(
            id=record.id,
            iou=float(evaluation.per_image[index]),
            errors=_errors(evaluation.matrices[index], background),
            rank=ranks[index],
            panels={name: data_url(panel) for name, panel in panels.items()},
            size=size,
        )
    return {group: [drawn[index] for index in indices] for group, indices in chosen.items()}


def _errors(matrix: np.ndarray, background: bool) -> dict[str, float]:
    """Shares of the valid pixels: background taken for a class, a class for background, one class for another."""
    total, among_classes = matrix.sum(), matrix[int(background) :, int(background) :]
    mixed_up = {"another class": float((among_classes.sum() - np.trace(among_classes)) / total)}
    if not background:
        return mixed_up
    errors = {"too much": float(matrix[0, 1:].sum() / total), "missed": float(matrix[1:, 0].sum() / total)}
    return errors | mixed_up if len(matrix) > 2 else errors


def display_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width in the page of an image of this height and width."""
    longer = max(size)
    scale = max(1, SIDE // longer) if longer < SIDE else SIDE / longer
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def show_errors(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, *, background: bool = True) -> np.ndarray:
    """The image in pale grey, wrong pixels in the colour of their error; void pixels cannot be wrong.

    Where class 0 is no `background`, every error is one class taken for another.
    """
    grey = image.astype(np.float32) @ np.array(LUMA, np.float32)
    shown = np.repeat((110 + 0.5 * grey)[..., None], 3, axis=-1)
    wrong = (truth != prediction) & (truth != VOID)
    too_much, missed = (wrong & (labels == 0) & background for labels in (truth, prediction))
    for pixels, colour in (
        (too_much, FALSE_POSITIVE),
        (missed, FALSE_NEGATIVE),
        (wrong & ~too_much & ~missed, MIXED_UP),
    ):
        shown[pixels] = 0.15 * shown[pixels] + 0.85 * np.array(colour, np.float32)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def data_url(image: np.ndarray) -> str:
    """uint8 (H, W, 3) as a JPEG in a URL; colour at full resolution, for outlines one pixel wide."""
    buffer = io.BytesIO()
    # Not `optimize`: with it Pillow's encoder needs the whole picture in a buffer that it makes too small for noise.
    Image.fromarray(image).save(buffer, format="JPEG", quality=85, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
