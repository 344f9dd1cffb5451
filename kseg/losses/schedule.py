"""One loss after another, from a line of text: `parse_schedule("ce for 5 epochs, then ce + lovasz")`."""

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
    """A loss and the epoch, counted from 0, from which it is trained with."""

    first_epoch: int
    spec: str


def check_names(spec: str) -> None:
    """Refuse text that is no sum of losses, or names one that nobody has. Raises: UsageError."""
    for _, name, _ in parse(spec):
        LOSSES[name]


def parse_schedule(text: str, check: Callable[[str], None] = check_names) -> list[Stage]:
    """The stages of "LOSS for N epochs, then LOSS": all but the last say how long, the last stays to the end.

    A plain loss is a schedule of one stage, so that whatever takes a loss as text can take a schedule. Capitals do not
    matter, nor does a missing comma.

    Args:
      check: of the text of each stage; a task may have texts of its own (`Task.check_losses`).
    Raises:
      UsageError: a stage without its length, a length of 0 or one for the last stage, stages that nothing parts, text
        that is no sum of losses, an unknown loss or option. Values of options are for `get` to check.
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
            raise _no_schedule(text, f"{stage.spec!r} is more than one stage; part them by ', then '")
        check(stage.spec)  # what is unknown is refused before a loss is made
    return stages


def is_schedule(text: str) -> bool:
    """Whether losses one after another are meant, well said or not."""
    return bool(_THEN.search(text) or _LENGTH.search(text))


def stage_at(stages: list[Stage], epoch: int) -> Stage:
    """The stage that an epoch, counted from 0, belongs to."""
    return [stage for stage in stages if stage.first_epoch <= epoch][-1]


def _no_schedule(text: str, reason: str) -> UsageError:
    return UsageError(
        f"loss schedule {text!r} cannot be followed ({reason}); write it like 'ce for 5 epochs, then ce + lovasz'"
    )
