"""Scores that are no mean over batches, such as AP: all validation images are predicted and counted together."""

from typing import TYPE_CHECKING

import keras
import numpy as np

from kseg.conventions import VOID
from kseg.datasets import Dataset
from kseg.tasks import Task

if TYPE_CHECKING:
    from kseg.training.inputs import Inputs


class WholeScores(keras.callbacks.Callback):
    """Adds the task's scores of the validation images to the logs of every validation and, with "val_", of every epoch.

    It acts at the end of the validation, on the weights that were validated, averaged or not. Images and truths have
    the size of training, as for the validation loss. It comes first, so that other callbacks see the scores.
    """

    def __init__(self, task: Task, dataset: Dataset, inputs: "Inputs"):
        super().__init__()
        self.task, self.dataset, self.inputs = task, dataset, inputs
        self._scores: dict[str, float] = {}

    def on_test_end(self, logs=None):
        self._scores = self._measured()
        if logs is not None:
            logs.update(self._scores)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs.update({f"val_{name}": value for name, value in self._scores.items()})

    def _measured(self) -> dict[str, float]:
        source, images = self.inputs.validation_source, self.inputs.validation_images
        evaluator = self.task.evaluator(self.dataset.classes, background=self.dataset.has_background, void=VOID)
        size = min(self.inputs.validation_batch_size, len(source))
        for first in range(0, len(source), size):
            indices = np.arange(first, min(first + size, len(source)))
            full = np.resize(indices, size)  # all batches of one size, so that the network is traced once
            outputs = self.task.activated(self.model.predict_on_batch(source.batch(full, 0)[0]))
            for index, output in zip(indices, self.task.of_each_image(outputs), strict=False):
                evaluator.add(images.truth(int(index)), output)
        return self.task.logged(evaluator)
