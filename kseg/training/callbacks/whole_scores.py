"""Scores that are no mean over batches, such as AP: all validation images are counted together."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kseg.datasets import Dataset
from kseg.tasks import Outputs, Task
from kseg.training.trained import OUTPUTS

if TYPE_CHECKING:
    from kseg.training.inputs import Inputs


class WholeScores(keras.callbacks.Callback):
    """Adds the task's scores of the validation images to the logs of every validation and, with "val_", of every epoch.

    It counts the outputs that the validation computes, batch by batch, on the weights that are validated, averaged or
    not. Images and truths have the size of training, as for the validation loss. It comes first, so that other
    callbacks see the scores.

    Several devices share the batches in an order that is not known; there the images are predicted once more.

    Args:
      shown: how many of the first images' outputs to keep in `first`, in order, until the next validation.
    """

    def __init__(self, task: Task, dataset: Dataset, inputs: "Inputs", *, shown: int = 0):
        super().__init__()
        self.task, self.dataset, self.inputs, self.shown = task, dataset, inputs, shown
        self.first: list[Outputs] = []
        self._scores: dict[str, float] = {}

    def on_test_begin(self, logs=None):
        self._count, self._counted = self.task.epoch_count(self.dataset.classes), 0
        self.first.clear()

    def on_test_batch_end(self, batch, logs=None):
        kept = (logs or {}).pop(OUTPUTS, None)
        if kept is not None:
            self._add(kept[0])

    def on_test_end(self, logs=None):
        if not self._counted:
            self._predict()
        self._scores = self._count.figures()
        if logs is not None:
            logs.pop(OUTPUTS, None)
            logs.update(self._scores)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs.update({f"val_{name}": value for name, value in self._scores.items()})

    def _predict(self) -> None:
        source = self.inputs.validation_source
        size = min(self.inputs.validation_batch_size, len(source))
        for first in range(0, len(source), size):
            indices = np.arange(first, min(first + size, len(source)))
            full = np.resize(indices, size)  # all batches of one size, so that the network is traced once
            self._add(self.model.predict_on_batch(source.batch(full, 0)[0]), len(indices))

    def _add(self, outputs: Any, count: int | None = None) -> None:
        """Count the next images, of which these are the outputs; `count`: how many of them, all by default."""
        for output in self.task.of_each_image(self.task.activated(outputs))[:count]:
            self._count.add(self.inputs.validation_images.truth(self._counted), output)
            self._counted += 1
            if len(self.first) < self.shown:
                self.first.append(output)
