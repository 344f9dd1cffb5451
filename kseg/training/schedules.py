"""Learning-rate schedules over the whole run: constant, poly, cosine, each with an optional linear warm-up."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate at step i of i_max.

        constant   lr
        poly       lr·(1 − i/i_max)^power            (Kim et al. 2019, power 0.9; power 1 falls linearly)
        cosine     lr·½(1 + cos(π·i/i_max))

    During the first `warmup_steps` steps, w, the result is multiplied by (i + 1)/w.

    Args:
      kind: "constant", "poly" or "cosine".
      learning_rate: lr, at the start.
      total_steps: i_max, steps of the whole run; afterwards the rate stays at its last value.
      warmup_steps: w.
      power: of poly.
    """

    def __init__(self, kind, learning_rate, total_steps, *, warmup_steps=0, power=0.9):
        self.kind = kind
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.power = power

    def __call__(self, step):
        step = ops.cast(step, "float32")
        progress = ops.minimum(step / self.total_steps, 1.0)
        factors = {
            "constant": lambda: ops.ones_like(progress),
            "poly": lambda: ops.power(1.0 - progress, self.power),
            "cosine": lambda: 0.5 * (1.0 + ops.cos(3.141592653589793 * progress)),
        }
        rate = self.learning_rate * factors[self.kind]()
        if self.warmup_steps:
            rate = rate * ops.minimum((step + 1.0) / self.warmup_steps, 1.0)
        return rate

    def get_config(self):
        return {
            "kind": self.kind,
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "power": self.power,
        }
