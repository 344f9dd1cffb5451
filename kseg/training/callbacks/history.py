"""The run's memory: one entry per epoch, in `metrics.jsonl` and in the checkpoint.

Early stopping, the best epoch and the time left are all derived from these entries, so a resumed run needs no other
callback state.
"""

import json
import time
from typing import Any

import keras
import numpy as np

from kseg.atomic import write_text
from kseg.tasks import EpochScore
from kseg.training.checkpoint import save_checkpoint
from kseg.training.kept_epoch import OF_DEFAULT, STAGE, Rule, best_entry, by_score
from kseg.training.workdir import WorkDir


class History(keras.callbacks.Callback):
    """Appends an entry per epoch and saves the full state; comes first, so that other callbacks see the new entry.

    With `writes=False`, for the workers beside the chief, it writes no file. `rule` says which epoch is the best; by
    default `score` decides.

    An entry holds `epoch` (from 1), `seconds`, `learning_rate`, and `loss` and the task's scores with `val_` twins; and
    `stage` where the run has several losses.
    """

    def __init__(
        self,
        workdir: WorkDir,
        network: keras.Model,
        entries: list[dict[str, Any]],
        *,
        writes: bool = True,
        rule: Rule | None = None,
        score: EpochScore = OF_DEFAULT,
    ):
        super().__init__()
        self.writes = writes
        self.score = score
        self.rule = by_score(score) if rule is None else rule
        self.workdir = workdir
        self.network = network
        self.entries = list(entries)
        self.stage: int | None = None
        if writes:
            self._write_journal()

    @property
    def best(self) -> dict[str, Any] | None:
        """The entry of the epoch whose weights are kept so far."""
        return best_entry(self.entries, self.rule, self.score)

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        entry = {
            "epoch": epoch + 1,
            "seconds": round(time.perf_counter() - self._started, 3),
            "learning_rate": float(np.asarray(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))),
            **({} if self.stage is None else {STAGE: self.stage}),
            **{name: float(value) for name, value in (logs or {}).items()},
        }
        self.entries.append(entry)
        if self.writes:
            save_checkpoint(self.workdir.last, self.network, self.model, {"entries": self.entries})
            self._write_journal()

    def _write_journal(self) -> None:
        # Rewritten whole: after a kill it may be an epoch ahead of the checkpoint, and never holds half a line.
        write_text(self.workdir.journal, "".join(json.dumps(entry) + "\n" for entry in self.entries))
