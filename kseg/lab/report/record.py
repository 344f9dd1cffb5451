"""A run directory, read: configuration, environment, epochs, and what was measured."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kseg.datasets import DataOptions
from kseg.errors import Failure, UsageError
from kseg.inference import Evaluation
from kseg.training.config import from_json


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
        """The entry of the epoch whose weights were kept: the first with the highest validation IoU."""
        scored = [entry for entry in self.epochs if entry.get("val_iou") is not None]
        return max(scored, key=lambda entry: entry["val_iou"], default=None)

    @property
    def data_options(self) -> DataOptions:
        """What to open the run's data set with."""
        return from_json(self.config, where=str(self.path / "config.json")).data


def read_run(path: Path) -> RunRecord:
    """The run in `path`; `config.json` is a must, the rest is what there is."""
    path = Path(path)
    if not (path / "config.json").is_file():
        raise UsageError(f"{path} is no run directory (it has no config.json); pass one that kseg train made")
    results = _json(path / "results.json")
    evaluation = results.get("evaluation")
    return RunRecord(
        path=path,
        config=_json(path / "config.json"),
        environment=_json(path / "env.json"),
        epochs=_lines(path / "metrics.jsonl"),
        results=results,
        evaluation=Evaluation.from_json(evaluation) if evaluation else None,
    )


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read ({error}); start the training command again to write it anew") from error


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read ({error}); start the training command again to write it anew") from error
