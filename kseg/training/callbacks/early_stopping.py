"""Early stopping by validation IoU."""

import keras

from kseg.training.callbacks.history import History, best_entry


class StopWhenStale(keras.callbacks.Callback):
    """Stops after `patience` epochs without a better validation IoU (van Beers et al. table 2: 20).

    Epochs before `first`, counted from 0, are no reason to stop: where one loss follows another, the last has begun
    then and gets its own chance.
    """

    def __init__(self, history: History, patience: int, *, first: int = 0):
        super().__init__()
        self.history = history
        self.patience = patience
        self.first = first

    def is_stale(self) -> bool:
        entries = self.history.entries
        best = best_entry(entries)
        return best is not None and entries[-1]["epoch"] - max(best["epoch"], self.first) >= self.patience

    def on_epoch_end(self, epoch, logs=None):
        if self.is_stale():
            self.model.stop_training = True
