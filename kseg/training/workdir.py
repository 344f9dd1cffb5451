"""The directory that *is* a run: opened for its configuration, or for one that the run can go on with."""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kseg.atomic import replacing, write_json
from kseg.datasets import membership
from kseg.errors import Failure, KsegError, UsageError
from kseg.inference.model_file import MODEL_OF_A_RUN, model_path
from kseg.training.changes import GOES_ON, Changes, changes, consequence, new_run_command
from kseg.training.config import CHANGES, TrainConfig, from_record, in_words
from kseg.training.record import RunFiles

try:
    import fcntl
except ImportError:  # Windows, where no lock keeps two processes out of one run
    fcntl = None  # type: ignore[assignment]


class RunInUse(Failure):
    """Another process trains in this directory."""


class WorkDir(RunFiles):
    """A run's files, for writing. `open` makes the directory, or checks that it holds the same run."""

    def __init__(self, path: Path):
        super().__init__(path)
        self._held: list[int] = []
        self._next: dict[str, Any] | None = None
        """content of config.json once the run goes on with changes"""

    @classmethod
    def open(
        cls, path: Path, config: TrainConfig, *, anew: bool = False, command: Sequence[str] | None = None
    ) -> "WorkDir":
        """The run directory for this configuration, which `adopt` makes the run's.

        Args:
          anew: a directory in which nothing was trained yet takes any configuration.
          command: the command under way, from which the remedy is made.
        Raises:
          UsageError: the directory holds other files, or a run that does not go on with this configuration. The error
            names the differences and the command that starts a new run from its weights.
          Failure: the directory cannot be made or written.
        """
        workdir = cls(path)
        if workdir.config.exists():
            workdir._changes(config, command, anew=anew)
            return workdir
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UsageError(f"{path} exists and is not a run of kseg; name another --workdir")
        try:
            workdir.checkpoints.mkdir(parents=True)
        except FileExistsError:
            raise workdir.in_use() from None
        except OSError as error:
            raise Failure(f"cannot make {path}: {error.strerror}; choose a --workdir you may write to") from None
        write_json(workdir.config, config.to_json())
        return workdir

    def keep_splits(self, now: membership.Membership, *, drawn: bool) -> None:
        """Record which image is in which split; for a run that goes on or is complete, compare with the record.

        `drawn`: whether chance divides the images.
        Raises: UsageError where an image has moved, gone, come or changed since the run began, or its truth has.
        """
        recorded = membership.Membership.read(self.path)
        if recorded is None and self.is_complete:
            return
        if recorded is None and drawn and self.last.exists():
            raise UsageError(
                f"{self.path} was begun by a kseg that did not record its splits and drew them otherwise: going on "
                "would train on images that the run is measured on; begin anew in another --workdir"
            )
        if changed := recorded.changes(now) if recorded else "":
            raise UsageError(
                f"the images are not those that {self.path} was begun with: {changed}; put them back, or begin anew in "
                "another --workdir"
            )
        if recorded is None:
            write_json(self.splits, now.to_json())

    @property
    def is_complete(self) -> bool:
        """Whether the run has its results and `adopt` found no more to train."""
        return self.results.exists() and self._next is None

    @property
    def has_begun(self) -> bool:
        """Whether an epoch was trained, so that a change of the configuration may contradict it."""
        return self.last.exists() or self.results.exists()

    def _changes(self, config: TrainConfig, command: Sequence[str] | None, *, anew: bool = True) -> Changes:
        """The changes; refused where the run has begun and cannot go on with them."""
        # Options newer than the run have the value that leaves the run unchanged.
        recorded = from_record(self.read_config(), where=str(self.config))
        changed = changes(recorded, config)
        if (self.has_begun or not anew) and not changed.keys() <= GOES_ON:
            other = {key: values for key, values in changed.items() if key not in GOES_ON}
            raise UsageError(
                f"{self.path} holds a run with another configuration ({'; '.join(in_words(other))}); repeat its flags "
                f"to resume it, or {self._remedy(other, config, command)}"
            )
        return changed

    def _remedy(self, changed: Changes, config: TrainConfig, command: Sequence[str] | None) -> str:
        if "model.model" in changed or not (self.model.exists() or self.best.exists()):
            return "name another --workdir"
        weights = str(config.model.weights)  # resolved
        return f"start a new one from its weights: {new_run_command(self.path, command, encoder_weights=weights)}"

    def adopt(self, config: TrainConfig, *, command: Sequence[str] | None = None) -> str | None:
        """Takes the configuration in a directory that is `claimed`; a sentence about the changes, None without any.

        A run that has begun changes only with `go_on`, after all other errors were found.
        Raises: UsageError as `open`, and for more epochs of a run whose checkpoints were not kept.
        """
        changed = self._changes(config, command)
        if not changed:
            return None
        if not self.has_begun:
            shutil.rmtree(self.tensorboard, ignore_errors=True)
            self.splits.unlink(missing_ok=True)
            self._replace_config(config.to_json())
            return f"nothing was trained in {self.path} yet; it takes the new options: {'; '.join(in_words(changed))}"
        recorded = self.read_config()
        if self.results.exists() and not self._reopened(changed, recorded):
            return None
        entry = {"after_epoch": self.epochs_done, **{key: list(values) for key, values in changed.items()}}
        before = recorded.get(CHANGES, {})
        self._next = {**config.to_json(), CHANGES: {**before, str(len(before) + 1): entry}}
        return f"{self.path} goes on with {'; '.join(in_words(changed))}{consequence(changed, config)}"

    def go_on(self) -> None:
        """Records the changes that `adopt` found.

        A complete run that has more to train is no longer complete: its results and its report are removed.
        """
        if self._next is None:
            return
        self._replace_config(self._next)
        self._next = None
        for file in (self.results, self.report):
            file.unlink(missing_ok=True)

    def _reopened(self, changed: Changes, recorded: dict[str, Any]) -> bool:
        """Whether a complete run has more to train now."""
        done, bound = self.epochs_done, recorded["training"]["epochs"]
        old_patience, patience = changed.get("training.patience", (0, 0))
        _, epochs = changed.get("training.epochs", (bound, bound))
        stopped_early = done < bound
        if epochs <= done or (stopped_early and patience <= old_patience):
            if stopped_early and epochs > bound:
                print(
                    f"{self.path} ended after {done} epochs by --patience {recorded['training']['patience']}, "
                    "not by --epochs; pass a larger --patience too to go on",
                    file=sys.stderr,
                )
            return False
        if not self.last.exists():
            raise UsageError(
                f"{self.path} cannot go on: its checkpoints were not kept (--keep measurements); name another --workdir"
            )
        return True

    def _replace_config(self, content: dict[str, Any]) -> None:
        # The lock is on the file and not on its name, so the new file is locked before it takes over the name.
        with replacing(self.config) as temporary:
            temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
            self._lock(temporary)

    def _lock(self, file: Path) -> None:
        """Lock a file. Raises: BlockingIOError if another process holds the lock."""
        descriptor = os.open(file, os.O_RDWR)  # NFS locks no file that is open for reading only
        self._held.append(descriptor)
        if fcntl:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """The run is locked for this process until the end of the block, or of the process, however it ends.

        Raises:
          RunInUse: another process has it, on this machine or one that shares the file system.
        """
        try:
            self._lock(self.config)
            yield
        except BlockingIOError:
            raise self.in_use() from None
        finally:
            while self._held:
                os.close(self._held.pop())

    def in_use(self) -> RunInUse:
        return RunInUse(f"another process trains in {self.path}; wait until it has ended, or name another --workdir")

    @contextlib.contextmanager
    def kept_once_begun(self) -> Iterator[None]:
        """Removes a directory made by the run, if an error stops the run before its first checkpoint.

        The remedy is often another flag, and the directory would refuse it as another configuration.
        """
        try:
            taken = self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir()))
        except OSError as error:
            raise Failure(f"cannot open {self.path}: {error.strerror}; choose a --workdir you may write to") from None
        try:
            yield
        except RunInUse:
            raise
        except KsegError:
            if not taken and not self.last.exists() and not self.results.exists():
                shutil.rmtree(self.path, ignore_errors=True)
            raise


def weights_file(path_or_run: Path | str) -> Path:
    """The file of weights that `--init` means: a model, or the best weights so far of a run that has not finished.

    Raises: UsageError if there is none.
    """
    best = RunFiles(Path(path_or_run)).best
    if not (Path(path_or_run) / MODEL_OF_A_RUN).is_file() and best.is_file():
        return best
    return model_path(path_or_run)
