"""The catalogue of losses, read from their docstrings: summary, formula, source and options."""

import inspect
import re
from typing import NamedTuple

from kseg.losses.base import LOSSES, SegmentationLoss


class Facts(NamedTuple):
    """A row of the catalogue."""

    name: str
    summary: str
    formula: str
    source: str
    deviations: str
    empty_truth: str
    pitfalls: str
    example: str
    problems: tuple[str, ...]
    options: dict[str, object]
    void: bool
    soft_labels: bool
    class_weights: bool
    pixel_weights: bool


def facts(loss: type[SegmentationLoss]) -> Facts:
    """The facts of one loss class."""
    text = inspect.getdoc(loss.function) or ""
    source, _, deviations = _paragraph(text, "Source").partition("Deviations:")
    parameters = inspect.signature(loss.function).parameters
    return Facts(
        name=loss.registry_name,
        summary=text.splitlines()[0],
        formula="\n".join(re.findall(r"^    (.*)$", text.split("\nArgs:")[0], re.MULTILINE)),
        source=source.strip(),
        deviations=deviations.strip() or _paragraph(text, "Deviations"),
        empty_truth=_paragraph(text, "Empty truth"),
        pitfalls=_paragraph(text, "Pitfalls"),
        example=text[text.index(">>>") :] if ">>>" in text else "",
        problems=loss.problems,
        options=loss.defaults(),
        void="void" in parameters,
        soft_labels=loss.soft_labels,
        class_weights="class_weights" in loss.options,
        pixel_weights="pixel_weight" in parameters,
    )


def catalogue() -> list[Facts]:
    """The facts of every registered loss, by name."""
    return [facts(loss) for loss in LOSSES.values()]


def _paragraph(text: str, title: str) -> str:
    """The paragraph after `title:` at the beginning of a line, with its indented lines, joined to one line."""
    found = re.search(rf"^{title}:(.*(?:\n +.*)*)", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""
