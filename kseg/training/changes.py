"""The options that may change between two commands for one run, and the command for a new run from its weights."""

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
"""Options that may change in the middle of a run: how long it trains, what it writes meanwhile, and where and how the
same arithmetic is done. All others are part of what the run measures."""

PATHS = frozenset({"data.data_dir", "model.weights", "model.init"})
"""Options that may name a file or folder, relative to the folder of the command."""

NAMES = {"none", "imagenet"}
"""Values of `PATHS` that are no paths."""

Changes = dict[str, tuple[Any, Any]]
"""`group.key` to the recorded value and the new one."""


def changes(recorded: TrainConfig, asked: TrainConfig) -> Changes:
    """The values that differ; two spellings of one path do not differ."""
    changed = changed_values(recorded.to_json(), asked.to_json())
    return {key: values for key, values in changed.items() if key not in PATHS or not _same_place(*values)}


def _same_place(one: str | None, other: str | None) -> bool:
    if one is None or other is None or {one, other} & NAMES:
        return one == other
    return os.path.realpath(os.path.expanduser(one)) == os.path.realpath(os.path.expanduser(other))


def with_whole_paths(config: TrainConfig) -> TrainConfig:
    """The configuration with absolute paths, as a run records them."""

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
    """A side effect of changing options of `GOES_ON`, as the end of a sentence; "" without one."""
    if "training.epochs" in changed and config.training.schedule != "constant":
        return (
            f"; the {config.training.schedule} schedule spans all {config.training.epochs} epochs from here on, so the "
            "learning rate jumps and the run differs from one with as many epochs from its start"
        )
    if changed.keys() & {"training.jit", "training.cache_features", "training.distribute"}:
        return "; the numbers may differ from those of an unchanged run by rounding"
    return ""


def new_run_command(
    run: Path, command: Sequence[str] | None, *, flags: dict[str, str] | None = None, encoder_weights: str = "none"
) -> str:
    """The command that trains on from the weights of `run` in a directory of its own, ready to paste.

    Args:
      command: the words of the command under way (default: this process's).
      flags: further options to set.
      encoder_weights: `--weights`, which is left out, because it would fill the encoder a second time.
    """
    words = list(command or sys.argv)
    program, rest = Path(words[0]).name, words[1:]
    if program == "train.py":
        start = ["python", words[0]]
    elif program == "kseg" and rest[:1] == ["train"]:
        start, rest = ["kseg", "train"], rest[1:]
    else:  # another program, whose options are unknown here
        start, rest = ["kseg", "train"], []
    new = {"--init": str(run), "--workdir": str(unused(run)), **(flags or {})}
    rest = without(rest, {*new, "--weights"})
    if "--config" in rest and encoder_weights != "none":  # the file names weights
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
    """`RUN-2`, `RUN-3`, …: the first path that does not exist."""
    number = 2
    while (path := run.with_name(f"{run.name}-{number}")).exists():
        number += 1
    return path
