"""The losses of a run: one, or one after another, each for its epochs."""

from dataclasses import dataclass

from kseg.errors import UsageError
from kseg.losses.schedule import parse_schedule
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


def loss_stages(config: TrainConfig, class_weights: tuple[float, ...] | None = None) -> list[LossStage]:
    """The losses of a resolved configuration in turn; a plain loss is one stage of all epochs.

    The task makes them; `class_weights` go to the parts of every stage that take them.

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
    make, options = task_of(config).loss, config.loss
    common = {"reduction": str(options.loss_reduction), "pixel_weights": options.pixel_weights}
    return [
        LossStage(stage.spec, make(stage.spec, class_weights=class_weights, **common), stage.first_epoch, end)
        for stage, end in zip(parsed, ends, strict=True)
    ]
