"""The README's picture: test portraits of a run as image, truth, prediction and errors.

python docs/make_tour.py runs/unet-iou-synthetic-hair docs/tour.png
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from kseg.datasets import open_dataset
from kseg.datasets.images import overlay
from kseg.inference import load_model, predict_probabilities
from kseg.tasks.semantic.decoding import predicted_classes
from kseg.training.record import read_run

SHOWN = 8
MARGIN = 4
TOO_MUCH, MISSED = (214, 59, 47), (30, 96, 190)


def errors(image: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    gray = np.repeat(image.mean(-1, keepdims=True) * 0.5 + 120, 3, axis=-1).astype(np.uint8)
    gray[(predicted == 1) & (truth == 0)] = TOO_MUCH
    gray[(predicted == 0) & (truth == 1)] = MISSED
    return gray


def main(run: Path, out: Path) -> None:
    dataset = open_dataset(read_run(run).data_options)
    model, card = load_model(run)
    records = dataset.records("test")[:SHOWN]
    images = [dataset.image(record) for record in records]
    columns = []
    predictions = predict_probabilities(model, images, card.image_size)
    for record, image, probabilities in zip(records, images, predictions, strict=True):
        truth, predicted = dataset.labels(record), predicted_classes(probabilities)
        pictures = [
            image,
            overlay(image, truth, dataset.palette),
            overlay(image, predicted, dataset.palette),
            errors(image, truth, predicted),
        ]
        framed = [np.pad(p, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), constant_values=255) for p in pictures]
        columns.append(np.concatenate(framed))
    Image.fromarray(np.concatenate(columns, axis=1)).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
