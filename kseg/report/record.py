"""A run directory, read: configuration, environment, epochs, and what was measured."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kseg.datasets import DataOptions
from kseg.errors import Failure, UsageError
from kseg.inference import Evaluation
from kseg.training.config import from_json
from kseg.training.kept_epoch import BY_SCORE, SCORE, best_entry
from kseg.training.workdir import WorkDir


@dataclass(frozen=True)
class RunRecord:
    """The files of a run as far as it got; `results` is empty and `evaluation` None before it was measured."""

    path: Path
    config: dict[str, dict[str, Any]]
    environment: dict[str, Any]
    epochs: list[dict[str, Any]]
    results: dict[str, Any]
    evaluation: Evaluation | None

    @property
    def title(self) -> str:
        """`bfcn32s · iou · lfw`."""
        parts = (("model", "model"), ("loss", "loss"), ("data", "dataset"))
        return " · ".join(str(self.config.get(group, {}).get(key, "?")) for group, key in parts)

    @property
    def best(self) -> dict[str, Any] | None:
        """The entry of the epoch whose weights were kept."""
        scored = [entry for entry in self.epochs if entry.get(SCORE) is not None]
        return best_entry(scored, self.results.get("kept_by", BY_SCORE))

    @property
    def data_options(self) -> DataOptions:
        """What to open the run's data set with."""
        return from_json(self.config, where=str(self.path / "config.json")).data


def read_run(path: Path) -> RunRecord:
    """The run in `path`; `config.json` is a must, the rest is what there is."""
    path = Path(path)
    if not (path / "config.json").is_file():
        raise UsageError(f"{path} is no run directory (it has no config.json); pass one that kseg train made")
    workdir = WorkDir(path)
    results: Any = workdir.read_results() if workdir.results.exists() else {}
    environment: Any = workdir.read_environment() if workdir.environment.exists() else {}
    epochs: Any = workdir.read_epochs() if workdir.journal.exists() else []
    try:
        evaluation = Evaluation.from_json(results["evaluation"]) if results else None
    except UsageError as error:
        raise Failure(f"{workdir.results}: {error}") from None
    return RunRecord(
        path=path,
        config=workdir.read_config(),
        environment=environment,
        epochs=epochs,
        results=results,
        evaluation=evaluation,
    )
