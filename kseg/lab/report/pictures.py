"""The images that the report shows: which ones, and each as input, truth, prediction and errors."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from PIL import Image

from kseg.conventions import VOID
from kseg.datasets import Dataset
from kseg.datasets.images import overlay, resize_image, resize_labels
from kseg.errors import UsageError
from kseg.inference import Evaluation, predict_probabilities, predicted_classes

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
    false_positive: float
    """share of the valid pixels that is background and was taken for a class"""
    false_negative: float
    """share of the valid pixels that is of a class and was taken for background"""
    rank: int
    """1 is the worst"""
    panels: dict[str, str]
    """input, truth, prediction, errors"""
    size: tuple[int, int]
    """height and width of the panels"""


def choose(evaluation: Evaluation) -> dict[str, list[int]]:
    """Indices of the worst, median and best images by IoU; images without valid pixels have no rank."""
    ranked = [int(i) for i in evaluation.order() if not np.isnan(evaluation.iou_per_image[i])]
    middle = max(0, (len(ranked) - SHOWN["median"]) // 2)
    return {
        "worst": ranked[: SHOWN["worst"]],
        "median": ranked[middle : middle + SHOWN["median"]],
        "best": ranked[::-1][: SHOWN["best"]],
    }


def make_pictures(
    model: keras.Model,
    dataset: Dataset,
    evaluation: Evaluation,
    image_size: tuple[int, int] | None,
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
    drawn = {}
    for index, record, image, probabilities in zip(
        wanted, found, images, predict_probabilities(model, images, image_size, batch_size=4), strict=True
    ):
        panels, size = _panels(image, dataset.labels(record), predicted_classes(probabilities), palette)
        matrix = evaluation.matrices[index]
        drawn[index] = Picture(
            id=record.id,
            iou=float(evaluation.iou_per_image[index]),
            false_positive=float(matrix[0, 1:].sum() / matrix.sum()),
            false_negative=float(matrix[1:, 0].sum() / matrix.sum()),
            rank=ranks[index],
            panels={name: data_url(panel) for name, panel in panels.items()},
            size=size,
        )
    return {group: [drawn[index] for index in indices] for group, indices in chosen.items()}


def _panels(image, truth, prediction, palette) -> tuple[dict[str, np.ndarray], tuple[int, int]]:
    size = display_size(image.shape[:2])
    image = resize_image(image, size)
    truth, prediction = resize_labels(truth, size), resize_labels(prediction, size)
    return {
        "input": image,
        "truth": overlay(image, truth, palette),
        "prediction": overlay(image, prediction, palette),
        "errors": show_errors(image, truth, prediction),
    }, size


def display_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width in the page of an image of this height and width."""
    longer = max(size)
    scale = max(1, SIDE // longer) if longer < SIDE else SIDE / longer
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def show_errors(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The image in pale grey, wrong pixels in the colour of their error; void pixels cannot be wrong."""
    grey = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    shown = np.repeat((110 + 0.5 * grey)[..., None], 3, axis=-1)
    wrong = (truth != prediction) & (truth != VOID)
    for pixels, colour in (
        (wrong & (truth == 0), FALSE_POSITIVE),
        (wrong & (prediction == 0), FALSE_NEGATIVE),
        (wrong & (truth != 0) & (prediction != 0), MIXED_UP),
    ):
        shown[pixels] = 0.15 * shown[pixels] + 0.85 * np.array(colour, np.float32)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def data_url(image: np.ndarray) -> str:
    """uint8 (H, W, 3) as a JPEG in a URL; colour at full resolution, for outlines one pixel wide."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=85, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
