"""Jobs: a setting with a seed, and the directory that its resolved configuration leads to.

The directory's name ends in a hash of everything that differs from the defaults, so a changed setting is a new job, the
same setting is never run twice, and directories of several machines merge by copying. Where data and weights lie does
not count, nor do fields that were added to the configuration later and keep their default.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from kseg.atomic import write_json, write_text
from kseg.datasets import data_options
from kseg.errors import UsageError
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.setting import Setting
from kseg.models import ModelOptions
from kseg.pipeline import Augmentation
from kseg.reading import read_json
from kseg.training.config import KERAS_EPSILON, LossOptions, TrainConfig, resolve, to_json
from kseg.training.presets import DEFAULT_LOSS, DEFAULT_MODEL
from kseg.training.record import RunFiles

State = Literal["complete", "failed", "started", "new"]
FAILURE = "failure.json"
PLAIN = TrainConfig(
    model=ModelOptions(DEFAULT_MODEL, weights="none"),
    loss=LossOptions(DEFAULT_LOSS, pixel_weights="none"),
    augment=Augmentation().expanded(),
)
"""The configuration that others are compared with for their names: the defaults, and the loss of most models."""


class RecordedFailure(TypedDict):
    """`failure.json`."""

    error: str


@dataclass(frozen=True)
class Job:
    """One run of one setting."""

    condition: Condition
    seed: int
    config: TrainConfig
    """resolved"""
    path: Path

    @property
    def title(self) -> str:
        return f"{self.condition} seed {self.seed}"

    @property
    def kind(self) -> Condition:
        """The condition without its loss; jobs of one kind take about the same time."""
        return self.condition.setting

    @property
    def files(self) -> RunFiles:
        """The files that the job leaves behind."""
        return RunFiles(self.path)

    @property
    def state(self) -> State:
        if self.files.is_complete:
            return "complete"
        if (self.path / FAILURE).exists():
            return "failed"
        return "started" if self.path.exists() else "new"

    @property
    def config_file(self) -> Path:
        """The configuration for `kseg train --config`; it lies beside the job, which begins as an empty directory."""
        return self.path.parent / "configs" / f"{self.path.name}.toml"

    @property
    def command(self) -> list[str]:
        """The command that repeats this job alone, once `write_config` was called."""
        return ["kseg", "train", "--config", str(self.config_file), "--workdir", str(self.path)]

    def write_config(self) -> None:
        write_text(self.config_file, to_toml(self.config))

    def failure(self) -> str | None:
        """The recorded sentence; None without a failure."""
        path = self.path / FAILURE
        if not path.exists():
            return None
        return read_json(path, RecordedFailure, remedy="run the job again with --retry")["error"]

    def record_failure(self, kind: str, error: str) -> None:
        write_json(self.path / FAILURE, {"kind": kind, "error": error, "command": self.command})

    def forget_failure(self) -> None:
        (self.path / FAILURE).unlink(missing_ok=True)


def make_jobs(folder: Path, settings: Iterable[Setting], seeds: int | None = None) -> list[Job]:
    """The jobs of a recipe in the order they are run: every setting with seed 1 first, then with seed 2, …

    Args:
      folder: where the directories of the jobs lie.
      seeds: how many seeds (default: as each setting says).
    """
    settings = list(settings)
    if seeds is not None and seeds < 1:
        raise UsageError(f"--seeds is {seeds}; it must be at least 1")
    counts = [seeds or setting.seeds for setting in settings]
    jobs = [
        make_job(folder, setting, seed)
        for seed in range(1, max(counts, default=0) + 1)
        for setting, count in zip(settings, counts, strict=True)
        if seed <= count
    ]
    twice = {job.path for job in jobs if sum(other.path == job.path for other in jobs) > 1}
    assert not twice, f"settings that are the same: {sorted(twice)}"
    return jobs


def make_job(folder: Path, setting: Setting, seed: int) -> Job:
    size = setting.config.model.image_size or setting.config.augment.crop
    assert size is not None, f"{setting.condition} names no image size"
    training = dataclasses.replace(setting.config.training, seed=seed, keep="measurements")
    config = dataclasses.replace(setting.config, training=training)
    config = resolve(config, image_size=size)
    name = re.sub(r"[^A-Za-z0-9._+-]+", "_", "-".join(setting.condition.words))
    return Job(setting.condition, seed, config, folder.absolute() / f"{name}-s{seed}-{config_hash(config)}")


def config_hash(config: TrainConfig) -> str:
    """Ten hexadecimal digits that name a configuration's changes, the same on every machine."""
    if config.training.epsilon == KERAS_EPSILON:  # jobs from before this was an option keep their name
        config = dataclasses.replace(config, training=dataclasses.replace(config.training, epsilon=None))
    changed = _without_defaults(portable(config).to_json(), defaults_beside(config, PLAIN))
    return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:10]


def defaults_beside(config: TrainConfig, plain: TrainConfig) -> dict[str, Any]:
    """`plain` as JSON, with the default options of the configuration's own data set and model."""
    values, of_data = plain.to_json(), to_json(data_options(config.data.dataset))
    unset = dict.fromkeys(config.model.own_names)  # options of a model are None unless given
    return {**values, "data": {**of_data, **values["data"]}, "model": {**unset, **values["model"]}}


def portable(config: TrainConfig) -> TrainConfig:
    """The configuration without the folders of this machine."""
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, data_dir=None),
        model=dataclasses.replace(config.model, weights=Path(config.model.weights or "none").name),
    )


def _without_defaults(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key, value in values.items():
        default = defaults.get(key)  # options of a single model are None unless given
        if isinstance(value, dict):
            changed[key] = _without_defaults(value, defaults[key])
        elif value != default and (value or default is not None):  # unset may resolve to "none of it"
            changed[key] = value
    return changed


def to_toml(config: TrainConfig) -> str:
    """A configuration as `kseg train --config` reads it, without unset options."""
    lines = []
    for group, values in config.to_json().items():
        lines.append(f"[{group}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    return "\n".join(lines) + "\n"
