"""Keeps `fit` from leaving averaged weights in the network."""

import keras
import numpy as np


class KeepTrainedWeights(keras.callbacks.Callback):
    """Restores the weights that Keras overwrites with their average when `fit` ends with weight averaging.

    The next loss of a schedule trains on from the weights themselves, as a run resumed at that epoch does.
    """

    def on_train_begin(self, logs=None):
        self._kept: list[np.ndarray] = []

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.params["epochs"]:
            self._kept = [keras.ops.convert_to_numpy(variable) for variable in self.model.trainable_variables]

    def on_train_end(self, logs=None):
        for variable, values in zip(self.model.trainable_variables, self._kept, strict=bool(self._kept)):
            variable.assign(values)
