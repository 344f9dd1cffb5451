"""What lies in the files of a run, as types that a file is held to when it is read (`kseg.reading`)."""

from typing import Any, NotRequired, TypedDict

from kseg.inference.evaluation import StoredEvaluation

Config = dict[str, dict[str, Any]]
"""`config.json`: group → key → value; `from_json` checks the values"""


class Epoch(TypedDict):
    """A line of `metrics.jsonl`; None is a score without a meaning."""

    epoch: int
    seconds: NotRequired[float | None]
    learning_rate: NotRequired[float | None]
    loss: NotRequired[float | None]
    iou: NotRequired[float | None]
    accuracy: NotRequired[float | None]
    val_loss: NotRequired[float | None]
    val_iou: NotRequired[float | None]
    val_accuracy: NotRequired[float | None]


class Parameters(TypedDict):
    """Numbers of weights."""

    trainable: int
    total: int


class RunResults(TypedDict):
    """`results.json`."""

    best_epoch: int
    epochs: int
    evaluation: StoredEvaluation
    model: NotRequired[str]
    loss: NotRequired[str]
    split: NotRequired[str]
    kept_by: NotRequired[str]
    train_seconds: NotRequired[float]
    wall_seconds: NotRequired[float]
    parameters: NotRequired[Parameters]
    transplant: NotRequired[str | None]


class Commit(TypedDict):
    """Of kseg's source tree."""

    commit: str
    dirty: NotRequired[bool]


class WeightsFile(TypedDict):
    """Name and digest."""

    file: str
    sha256: str


class ChosenOptions(TypedDict):
    """What `--preset auto` chose: names of `group.option`, the same as flags, and a sentence."""

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
