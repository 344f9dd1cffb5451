"""The images that scored lowest, as pictures: image, truth, prediction and mistakes side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kseg.datasets import Dataset
from kseg.datasets.images import save_image
from kseg.inference import Predictor
from kseg.tasks import Evaluation

GAP = 4
"""White pixels between two panels."""


def write_worst(
    folder: Path, evaluation: Evaluation, dataset: Dataset, predictor: Predictor, order: Sequence[int], count: int
) -> list[str]:
    """Write `worst/01_ID.png` and so on for `count` images at most, predicted once more; returns the files' names.

    Args:
      predictor: the one that was measured.
      order: the model's id of each class of the data set.
    """
    records = {record.id: record for record in dataset.records(evaluation.split)}
    scored = [int(index) for index in evaluation.order() if not np.isnan(evaluation.per_image[index])]
    names = []
    for rank, index in enumerate(scored[:count], start=1):
        record = records[evaluation.ids[index]]
        image, truth, task = dataset.image(record), dataset.truth(record), predictor.task
        (outputs,) = predictor.outputs([image])
        prediction = task.decode(task.reordered(outputs, order), image.shape[:2])
        background, palette, classes = dataset.has_background, dataset.palette, evaluation.classes
        panels = [
            image,
            *(task.draw(image, one, palette, background=background, classes=classes) for one in (truth, prediction)),
            task.draw_mistakes(image, truth, prediction, background=background),
        ]
        names.append(f"worst/{rank:02}_{Path(record.id).name}.png")
        save_image(folder / names[-1], side_by_side(panels))
    return names


def side_by_side(panels: Sequence[np.ndarray]) -> np.ndarray:
    """uint8 (H, W, 3): panels of one height, with a white gap between two."""
    gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([part for panel in panels for part in (panel, gap)][:-1], axis=1)
