"""Several devices or machines: the TensorFlow strategy behind `--distribute`."""

import contextlib
from typing import Any

import keras

from kseg.errors import UsageError


def strategy_for(distribute: str) -> Any:
    """A `tf.distribute` strategy, or None for one device.

    `mirrored` takes every GPU of this machine, or every logical CPU where there is no GPU; `multiworker` takes the
    machines that the environment variable TF_CONFIG names, one process each.
    """
    if distribute == "none":
        return None
    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"--distribute {distribute} needs the TensorFlow backend, this is {keras.backend.backend()}; "
            "unset KERAS_BACKEND or leave --distribute out"
        )
    import tensorflow as tf

    if distribute == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices(kind)])


def scope(strategy: Any) -> contextlib.AbstractContextManager:
    return strategy.scope() if strategy is not None else contextlib.nullcontext()
