"""The condition of a job in named words: which network on which images under which loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Factor = Literal["network", "dataset", "size", "hair", "category", "weight"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The words that name a cell of a recipe's tables. A word that a recipe does not use is empty.

    `--only` looks for these words, and a job's directory is named after them.

    >>> cell = Condition(factors=("network", "dataset"), network="unet", dataset="pets", loss="iou")
    >>> str(cell), str(cell.under("ce")), str(cell.changed("with SGD"))
    ('unet pets iou', 'unet pets ce', 'unet pets with SGD iou')
    """

    factors: tuple[Factor, ...] = ("dataset",)
    """the fields that the recipe sets, in the order in which their words are written"""
    network: str = ""
    dataset: str = ""
    size: str = ""
    """of the training split: "big", "small" """
    hair: str = ""
    """"hair", "no hair": whether hair is foreground"""
    category: str = ""
    """the category that is told from all others"""
    weight: str = ""
    """"lambda_s=0.5": the weight of a part of the loss"""
    change: str = ""
    """"with Adam": the single thing that is changed of the condition with the same other words"""
    loss: str = ""

    @classmethod
    def read(cls, factors: Sequence[Factor], words: Sequence[str]) -> "Condition":
        """A condition from its `words`: a word for each factor, a change if there is one, the loss.

        Raises: ValueError where there are more or fewer words.
        """
        if len(words) - len(factors) not in (1, 2):
            raise ValueError(f"the tags {' '.join(words) or 'none'!r} are not {', '.join(factors)} and loss")
        named = dict(zip(factors, words, strict=False))
        change = words[-2] if len(words) == len(factors) + 2 else ""
        return cls(factors=tuple(factors), **named, change=change, loss=words[-1])

    @property
    def words(self) -> tuple[str, ...]:
        """The words that are not empty, in the order in which they are written."""
        words = (*(getattr(self, factor) for factor in self.factors), self.change, self.loss)
        return tuple(word for word in words if word)

    def __str__(self) -> str:
        return " ".join(self.words)

    @property
    def setting(self) -> "Condition":
        """The setting in which losses are compared: the condition without its loss."""
        return replace(self, loss="")

    def under(self, loss: str) -> "Condition":
        """The same setting under a loss."""
        return replace(self, loss=loss)

    def changed(self, change: str) -> "Condition":
        """The condition with a single thing changed; with "" the unchanged condition."""
        return replace(self, change=change)
