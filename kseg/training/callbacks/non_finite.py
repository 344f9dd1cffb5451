"""Stops a run whose loss is no longer a number."""

import math

import keras

from kseg.errors import Failure


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Raises `Failure` naming the step; the last checkpoint is of a healthy epoch and stays."""

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise Failure(
                f"the loss became {loss} at step {batch + 1} of epoch {self._epoch + 1}; lower --learning-rate, set "
                "--clip-norm, or look for broken labels with `kseg data check` (the last checkpoint is untouched)"
            )
