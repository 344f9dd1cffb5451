"""`kseg losses`: every loss with formula and source; `kseg losses show NAME`: its docstring and a picture of it."""

import re
import shutil
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, subcommand

from kseg.errors import UsageError

WIDTH = 100
"""Most columns; fewer in a narrower terminal."""
NAME, MARK = 25, 9


_filled = partial(textwrap.fill, break_on_hyphens=False)  # "cross-entropy" stays one word


@dataclass(frozen=True)
class List:
    """List every loss with a line, its formula, its source, and what it takes.

    Example: kseg losses
    """

    def run(self) -> int:
        return list_losses()


@dataclass(frozen=True)
class Show:
    """Print what a loss is and draw what it does to one pixel's logit, a shifted disc and a disc of the wrong size.

    Example: kseg losses show "ce + 0.5*dice" --out loss.png
    """

    loss: Positional[str]
    """a loss or a sum of them, as for `kseg train --loss`"""
    out: Path | None = None
    """the PNG to write (unset: loss-NAME.png)"""
    classes: Literal[2, 3] | None = None
    """how many classes the drawn picture has (unset: 2, or 3 for a loss that knows only several)"""

    def run(self) -> int:
        return show(self.loss, self.out, self.classes)


@dataclass(frozen=True)
class Losses:
    """List the losses, or show what one of them does."""

    action: Annotated[List, subcommand("list")] | Annotated[Show, subcommand("show")] = field(default_factory=List)

    def run(self) -> int:
        return self.action.run()


def list_losses(write: Callable[[str], None] = print, width: int | None = None) -> int:
    from kseg.losses.catalogue import catalogue

    width = min(WIDTH, width or shutil.get_terminal_size((WIDTH, 24)).columns)
    write(_row("loss", ("void", "soft", "weights"), "what it is", width))
    write(_row("----", ("----", "----", "-------"), "----------", width))
    entries = catalogue()
    for entry in entries:
        takes = tuple("yes" if mark else "-" for mark in (entry.void, entry.soft_labels, entry.class_weights))
        note = "" if len(entry.problems) > 1 else f" ({entry.problems[0]} only)"
        write(_row(entry.name, takes, f"{entry.summary.rstrip('.')}{note}.", width))
        for line in _formula(entry.formula, width - 4):
            write(f"    {line}")
        write(_filled(entry.source, width, initial_indent="    ", subsequent_indent="    "))
        write("")
    write(
        _filled(
            f"{len(entries)} losses. void: leaves out pixels labeled 255; soft: takes soft labels; weights: takes "
            "class_weights. `kseg losses show NAME` says and draws more; `kseg train --loss "
            '"ce + 0.5*dice(smooth=1)"` trains with a sum of them.',
            width,
            break_on_hyphens=False,
        )
    )
    return 0


def show(
    spec: str, out: Path | None = None, num_classes: int | None = None, write: Callable[[str], None] = print
) -> int:
    """Prints the docstring and the options of every part, writes the picture."""
    from kseg.losses.catalogue import facts
    from kseg.losses.schedule import is_schedule
    from kseg.report.loss_picture import draw_loss
    from kseg.report.loss_probes import subject

    if is_schedule(spec):
        raise UsageError(
            f"kseg losses show takes one loss or a sum, not the schedule {spec!r}; show its stages one by one"
        )
    loss = subject(spec, num_classes)
    kinds = list(dict.fromkeys(type(part) for _, part in loss.parts.values()))
    for kind in kinds:
        for line in description(kind):
            write(line)
        write("")
    text = ""
    if len(kinds) == 1:
        only = facts(kinds[0])
        text = "\n".join([only.summary, *_formula(only.formula, 120)])
    out = out or Path(f"loss-{_file_name(spec)}.png")
    draw_loss(loss, out, heading=spec, text=text)
    write(f"drawn: {out}")
    return 0


def description(kind: type) -> Iterator[str]:
    """The name, the options with their defaults and the docstring of a loss."""
    import inspect

    from kseg.losses.catalogue import facts

    entry = facts(kind)
    yield entry.name
    yield "=" * len(entry.name)
    yield inspect.getdoc(kind.function) or ""  # type: ignore[attr-defined]
    options = ", ".join(f"{name}={default!r}" for name, default in entry.options.items())
    yield _filled(f"Options: {options or 'none of its own'}.", WIDTH, subsequent_indent="  ")


def _row(name: str, takes: tuple[str, ...], text: str, width: int) -> str:
    left = f"{name:<{NAME}}{takes[0]:<6}{takes[1]:<6}{takes[2]:<{MARK}}"
    return _filled(text, max(width, len(left) + 30), initial_indent=left, subsequent_indent=" " * len(left))


def _formula(text: str, width: int) -> Iterator[str]:
    """Lines of formulas; one that is too long is broken where a wide gap parts two of them."""
    for line in text.splitlines():
        row = ""
        for piece in re.split(r" {3,}", line.strip()):
            if row and len(row) + 8 + len(piece) > width:
                yield row
                row = ""
            row = f"{row}{' ' * 8 if row else ''}{piece}"
        yield row


def _file_name(spec: str) -> str:
    return re.sub(r"[^a-zA-Z0-9.]+", "-", spec).strip("-.")
