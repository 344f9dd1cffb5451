"""Keeps the weights of the epoch with the best validation IoU."""

import keras

from kseg.training.callbacks.history import SCORE, History, best_entry
from kseg.training.checkpoint import save_weights


class BestWeights(keras.callbacks.Callback):
    """Saves the whole network when a validation beats every earlier one.

    It acts at the end of the validation and not of the epoch: with weight averaging the averaged weights, the ones
    that were scored, are in place just then. It must come before `SwapEMAWeights`, which takes them out again.
    """

    def __init__(self, history: History):
        super().__init__()
        self.history = history

    def on_test_end(self, logs=None):
        best = best_entry(self.history.entries)
        score = float(logs[SCORE.removeprefix("val_")])
        if self.history.writes and (best is None or score > best[SCORE]):
            save_weights(self.history.workdir.best, self.history.network)
