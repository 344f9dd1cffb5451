"""Keeps the weights of the best epoch, as `kseg.training.kept_epoch` ranks epochs."""

import keras

from kseg.training.callbacks.history import History
from kseg.training.checkpoint import save_weights
from kseg.training.kept_epoch import LOSS, rank


class BestWeights(keras.callbacks.Callback):
    """Saves the whole network when a validation beats every earlier one.

    It acts at the end of the validation and not of the epoch: with weight averaging, the averaged weights that were
    scored are in place only then. It must come before `SwapEMAWeights`, which takes them out again.
    """

    def __init__(self, history: History):
        super().__init__()
        self.history = history

    def on_test_end(self, logs=None):
        best, rule, score = self.history.best, self.history.rule, self.history.score
        entry = {name: float(logs[name.removeprefix("val_")]) for name in (score.key, LOSS)}
        entry["epoch"] = len(self.history.entries) + 1
        if self.history.writes and (best is None or rank(entry, rule, score) > rank(best, rule, score)):
            save_weights(self.history.workdir.best, self.history.network)
