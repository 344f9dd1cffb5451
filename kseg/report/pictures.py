"""The images that the report shows, each as input, truth, prediction and errors."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from PIL import Image

from kseg.datasets import Dataset
from kseg.datasets.images import resize_image
from kseg.errors import UsageError
from kseg.inference import Predictor
from kseg.inference.predict import ImageSize
from kseg.tasks import TASKS, Evaluation

SHOWN = {"worst": 6, "median": 4, "best": 4}
SIDE = 320
"""Pixels of the longer side in the page; smaller images are enlarged by a whole number, so that pixels stay square."""


@dataclass(frozen=True)
class Picture:
    """One image of the split, four ways, as data URLs."""

    id: str
    score: tuple[str, float]
    """name and value"""
    mistakes: str
    """the mistakes in a few words"""
    rank: int
    """1 is the worst"""
    panels: dict[str, str]
    """input, truth, prediction, errors"""
    size: tuple[int, int]
    """height and width of the panels"""


def choose(evaluation: Evaluation) -> dict[str, list[int]]:
    """Indices of the worst, median and best images by their score; images without a score have no rank."""
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
    evaluation: Evaluation,
    image_size: ImageSize,
    palette: Sequence[Sequence[int]],
) -> dict[str, list[Picture]]:
    """Predicts the chosen images again and draws them: group to pictures, in order.

    Errors: a data set that no longer holds the images that were measured is refused.
    """
    # 1. the images that were chosen
    chosen = choose(evaluation)
    wanted = sorted({index for group in chosen.values() for index in group})
    records = {record.id: record for record in dataset.records(evaluation.split)}
    missing = [evaluation.ids[index] for index in wanted if evaluation.ids[index] not in records]
    if missing:
        raise UsageError(f"the data set no longer holds {', '.join(missing[:3])}; evaluate the model again")
    chosen_records = [records[evaluation.ids[index]] for index in wanted]
    images = [dataset.image(record) for record in chosen_records]
    ranks = {int(index): rank for rank, index in enumerate(evaluation.order(), start=1)}
    # 2. each image predicted again, and drawn four ways
    task, drawn = TASKS[evaluation.task], {}
    paint = partial(task.draw, palette=palette, background=dataset.has_background, classes=evaluation.classes)
    answers = Predictor(model, image_size, batch_size=4, task=task).answers(images)
    for index, record, image, prediction in zip(wanted, chosen_records, images, answers, strict=True):
        truth = dataset.truth(record, task.name)
        size = display_size(image.shape[:2])
        shown, truth, prediction = resize_image(image, size), truth.resized(size), prediction.resized(size)
        panels = {
            "input": shown,
            "truth": paint(shown, truth),
            "prediction": paint(shown, prediction),
            "errors": task.draw_mistakes(shown, truth, prediction, background=dataset.has_background),
        }
        drawn[index] = Picture(
            id=record.id,
            score=(evaluation.image_score, float(evaluation.per_image[index])),
            mistakes=evaluation.mistakes(index),
            rank=ranks[index],
            panels={name: data_url(panel) for name, panel in panels.items()},
            size=size,
        )
    return {group: [drawn[index] for index in indices] for group, indices in chosen.items()}


def display_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width in the page for an image of height and width `size`."""
    longer = max(size)
    scale = max(1, SIDE // longer) if longer < SIDE else SIDE / longer
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def data_url(image: np.ndarray) -> str:
    """uint8 (H, W, 3) as a JPEG in a URL; color at full resolution, for outlines one pixel wide."""
    buffer = io.BytesIO()
    # Not `optimize`: Pillow's encoder then wants the whole picture in a buffer that is too small for noise.
    Image.fromarray(image).save(buffer, format="JPEG", quality=85, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
