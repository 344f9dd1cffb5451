"""What may change between two commands for one run, and the command that starts a new run from its weights instead."""

import dataclasses
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kseg.training.config import TrainConfig, changed_values

GOES_ON = frozenset(
    f"training.{name}" for name in ("epochs", "patience", "tensorboard", "jit", "cache_features", "distribute")
)
"""Options that a run goes on with: how long it trains, what it writes meanwhile, and where and how the same arithmetic
is done. Everything else is part of what the run measures."""

PATHS = frozenset({"data.data_dir", "model.weights", "model.init"})
"""Options that may name a file or folder, relative to wherever the command was given."""

NAMES = {"none", "imagenet"}
"""Values of those that are no paths."""

Changes = dict[str, tuple[Any, Any]]
"""`group.key` to the value that was recorded and the one that is asked for."""


def changes(recorded: TrainConfig, asked: TrainConfig) -> Changes:
    """What differs; one place written in two ways does not."""
    found = changed_values(recorded.to_json(), asked.to_json())
    return {key: values for key, values in found.items() if key not in PATHS or not _same_place(*values)}


def _same_place(one: str | None, other: str | None) -> bool:
    if one is None or other is None or {one, other} & NAMES:
        return one == other
    return os.path.realpath(os.path.expanduser(one)) == os.path.realpath(os.path.expanduser(other))


def with_whole_paths(config: TrainConfig) -> TrainConfig:
    """The configuration with paths that mean the same from every folder, as a run records them."""

    def whole(path: str) -> str:
        return path if path in NAMES else os.path.abspath(os.path.expanduser(path))

    data, model = config.data, config.model
    if data.data_dir is not None:
        data = dataclasses.replace(data, data_dir=Path(whole(str(data.data_dir))))
    init = None if model.init is None else whole(model.init)
    weights = None if model.weights is None else whole(model.weights)
    model = dataclasses.replace(model, weights=weights, init=init)
    return dataclasses.replace(config, data=data, model=model)


def consequence(changed: Changes, config: TrainConfig) -> str:
    """What a change of `GOES_ON` does to the run besides what it says; "" for nothing."""
    if "training.epochs" in changed and config.training.schedule != "constant":
        return (
            f"; the {config.training.schedule} schedule is laid over all {config.training.epochs} epochs from here on, "
            "so that the learning rate jumps and the run differs from one that had them from its start"
        )
    if changed.keys() & {"training.jit", "training.cache_features", "training.distribute"}:
        return "; the numbers may differ from those of an unchanged run by rounding"
    return ""


def new_run_command(
    run: Path, command: Sequence[str] | None, *, flags: dict[str, str] | None = None, encoder_weights: str = "none"
) -> str:
    """The command that trains on from the weights of `run` in a directory of its own, ready to paste.

    Args:
      command: the words of the command that is under way (default: this process's).
      flags: options to set besides.
      encoder_weights: `--weights`, which would fill the encoder a second time.
    """
    words = list(command or sys.argv)
    program, rest = Path(words[0]).name, words[1:]
    if program == "train.py":
        start = ["python", words[0]]
    elif program == "kseg" and rest[:1] == ["train"]:
        start, rest = ["kseg", "train"], rest[1:]
    else:  # a program of somebody else's: what its options are is unknown here
        start, rest = ["kseg", "train"], []
    new = {"--init": str(run), "--workdir": str(unused(run)), **(flags or {})}
    rest = without(rest, {*new, "--weights"})
    if "--config" in rest and encoder_weights != "none":  # the file names them
        new["--weights"] = "none"
    return shlex.join([*start, *rest, *(word for pair in new.items() for word in pair)])


def without(words: Iterable[str], flags: set[str]) -> list[str]:
    """The command line without these flags of one value each."""
    remaining, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in flags:
            skip = True
        elif word.partition("=")[0] not in flags:
            remaining.append(word)
    return remaining


def unused(run: Path) -> Path:
    """`RUN-2`, `RUN-3`, …: the first that is not there."""
    number = 2
    while (path := run.with_name(f"{run.name}-{number}")).exists():
        number += 1
    return path
