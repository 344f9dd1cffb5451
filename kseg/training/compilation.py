"""What XLA compiles: the whole step on accelerators and on JAX, the scores (loss and metrics) on TensorFlow's CPU.

TensorFlow's own CPU kernels are faster at convolutions than XLA's. A loss is faster under XLA, which fuses some twenty
passes over a map of logits into a few; an argmax takes a tenth of the time.
"""

from collections.abc import Callable
from typing import Any, Literal

import keras

from kseg.training.config import TrainConfig
from kseg.training.environment import accelerators

Extent = Literal["step", "scores", "nothing"]

WORTHWHILE_PIXELS = 2e8
"""Training pixels from which compiling the scores saves more than the two seconds it takes. Timed with and without, a
binary run (LFW, 224×224) gained 20 ns a pixel, a run with two outputs (CamVid, 360×480) 80 ns."""


def extent(config: TrainConfig, steps_per_epoch: int) -> Extent:
    """The part of a step that XLA compiles, by `--jit`, backend, devices and the length of the run.

    "nothing" where replicas share a batch, because their losses are tested outside of compiled functions only.
    """
    options, size = config.training, config.training_size
    assert options.epochs is not None and options.batch_size is not None  # resolved
    if options.jit != "auto":
        return "step" if options.jit == "on" else "nothing"
    backend = keras.backend.backend()
    if backend == "jax" or (backend == "tensorflow" and accelerators()):
        return "step"
    pixels = float(options.epochs) * steps_per_epoch * options.batch_size * size[0] * size[1]
    worthwhile = backend == "tensorflow" and options.distribute == "none" and pixels >= WORTHWHILE_PIXELS
    return "scores" if worthwhile else "nothing"


def as_one_program(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of tensors; TensorFlow computes it, and its gradient, by one XLA program each."""
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)
