"""The reader of a run directory: the names of its files, the types they are held to, and how far the run got."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from kseg.conventions import DEFAULT_TASK
from kseg.datasets import DataOptions, membership
from kseg.errors import Failure, UsageError
from kseg.inference.model_file import MODEL_OF_A_RUN
from kseg.models import MODELS
from kseg.reading import read_json, read_json_lines
from kseg.tasks import TASKS, Evaluation, Task
from kseg.training.config import from_record
from kseg.training.kept_epoch import Rule, best_entry, by_score

Config = dict[str, dict[str, Any]]
"""`config.json`: group → key → value; `from_json` checks the values"""


Epoch = dict[str, Any]
"""A line of `metrics.jsonl`: "epoch", and numbers by name; None is a score without a meaning"""


class Parameters(TypedDict):
    """The numbers of weights of a network."""

    trainable: int
    total: int


class Refined(TypedDict):
    """The test images once more, behind a dense CRF."""

    crf: str
    """the parameters of the CRF"""
    evaluation: dict[str, Any]


class RunResults(TypedDict):
    """`results.json`."""

    best_epoch: int
    epochs: int
    evaluation: dict[str, Any]
    model: NotRequired[str]
    loss: NotRequired[str]
    split: NotRequired[str]
    kept_by: NotRequired[str]
    train_seconds: NotRequired[float]
    wall_seconds: NotRequired[float]
    parameters: NotRequired[Parameters]
    transplant: NotRequired[str | None]
    refined: NotRequired[Refined]


class Commit(TypedDict):
    """The commit of kseg's source tree."""

    commit: str
    dirty: NotRequired[bool]


class WeightsFile(TypedDict):
    """Name and digest of a weights file."""

    file: str
    sha256: str


class ChosenOptions(TypedDict):
    """The choice of `--preset auto`: names as `group.option`, the same as flags, and a sentence."""

    options: list[str]
    flags: str
    why: str


class RunEnvironment(TypedDict, total=False):
    """`env.json`."""

    packages: dict[str, str]
    python: str
    platform: str
    backend: str
    device: str
    git: Commit | None
    weights: WeightsFile | None
    auto: ChosenOptions
    command: str


class RunFiles:
    """The files of a run, for reading; `kseg.training.workdir.WorkDir` also writes them."""

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
        self.model = path / MODEL_OF_A_RUN
        self.results = path / "results.json"
        self.report = path / "report.html"
        self.masks = path / "test_masks.npz"
        self.refined_masks = path / "test_masks_crf.npz"
        self.probabilities = path / "test_probabilities.npz"

    @property
    def is_run(self) -> bool:
        return self.config.is_file()

    @property
    def is_complete(self) -> bool:
        """Whether the run was measured, as results.json is written last."""
        return self.results.exists()

    @property
    def epochs_done(self) -> int:
        """Epochs in the journal, which is written after the checkpoint; 0 without a journal."""
        try:
            return sum(1 for line in self.journal.read_text(encoding="utf-8").splitlines() if line.strip())
        except OSError:
            return 0

    def read_config(self) -> Config:
        return read_json(self.config, Config, remedy=f"remove {self.path} and start anew, or name another --workdir")

    def read_results(self) -> RunResults:
        return read_json(self.results, RunResults, remedy=self._again)

    def read_evaluation(self) -> Evaluation:
        """The evaluation in results.json. Raises: Failure where it is no evaluation of a task."""
        return self.evaluation_of(self.read_results())

    def evaluation_of(self, results: Mapping[str, Any]) -> Evaluation:
        """The evaluation in what `read_results` gave."""
        content = results["evaluation"]
        try:
            return TASKS[str(content.get("task", DEFAULT_TASK))].read_evaluation(content)
        except UsageError as error:
            raise Failure(f"{self.results}: {error}") from None

    def read_environment(self) -> RunEnvironment:
        return read_json(self.environment, RunEnvironment, remedy=self._again)

    def read_epochs(self) -> list[Epoch]:
        """One entry an epoch, numbered from 1; a score without a meaning is None."""
        entries: list[Epoch] = read_json_lines(self.journal, dict[str, int | float | None], remedy=self._again)
        for line, entry in enumerate(entries, 1):
            number = entry.get("epoch")
            if not isinstance(number, int) or number < 1:
                raise Failure(f"line {line} of {self.journal} is of epoch {number}; {self._again}")
            for name, value in entry.items():
                if isinstance(value, float) and not math.isfinite(value):
                    entry[name] = None
        return entries

    def read_whole(self) -> dict[str, dict[str, Any]]:
        """ "config", "environment" and "results" of a complete run, with the fields that no type names."""
        self.read_results()
        self.read_environment()
        whole = {"environment": self.environment, "results": self.results}
        return {
            "config": self.read_config(),
            **{name: read_json(file, dict[str, Any], remedy=self._again) for name, file in whole.items()},
        }

    @property
    def _again(self) -> str:
        return f"remove {self.results.name} from {self.path} and repeat the training command to write it anew"


@dataclass(frozen=True)
class RunRecord:
    """The files of a run as far as it got; before it is measured `results` is empty and `evaluation` None."""

    path: Path
    config: dict[str, dict[str, Any]]
    environment: dict[str, Any]
    epochs: list[dict[str, Any]]
    results: dict[str, Any]
    evaluation: Evaluation | None

    @property
    def title(self) -> str:
        """`MODEL · LOSS · DATASET`."""
        parts = (("model", "model"), ("loss", "loss"), ("data", "dataset"))
        return " · ".join(str(self.config.get(group, {}).get(key, "?")) for group, key in parts)

    @property
    def best(self) -> dict[str, Any] | None:
        """The entry of the epoch whose weights were kept."""
        return best_entry(self.epochs, self.kept_by, self.task.score)

    @property
    def kept_by(self) -> Rule:
        """What decided about the epoch."""
        return self.results.get("kept_by", by_score(self.task.score))

    @property
    def task(self) -> Task:
        """The task that the network answers; the default task where this kseg has no such network."""
        if self.evaluation is not None:
            return TASKS[self.evaluation.task]
        name = self.config.get("model", {}).get("model")
        return TASKS[MODELS[name].task if isinstance(name, str) and name in MODELS else DEFAULT_TASK]

    @property
    def data_options(self) -> DataOptions:
        """The options that open the run's data set."""
        return from_record(self.config, where=str(RunFiles(self.path).config)).data


def read_run(path: Path) -> RunRecord:
    """The run in `path`; only `config.json` is required.

    Raises:
      UsageError: not a run directory.
      Failure: one of its files is broken.
    """
    files = RunFiles(Path(path))
    if not files.is_run:
        raise UsageError(f"{path} is no run directory (it has no config.json); pass one that kseg train made")
    results: Any = files.read_results() if files.is_complete else {}
    environment: Any = files.read_environment() if files.environment.exists() else {}
    epochs: Any = files.read_epochs() if files.journal.exists() else []
    evaluation = files.evaluation_of(results) if results else None
    return RunRecord(files.path, files.read_config(), environment, epochs, results, evaluation)
