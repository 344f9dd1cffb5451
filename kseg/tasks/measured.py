"""What the evaluations of all tasks have in common: what was measured on what, and how it is stored."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NotRequired, TypedDict, TypeVar

from kseg.reading import held_to, parse_json
from kseg.tasks.base import Circumstances
from kseg.tasks.figures import plain


class StoredMeasurement(TypedDict):
    """What `Measured.framed` writes and every evaluation reads."""

    dataset: str
    split: str
    classes: list[str]
    ids: list[str]
    original_size: bool
    seconds: float
    input_size: NotRequired[tuple[int, int] | Literal["original"] | None]


T = TypeVar("T", bound=StoredMeasurement)


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured(ABC):
    """The base of an evaluation: the circumstances, and the classes."""

    task: ClassVar[str]

    dataset: str
    split: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    """of the images, in the split's order"""
    original_size: bool
    """whether truth and prediction were compared at the truth's own size, or at the network's"""
    seconds: float
    """wall time, reading of images included"""
    input_size: tuple[int, int] | Literal["original"] | None = None
    """(height, width) that the network was fed; "original": each image's own; None: near its own, or not known"""

    @abstractmethod
    def scores(self) -> dict[str, Any]:
        """Every score by name; nan where a score has no meaning."""

    @property
    def images_per_second(self) -> float:
        return len(self.ids) / self.seconds if self.seconds else float("nan")

    def framed(self, **counts: Any) -> dict[str, Any]:
        """What is here, the scores (nan becomes None), and behind them `counts`, which are JSON types already."""
        return {
            "task": self.task,
            "dataset": self.dataset,
            "split": self.split,
            "classes": list(self.classes),
            "original_size": self.original_size,
            "input_size": list(self.input_size) if isinstance(self.input_size, tuple) else self.input_size,
            "seconds": self.seconds,
            "images_per_second": plain(self.images_per_second),
            "scores": plain(self.scores()),
            "ids": list(self.ids),
            **counts,
        }


def stored_as(content: Any, kind: type[T]) -> T:
    """What `framed` made, as JSON text or read already, as `kind`. Raises: ValueError for anything else."""
    return (parse_json if isinstance(content, str) else held_to)(content, kind)


def circumstances_of(stored: StoredMeasurement) -> Circumstances:
    """What was measured on what, and how."""
    return Circumstances(
        dataset=stored["dataset"],
        split=stored["split"],
        ids=tuple(stored["ids"]),
        original_size=stored["original_size"],
        input_size=stored.get("input_size"),
        seconds=stored["seconds"],
    )
