"""Stops a run whose loss is no longer a number."""

import math
from collections.abc import Callable

import keras

from kseg.errors import Failure


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Raises `Failure` naming the step; the last checkpoint is of a healthy epoch and stays.

    `remedy` gives the rest of the sentence: what to do from where the run stands.
    """

    def __init__(self, remedy: Callable[[], str]):
        super().__init__()
        self.remedy = remedy

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise Failure(
                f"the loss became {loss} at step {batch + 1} of epoch {self._epoch + 1}; {self.remedy()}, or look for "
                "broken labels with `kseg data check`"
            )
