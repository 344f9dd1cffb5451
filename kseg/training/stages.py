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
    """The specs of the losses that a resolved configuration names, in turn; a plain loss is a schedule of one.

    Raises:
      UsageError: no loss or schedule, or a schedule whose last stage begins after the end of the run.
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
    """The losses of the schedule as the task makes them; their parts get `class_weights` where they take them.

    Every stage starts where the stage before it ended: weights, optimizer and learning-rate schedule go on, and "best"
    stays the best of all epochs. Early stopping acts in the last stage only, whose beginning is the earliest epoch from
    which patience counts; the stages before it have a fixed length.

    Raises:
      UsageError: an option of a loss out of its range, or class or pixel weights for a loss that does not take them.
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
