"""The directory that *is* a run: what lies in it, opened for a configuration."""

import json
from pathlib import Path
from typing import Any

from kseg.atomic import write_json
from kseg.errors import Failure, UsageError
from kseg.training.config import TrainConfig, differences


class WorkDir:
    """Paths of a run's files. `open` makes the directory, or checks that the one there is of the same run."""

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.json"
        self.environment = path / "env.json"
        self.journal = path / "metrics.jsonl"
        self.checkpoints = path / "checkpoints"
        self.last = self.checkpoints / "last.npz"
        self.best = self.checkpoints / "best.weights.h5"
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
            changed = differences(workdir.read_config(), config.to_json())
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
        except OSError as error:
            raise Failure(f"cannot make {path}: {error.strerror}; choose a --workdir you may write to") from None
        write_json(workdir.config, config.to_json())
        return workdir

    def read_config(self) -> dict[str, Any]:
        try:
            return json.loads(self.config.read_text())
        except (OSError, ValueError) as error:
            raise Failure(f"{self.config} cannot be read ({error}); remove {self.path} and start anew") from None
