"""Early stopping: a run ends when the epoch it would keep lies too far behind."""

import keras

from kseg.training.callbacks.history import History


class StopWhenStale(keras.callbacks.Callback):
    """Stops after `patience` epochs without a better score on the validation images (van Beers et al. table 2: 20).

    "Better" is `kseg.training.kept_epoch.rank`: among equal scores the lower loss is better. A run that can validate
    nothing keeps its last epoch and trains all epochs.

    Patience counts from epoch `first`, counted from 0, at the earliest: where one loss follows another, the last loss
    begins there.
    """

    def __init__(self, history: History, patience: int, *, first: int = 0):
        super().__init__()
        self.history = history
        self.patience = patience
        self.first = first

    def is_stale(self) -> bool:
        entries, best = self.history.entries, self.history.best
        return best is not None and entries[-1]["epoch"] - max(best["epoch"], self.first) >= self.patience

    def on_epoch_end(self, epoch, logs=None):
        if self.is_stale():
            self.model.stop_training = True
