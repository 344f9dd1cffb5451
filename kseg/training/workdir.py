"""The directory that *is* a run: what lies in it, opened for a configuration."""

import contextlib
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kseg.atomic import write_json
from kseg.datasets import membership
from kseg.errors import Failure, KsegError, UsageError
from kseg.reading import read_json, read_json_lines
from kseg.training.config import TrainConfig, differences, from_record
from kseg.training.record import Config, Epoch, RunEnvironment, RunResults

try:
    import fcntl
except ImportError:  # Windows: nothing there keeps two processes out of one run
    fcntl = None  # type: ignore[assignment]


class RunInUse(Failure):
    """Another process trains in this directory."""


class WorkDir:
    """Paths of a run's files. `open` makes the directory, or checks that the one there is of the same run."""

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.json"
        self.environment = path / "env.json"
        self.splits = path / membership.FILE
        self.journal = path / "metrics.jsonl"
        self.checkpoints = path / "checkpoints"
        self.last = self.checkpoints / "last.npz"
        self.best = self.checkpoints / "best.npz"
        self.tensorboard = path / "tensorboard"
        self.model = path / "model.keras"
        self.results = path / "results.json"
        self.report = path / "report.html"
        self.masks = path / "test_masks.npz"

    @classmethod
    def open(cls, path: Path, config: TrainConfig) -> "WorkDir":
        """The run directory for this configuration.

        Raises:
          UsageError: the directory holds a run with another configuration (the differences are named), or other files.
          Failure: it cannot be made or written.
        """
        workdir = cls(path)
        if workdir.config.exists():
            recorded = from_record(workdir.read_config(), where=str(workdir.config))
            changed = differences(recorded.to_json(), config.to_json())
            if changed:
                raise UsageError(
                    f"{path} holds a run with another configuration ({'; '.join(changed)}); "
                    "repeat its flags to resume it, or name another --workdir"
                )
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
        """Record which image is in which split; a run that goes on has to find what it recorded.

        `drawn`: whether chance divides the images.
        Raises: UsageError where an image has moved, gone, come or changed since the run began.
        """
        recorded = membership.Membership.read(self.path)
        if recorded is None and drawn and self.last.exists():
            raise UsageError(
                f"{self.path} was begun by a kseg that did not record its splits and drew them otherwise: going on "
                "would train on images that the run is measured on; begin anew in another --workdir"
            )
        changes = recorded.changes(now) if recorded else ""
        if changes:
            raise UsageError(
                f"the splits are not those that {self.path} was begun with: {changes}; put the images back, or begin "
                "anew in another --workdir"
            )
        if recorded is None:
            write_json(self.splits, now.to_json())

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """The run is this process's until the end of the block, or of the process, however it ends.

        Raises:
          RunInUse: it is another's, on this machine or one that shares the file system.
        """
        descriptor = os.open(self.config, os.O_RDWR)  # NFS locks no file that is open for reading only
        try:
            if fcntl:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise self.in_use() from None
        finally:
            os.close(descriptor)

    def in_use(self) -> RunInUse:
        return RunInUse(f"another process trains in {self.path}; wait until it has ended, or name another --workdir")

    @contextlib.contextmanager
    def kept_once_begun(self) -> Iterator[None]:
        """Empties a directory that was not there before, if an error stops the run short of its first checkpoint.

        What mends the error is often another flag, and the directory would refuse that as another configuration.
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

    def read_config(self) -> Config:
        return read_json(self.config, Config, remedy=f"remove {self.path} and start anew, or name another --workdir")

    def read_results(self) -> RunResults:
        return read_json(self.results, RunResults, remedy=self._again)

    def read_environment(self) -> RunEnvironment:
        return read_json(self.environment, RunEnvironment, remedy=self._again)

    def read_epochs(self) -> list[Epoch]:
        """One entry an epoch, numbered from 1; a score without a meaning is None."""
        entries: list[Epoch] = read_json_lines(self.journal, Epoch, remedy=self._again)
        for line, entry in enumerate(entries, 1):
            if entry["epoch"] < 1:
                raise Failure(f"line {line} of {self.journal} is of epoch {entry['epoch']}; {self._again}")
            for name, value in entry.items():
                if isinstance(value, float) and not math.isfinite(value):
                    entry[name] = None  # type: ignore[literal-required]
        return entries

    @property
    def _again(self) -> str:
        return f"remove {self.results.name} from {self.path} and repeat the training command to write it anew"
