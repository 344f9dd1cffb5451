"""The defaults of a command: from `--config FILE`, and the options of the data set and model that the line names."""

import dataclasses
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kseg.cli.flags import value_of
from kseg.errors import UsageError
from kseg.models import MODELS, ModelOptions
from kseg.reading import read_text
from kseg.training.config import from_json
from kseg.training.presets import DEFAULT_MODEL

MOST_BYTES = 1 << 20
"""Most bytes of a file of settings."""

CHOOSES = {"--dataset": ("data", "dataset"), "--model": ("model", "model"), "--encoder": ("model", "encoder")}
"""Flag that decides which other options exist → its group and key in a file of settings."""


def defaults_of_command(command: type[Any], arguments: Sequence[str]) -> Any:
    """The command with the values of the file of `--config` and the options of the data set and model of the line.

    tyro makes flags from the type of a default, so the defaults are instances of the data set's and model's classes.
    """
    path = value_of(arguments, "--config")
    content = {} if path is None else read_file(Path(path))
    where = "the command" if path is None else path
    options = from_json(choosing(content, arguments), where=where, note=say)
    if type(options.model) is ModelOptions:  # no model is named: the default's options, but its name stays open
        model_options = MODELS[DEFAULT_MODEL if options.model.model is None else options.model.model].Options(
            **options.model.general
        )
        options = dataclasses.replace(options, model=model_options)
    return command(options=options, config=None if path is None else Path(path))


def read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path, most=MOST_BYTES))
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}; name a TOML file") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--config {path} is not TOML: {error}; write [training], then epochs = 3") from None


def choosing(content: dict[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """The content of the file with the names that the line chooses instead."""
    chosen = dict(content)
    for flag, (group, key) in CHOOSES.items():
        name, values = value_of(arguments, flag), chosen.get(group, {})
        if name is not None and isinstance(values, dict) and not (key == "encoder" and fixed_encoder(values)):
            chosen[group] = {**values, key: name}
    return chosen


def fixed_encoder(model: Mapping[str, Any]) -> bool:
    """Whether the model has no `--encoder`; the parser refuses the flag later."""
    return "encoder" not in MODELS[str(model.get("model", DEFAULT_MODEL))].options


def say(sentence: str) -> None:
    print(f"kseg: {sentence}", file=sys.stderr)
