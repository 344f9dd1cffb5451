"""The optimiser a configuration describes, with its schedule, clipping, weight averaging and accumulation."""

import keras

from kseg.training.config import TrainingOptions
from kseg.training.schedules import Schedule

OPTIMISERS = {
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
}


def build_optimiser(options: TrainingOptions, *, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """A Keras optimiser; the schedule counts steps, also where `accumulate` makes an update of several."""
    assert options.epochs is not None and options.optimizer is not None  # resolved
    arguments = {
        "learning_rate": Schedule(
            options.schedule,
            options.learning_rate,
            options.epochs * steps_per_epoch,
            warmup_steps=round(options.warmup_epochs * steps_per_epoch),
            power=options.poly_power,
        ),
        "global_clipnorm": options.clip_norm,
        "gradient_accumulation_steps": options.accumulate if options.accumulate > 1 else None,
    }
    if options.momentum:
        arguments["momentum"] = options.momentum
    if options.weight_decay or options.optimizer == "adamw":
        arguments["weight_decay"] = options.weight_decay
    if options.ema is not None:
        arguments |= {"use_ema": True, "ema_momentum": options.ema}
    return OPTIMISERS[options.optimizer](**arguments)
