"""The loss of a panoptic network: that of its objects and that of its pixels, weighed against each other."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from kseg.errors import UsageError, unknown_name
from kseg.losses.schedule import check_names
from kseg.tasks.base import PartMetric
from kseg.tasks.instance.loss import InstanceLoss, PartMean
from kseg.tasks.instance.loss import check_losses as check_mask_losses
from kseg.tasks.semantic.loss import SemanticLoss

Tensor = Any

OF_HEADS = ("box_class", "box_regression", "mask")
"""The parts of the loss of objects that λ_i weighs: L_cls, L_bbox, L_mask."""


class PanopticSpec(NamedTuple):
    """A loss as text, taken apart.

    >>> PanopticSpec.read("mask=bce; semantic=ce + lovasz; lambda_s=0.25")
    PanopticSpec(mask='bce', semantic='ce + lovasz', lambda_i=1.0, lambda_s=0.25)
    """

    mask: str
    """losses of the objects' masks"""
    semantic: str
    """losses of the pixels' classes"""
    lambda_i: float = 1.0
    lambda_s: float = 0.5

    @classmethod
    def read(cls, text: str) -> "PanopticSpec":
        """From "mask=LOSS; semantic=LOSS; lambda_i=NUMBER; lambda_s=NUMBER", in any order; the weights may be left out.

        Raises: UsageError for another name, a repeated name, a missing loss, and a weight that is negative or no
          number.
        """
        values: dict[str, Any] = {}
        for item in filter(None, (one.strip() for one in text.split(";"))):
            name, equals, value = (one.strip() for one in item.partition("="))
            if not equals or "(" in name:
                raise UsageError(
                    f"--loss {text}: {item!r} does not say whether it is for masks or for pixels; write it like "
                    "'mask=bce + dice; semantic=ce + lovasz'"
                )
            if name not in cls._fields:
                raise unknown_name("part of the loss of a panoptic network:", name, cls._fields)
            if name in values:
                raise UsageError(f"--loss {text}: {name} comes twice; join the two with +")
            values[name] = _weight(text, name, value) if name.startswith("lambda") else value
        if missing := [name for name in ("mask", "semantic") if not values.get(name)]:
            raise UsageError(f"--loss {text} names no loss for {missing[0]}; write it like 'mask=bce; semantic=ce'")
        return cls(**values)


def check_losses(spec: str) -> None:
    """Refuse text that names no loss of masks and pixels. Raises: UsageError."""
    parts = PanopticSpec.read(spec)
    check_mask_losses(parts.mask)
    check_names(parts.semantic)


class PanopticLoss:
    """The weighted sum of the loss of objects (`InstanceLoss`) and the loss of pixels (any of `kseg.losses`).

        L = L_rpn + λ_i·(L_cls + L_bbox + L_mask) + λ_s·L_s

    Args:
      spec: see `PanopticSpec`; "mask=bce; semantic=ce" is the paper's, with λ_i = 1 and λ_s = ½.
      reduction: of the images' losses: "mean" or "sum".
      network: the network whose heads are called; `bound` sets it.
    The parts are logged unweighted: those of objects, "semantic", and the parts of "semantic" where it is a sum.
    Source: Kirillov et al. 2019, "Panoptic Feature Pyramid Networks", section 3.3. Deviations: none; as in detectron2,
      λ_i does not weigh the loss of the region proposal network.
    """

    slow_under_xla = True  # convolutions of the heads are part of it

    def __init__(self, spec: str, *, reduction: str, network: keras.Model | None = None):
        check_losses(spec)
        self.spec, self.reduction = spec, reduction
        self.weights = PanopticSpec.read(spec)
        self.objects = InstanceLoss(self.weights.mask, reduction=reduction, network=network)
        self.pixels = SemanticLoss(self.weights.semantic, reduction=reduction)

    @property
    def reads(self) -> tuple[str, ...]:
        """The targets that the loss of pixels reads beside the label."""
        return self.pixels.reads

    def bound(self, network: keras.Model) -> "PanopticLoss":
        """This loss for the outputs of a network, whose heads it calls."""
        return PanopticLoss(self.spec, reduction=self.reduction, network=network)

    def value_and_parts(self, targets: dict[str, Any], outputs: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """float32 (), and by name the value of each part.

        Raises: ValueError for a loss without a network.
        """
        _, parts = self.objects.value_and_parts(targets, outputs)
        semantic, summands = self.pixels.value_and_parts(targets, outputs["semantic_logits"])
        weighed = [self.weights.lambda_i * part if name in OF_HEADS else part for name, part in parts.items()]
        beside = {f"semantic_{name}": value for name, value in summands.items()}
        return sum(weighed) + self.weights.lambda_s * semantic, {**parts, "semantic": semantic, **beside}

    def part_metrics(self) -> Sequence[PartMetric]:
        """A running mean of every part."""
        of_pixels = [
            "semantic",
            *(f"semantic_{part.name.removeprefix('loss_')}" for part in self.pixels.part_metrics()),
        ]
        return [*self.objects.part_metrics(), *(PartMean(name=f"loss_{name}", dtype="float32") for name in of_pixels)]


def _weight(text: str, name: str, value: str) -> float:
    try:
        weight = float(value)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight >= 0):
        raise UsageError(f"--loss {text}: {name} is {value!r}; it must be a number of at least 0, such as 0.5")
    return weight
