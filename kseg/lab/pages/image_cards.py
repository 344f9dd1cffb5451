"""The same test images under two losses in a report: scatter and pictures, with all text and places."""

from dataclasses import dataclass, field

from kseg.tasks.base import Legend


@dataclass(frozen=True)
class Example:
    """An image with its truth and the prediction under each loss, as data URLs."""

    id: str
    panels: dict[str, str]
    scores: dict[str, float]
    size: tuple[int, int]
    """height and width of the panels"""
    captions: dict[str, str] = field(default_factory=dict)
    """name of a panel → the text under it, where it is more than the name"""


@dataclass(frozen=True)
class Dot:
    """A point in the square of the scatter."""

    left: float
    """place in % of the side, like `bottom`"""
    bottom: float
    thumbnail: str
    """class of the style sheet that shows the image"""
    text: str


@dataclass(frozen=True)
class Spread:
    """IoU of every image under one loss against the other; the image shows up behind its dot."""

    ahead: int
    """number of images in which the loss in question has the higher IoU"""
    dots: list[Dot]
    ticks: list[tuple[float, str]]
    """place in % of the side, and the IoU there"""


@dataclass(frozen=True)
class Card:
    """One setting: scatter and pictures, or a sentence on why they are missing."""

    title: str
    note: str = ""
    spread: Spread | None = None
    examples: list[Example] = field(default_factory=list)


@dataclass(frozen=True)
class SideBySide:
    """All settings that both losses were run in."""

    first: str
    baseline: str
    cards: list[Card]
    thumbnails: dict[str, str]
    """class of the style sheet → data URL; an image that several settings share is there once"""
    legend: Legend
