"""The optimizer a configuration describes, with its schedule, clipping, weight averaging and accumulation."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE
from kseg.training.config import TrainingOptions
from kseg.training.layer_rates import layer_rates, with_layer_rates
from kseg.training.schedules import Schedule


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class SGDWithL2(keras.optimizers.SGD):
    """SGD whose momentum sees the weight decay, as in MatConvNet, Caffe and torch.

        v ← m·v − lr·(∇L + d·w)      w ← w + v

    with m the momentum and d = `l2_decay`. The gradient is that of L + d/2·Σ w², and the logged loss is L. Variables of
    one axis (biases, scale and shift of a normalization) do not decay. Clipping sees ∇L alone.
    Keras' own `weight_decay` is decoupled: w ← w − lr·d·w past the momentum, which at m = 0.99 is a hundredth as much.
    """

    def __init__(self, *args, l2_decay=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.l2_decay = l2_decay

    def update_step(self, gradient, variable, learning_rate):
        if len(variable.shape) > 1:
            gradient = gradient + self.l2_decay * ops.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "l2_decay": self.l2_decay}


OPTIMIZERS = {
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
}

WITH_LAYER_RATES = {kind: with_layer_rates(kind) for kind in (*OPTIMIZERS.values(), SGDWithL2)}


def build_optimizer(
    options: TrainingOptions, *, steps_per_epoch: int, encoder: Sequence[str] = ()
) -> keras.optimizers.Optimizer:
    """A Keras optimizer. Its schedule counts steps, also where `accumulate` makes one update of several steps.

    `encoder` names the layers of the network's encoder, whose learning rate may be another.
    """
    # 1. arguments of all optimizers
    assert options.epochs is not None and options.optimizer is not None  # resolved
    arguments: dict[str, Any] = {
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
    # 2. arguments of some optimizers, and options that were given
    if options.epsilon is not None:
        arguments["epsilon"] = options.epsilon
    if options.momentum:
        arguments["momentum"] = options.momentum
    if options.weight_decay or options.optimizer == "adamw":
        arguments["weight_decay"] = options.weight_decay
    if options.ema is not None:
        arguments |= {"use_ema": True, "ema_momentum": options.ema}
    # 3. the class with all options
    kind = OPTIMIZERS[options.optimizer]
    if options.l2_decay:
        kind = SGDWithL2
        arguments["l2_decay"] = options.l2_decay
    if options.layer_rates:
        kind = WITH_LAYER_RATES[kind]
        arguments["layer_rates"] = layer_rates(options.layer_rates, encoder)
    return kind(**arguments)
