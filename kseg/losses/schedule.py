"""Schedules of losses from text: `parse_schedule("ce for 5 epochs, then ce + lovasz")`."""

import re
from collections.abc import Callable
from typing import NamedTuple

from kseg.errors import UsageError
from kseg.losses.base import LOSSES
from kseg.losses.compose import parse

_THEN = re.compile(r"(?:\s*,\s*|\s+)then(?:\s+|$)", re.IGNORECASE)
_STAGE = re.compile(r"(?P<spec>.+?)\s+for\s+(?P<epochs>\d+)\s+epochs?", re.DOTALL | re.IGNORECASE)
_LENGTH = re.compile(r"\bfor\s+\S+\s+epochs?\b", re.IGNORECASE)


class Stage(NamedTuple):
    """A loss and the epoch, counted from 0, from which it is used."""

    first_epoch: int
    spec: str


def check_names(spec: str) -> None:
    """Raises UsageError for text that is no sum of losses, and for unknown losses."""
    for _, name, _ in parse(spec):
        LOSSES[name]


def parse_schedule(text: str, check: Callable[[str], None] = check_names) -> list[Stage]:
    """The stages of "LOSS for N epochs, then LOSS": every stage except the last has a length.

    A plain loss is a schedule of one stage, so every option that takes a loss can take a schedule. Neither case nor a
    missing comma matters.

    Args:
      check: checks the text of each stage; a task may have its own syntax (`Task.check_losses`).
    Raises:
      UsageError: a stage without a length, a length of 0 or for the last stage, stages without "then" between them,
        text that is no sum of losses, an unknown loss or option. `get` checks the values of options.
    """
    stages, first = [], 0
    *timed, last = _THEN.split(text.strip())
    for part in timed:
        match = _STAGE.fullmatch(part)
        if match is None:
            raise _no_schedule(text, f"{part!r} does not say for how many epochs")
        if int(match["epochs"]) < 1:
            raise _no_schedule(text, f"{part!r} lasts no epoch")
        stages.append(Stage(first, match["spec"]))
        first += int(match["epochs"])
    if _STAGE.fullmatch(last) or (timed and not last):
        raise _no_schedule(text, f"nothing comes after {last or 'then'!r}")
    stages.append(Stage(first, last))
    for stage in stages:
        if _LENGTH.search(stage.spec):
            raise _no_schedule(text, f"{stage.spec!r} is more than one stage; separate stages by ', then '")
        check(stage.spec)  # unknown names raise before the first loss is made
    return stages


def is_schedule(text: str) -> bool:
    """Whether the text is meant as a schedule, valid or not."""
    return bool(_THEN.search(text) or _LENGTH.search(text))


def stage_at(stages: list[Stage], epoch: int) -> Stage:
    """The stage that an epoch, counted from 0, belongs to."""
    return [stage for stage in stages if stage.first_epoch <= epoch][-1]


def _no_schedule(text: str, reason: str) -> UsageError:
    return UsageError(
        f"loss schedule {text!r} cannot be followed ({reason}); write it like 'ce for 5 epochs, then ce + lovasz'"
    )
