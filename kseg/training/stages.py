"""The losses of a run: one, or one after another, each for its epochs."""

from typing import Any

import keras

from kseg.errors import UsageError
from kseg.losses import WeightedSum
from kseg.losses.base import SegmentationLoss
from kseg.losses.catalogue import facts
from kseg.losses.compose import get
from kseg.losses.schedule import parse_schedule
from kseg.training.config import TrainConfig
from kseg.wording import counted

REDUCTIONS = {"mean": "sum_over_batch_size", "sum": "sum"}


class LossStage:
    """A loss and its epochs, counted from 0: `first` up to, not including, `end`.

    `reads` names the targets that the loss reads beside the label.
    """

    def __init__(self, spec: str, loss: keras.losses.Loss, first: int, end: int):
        self.spec, self.loss, self.first, self.end = spec, loss, first, end
        self.reads = tuple(sorted({part.reads for part in self.parts if part.reads is not None}))

    @property
    def parts(self) -> list[SegmentationLoss]:
        return parts_of(self.loss)


def loss_stages(config: TrainConfig, class_weights: tuple[float, ...] | None = None) -> list[LossStage]:
    """The losses of a resolved configuration in turn; a plain loss is one stage of all epochs.

    `class_weights` go to the parts of every stage that take them.

    Every stage starts from where the one before it ended: weights, optimizer and learning-rate schedule go on, and
    "best" stays the best of all epochs. Early stopping acts in the last stage only and counts its patience from the
    stage's beginning at the earliest, for a stage before it has a length of its own.

    Raises:
      UsageError: no loss or schedule, one that the run ends before the last stage of, class weights for a stage that
        takes none, or pixel weights for a loss that has no use for them.
    """
    epochs = config.training.epochs
    assert epochs is not None  # resolved
    assert config.loss.loss is not None  # resolved
    parsed = parse_schedule(config.loss.loss)
    last = parsed[-1]
    if last.first_epoch >= epochs:
        raise UsageError(
            f"--loss comes to {last.spec!r} after {counted(last.first_epoch, 'epoch')}, and the run ends after "
            f"{epochs}; pass --epochs {last.first_epoch + 1} or more, or shorten the stages before"
        )
    ends = [*(stage.first_epoch for stage in parsed[1:]), epochs]
    reduction = REDUCTIONS[str(config.loss.loss_reduction)]
    common: dict[str, Any] = {"from_logits": True, "reduction": reduction, "class_weights": class_weights}
    stages = [
        LossStage(stage.spec, get(stage.spec, **common), stage.first_epoch, end)
        for stage, end in zip(parsed, ends, strict=True)
    ]
    if config.loss.pixel_weights != "none":
        for part in (part for stage in stages for part in stage.parts):
            if not facts(type(part)).pixel_weights:
                raise UsageError(
                    f"loss {part.registry_name!r} has no meaning for --pixel-weights {config.loss.pixel_weights}; "
                    "leave one of them out"
                )
    return stages


def parts_of(loss: keras.losses.Loss) -> list[SegmentationLoss]:
    """The losses that a sum is made of; a loss alone is its only part."""
    if isinstance(loss, WeightedSum):
        return [part for _, part in loss.parts.values()]
    assert isinstance(loss, SegmentationLoss)
    return [loss]
