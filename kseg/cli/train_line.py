"""`kseg train` from its line, with the options of the data set, model and encoder that the line names."""

import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import Any

from kseg.allocator import keep_freed_memory
from kseg.cli import help as pages
from kseg.cli.config_file import CHOOSES, defaults_of_command
from kseg.cli.flags import value_of
from kseg.cli.owners import owner_of_flag
from kseg.cli.parse import HELP, parse
from kseg.cli.quiet import import_keras_quietly
from kseg.datasets import DATASETS

CHOICES = (*CHOOSES, "--dataset", "--config")
"""Flags that decide which other flags exist."""


def has_file(kind: Any) -> bool:
    """Whether a command takes a whole configuration, from flags and from a file."""
    return dataclasses.is_dataclass(kind) and "config" in {field.name for field in dataclasses.fields(kind)}


def read_train(kind: Any, arguments: Sequence[str], *, program: str) -> Any:
    """An instance of `kind`. Raises: UsageError; SystemExit(0) once help was printed."""
    topic = pages.asked_for(arguments)
    if topic is not None:
        print(help_page(kind, arguments, topic, program))
        raise SystemExit(0)
    load_models()
    return parse(kind, arguments, program=program, default=defaults_of_command(kind, arguments), whose=owner_of_flag)


def help_page(kind: Any, arguments: Sequence[str], topic: str, program: str) -> str:
    """Help about a topic, about what the line chooses, or about the commonest flags."""
    line = without_help(arguments)
    nothing_chosen = all(value_of(line, flag) is None for flag in CHOICES)
    if nothing_chosen and topic == "":
        return pages.overview(kind(), program, {"data sets": list(DATASETS)})
    if nothing_chosen and topic not in ("model", "all"):
        return pages.chosen(kind(), program, topic)
    if any(word in HELP for word in sys.argv):  # this process ends with the help and builds nothing
        os.environ.setdefault("KERAS_BACKEND", "numpy")  # which takes half the time of TensorFlow
    load_models()
    page = pages.chosen(defaults_of_command(kind, line), program, topic)
    return f"{page}\n\n{names()}" if topic == "model" else page


def names() -> str:
    """The models and encoders that there are."""
    from kseg.encoders import ENCODERS
    from kseg.models import MODELS

    return pages.listed({"models": list(MODELS), "encoders": list(ENCODERS)})


def without_help(arguments: Sequence[str]) -> list[str]:
    """The line without `--help` and its topic."""
    words = list(arguments)
    place = next(place for place, word in enumerate(words) if word in HELP)
    has_topic = words[place + 1 : place + 2] and not words[place + 1].startswith("-")
    return words[:place] + words[place + (2 if has_topic else 1) :]


def load_models() -> None:
    """Import the models, which declare their options, and with them Keras."""
    keep_freed_memory()
    import_keras_quietly()
