"""Progress of a run, for the person watching: a bar within the epoch, a line per epoch, the time left."""

import sys

import keras
from tqdm import tqdm

from kseg.training.callbacks.history import History
from kseg.wording import duration


class Progress(keras.callbacks.Callback):
    """A bar for the epoch under way (on a terminal) and one lasting line for each epoch done."""

    def __init__(self, history: History, *, epochs: int, steps: int):
        super().__init__()
        self.history = history
        self.epochs = epochs
        self.steps = steps

    def on_epoch_begin(self, epoch, logs=None):
        # The bar vanishes at the epoch's end, and is silent where the output is a file.
        self._bar = tqdm(
            total=self.steps, desc=f"epoch {epoch + 1}/{self.epochs}", unit="step", leave=False, disable=None
        )

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(batch + 1 - self._bar.n)
        if not self._bar.disable:
            self._bar.set_postfix({name: f"{float(value):.3f}" for name, value in logs.items()}, refresh=False)

    def on_epoch_end(self, epoch, logs=None):
        self._bar.close()
        entries = self.history.entries
        entry, best = entries[-1], self.history.best or entries[-1]
        left = (self.epochs - entry["epoch"]) * sum(e["seconds"] for e in entries) / len(entries)
        score = self.history.score
        of_training = f"  {score.title} {entry[score.name]:.4f}" if score.name in entry else ""
        print(
            f"epoch {entry['epoch']:>3}/{self.epochs}  loss {entry['loss']:.4f}{of_training}"
            f"  |  validation: loss {entry['val_loss']:.4f}  {score.title} {entry[score.key]:.4f}"
            f" (best {best[score.key]:.4f}, epoch {best['epoch']})"
            f"  |  {entry['seconds']:.1f} s, at most {duration(left)} left",
            file=sys.stderr,
        )
