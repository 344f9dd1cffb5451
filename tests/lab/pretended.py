"""Writes the files of a job that was never trained."""

import json

import numpy as np

from kseg.datasets import open_dataset
from kseg.inference import measure, save_masks
from kseg.lab.experiment.jobs import Job
from kseg.training.workdir import WorkDir


def pretend(job: Job, wrong: float) -> None:
    """The files of a job whose network gets a share `wrong` of the pixels wrong, always the same pixels."""
    dataset = open_dataset(job.config.data)
    classes = len(dataset.classes)
    rng = np.random.default_rng(job.seed)
    masks: list[np.ndarray] = []

    def guesses():
        for record in dataset.records("test"):
            truth = dataset.labels(record)
            flipped = rng.random(truth.shape) < wrong
            guess = np.where(flipped, (truth + 1) % classes, truth)
            yield guess[..., None].astype(np.float32) if classes == 2 else np.eye(classes, dtype=np.float32)[guess]

    evaluation = measure(guesses(), dataset, "test", progress=False, seen=lambda answer: masks.append(answer.ids))
    workdir = WorkDir(job.path)
    job.path.mkdir(parents=True)
    save_masks(workdir.masks, evaluation.ids, masks, num_classes=classes)
    entries = [{"epoch": epoch, "accuracy": epoch / 10, "val_iou": 0.5 + epoch / 10 - wrong} for epoch in (1, 2, 3)]
    workdir.journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    environment = {
        "packages": {"keras": "3"}, "device": "<CPU>", "backend": "tensorflow", "python": "3.11", "weights": None,
        "git": {"commit": "0123456789abcdef", "dirty": False},
    }  # fmt: skip
    workdir.environment.write_text(json.dumps(environment))
    results = {"best_epoch": 3, "epochs": 3, "wall_seconds": 10.0, "evaluation": evaluation.to_json()}
    workdir.results.write_text(json.dumps(results))
