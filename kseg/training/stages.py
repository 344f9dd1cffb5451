"""The losses of a run: one, or one after another, each for its epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from kseg.errors import UsageError
from kseg.losses.schedule import Stage, parse_schedule
from kseg.tasks import TrainingLoss
from kseg.training.config import TrainConfig
from kseg.training.network import task_of
from kseg.wording import counted


@dataclass(frozen=True)
class LossStage:
    """A loss and its epochs, counted from 0: `first` up to, not including, `end`."""

    spec: str
    loss: TrainingLoss
    first: int
    end: int


def loss_schedule(config: TrainConfig) -> list[Stage]:
    """The losses that a resolved configuration names, in turn, and none of them made; a plain loss is alone.

    Raises:
      UsageError: no loss or schedule, or one that the run ends before the last stage of.
    """
    epochs = config.training.epochs
    assert epochs is not None and config.loss.loss is not None  # resolved
    schedule = parse_schedule(config.loss.loss, task_of(config).check_losses)
    last = schedule[-1]
    if last.first_epoch >= epochs:
        raise UsageError(
            f"--loss comes to {last.spec!r} after {counted(last.first_epoch, 'epoch')}, and the run ends after "
            f"{epochs}; pass --epochs {last.first_epoch + 1} or more, or shorten the stages before"
        )
    return schedule


def loss_stages(
    config: TrainConfig, schedule: Sequence[Stage], class_weights: tuple[float, ...] | None = None
) -> list[LossStage]:
    """The losses of the schedule as the task makes them; `class_weights` go to the parts of each that take them.

    Every stage starts from where the one before it ended: weights, optimizer and learning-rate schedule go on, and
    "best" stays the best of all epochs. Early stopping acts in the last stage only and counts its patience from the
    stage's beginning at the earliest, for a stage before it has a length of its own.

    Raises:
      UsageError: an option of a loss out of its range, class weights for a stage that takes none, or pixel weights for
        a loss that has no use for them.
    """
    epochs, options = config.training.epochs, config.loss
    assert epochs is not None and options.pixel_weights is not None  # resolved
    ends = [*(stage.first_epoch for stage in schedule[1:]), epochs]
    make = partial(
        task_of(config).loss,
        reduction=str(options.loss_reduction),
        class_weights=class_weights,
        pixel_weights=options.pixel_weights,
    )
    return [
        LossStage(stage.spec, make(stage.spec), stage.first_epoch, end)
        for stage, end in zip(schedule, ends, strict=True)
    ]
