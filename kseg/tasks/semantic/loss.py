"""A loss of `kseg.losses`, or a sum of them, as training takes it."""

from typing import Any

import keras

from kseg.errors import UsageError
from kseg.losses import WeightedSum, get, part_metrics
from kseg.losses.base import SegmentationLoss
from kseg.losses.catalogue import facts
from kseg.losses.monitor import LossPart

REDUCTIONS = {"mean": "sum_over_batch_size", "sum": "sum"}


class SemanticLoss:
    """The loss that `kseg.losses.get` makes of a text, as a function of logits."""

    def __init__(
        self, spec: str, *, reduction: str, class_weights: tuple[float, ...] | None = None, pixel_weights: str = "none"
    ):
        common: dict[str, Any] = {"from_logits": True, "reduction": REDUCTIONS[reduction]}
        self.loss: keras.losses.Loss = get(spec, class_weights=class_weights, **common)
        if pixel_weights != "none":
            for part in self.parts:
                if not facts(type(part)).pixel_weights:
                    raise UsageError(
                        f"loss {part.registry_name!r} has no meaning for --pixel-weights {pixel_weights}; "
                        "leave one of them out"
                    )

    @property
    def parts(self) -> list[SegmentationLoss]:
        """The summands of a sum; a single loss is its only part."""
        if isinstance(self.loss, WeightedSum):
            return [part for _, part in self.loss.parts.values()]
        assert isinstance(self.loss, SegmentationLoss)
        return [self.loss]

    @property
    def reads(self) -> tuple[str, ...]:
        """The targets that the parts read beside the label."""
        return tuple(sorted({part.reads for part in self.parts if part.reads is not None}))

    @property
    def slow_under_xla(self) -> bool:
        """Whether a part is slow under XLA."""
        return any(part.slow_under_xla for part in self.parts)

    def bound(self, network: keras.Model) -> "SemanticLoss":
        """The same loss, which calls no layer of the network."""
        return self

    def value_and_parts(self, targets: dict[str, Any], outputs: Any) -> tuple[Any, dict[str, Any]]:
        """float32 (), and by label the unweighted value of every part of a sum."""
        return self.loss.value_and_parts(targets, outputs)

    def part_metrics(self) -> list[LossPart]:
        """A running mean of every part of a sum; [] for a single loss."""
        return part_metrics(self.loss)
