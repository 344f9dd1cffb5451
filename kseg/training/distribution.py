"""Several devices or machines: the TensorFlow strategy behind `--distribute`."""

import contextlib
import json
import os
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
        this_task()
        return tf.distribute.MultiWorkerMirroredStrategy()
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices(kind)])


def is_chief(distribute: str) -> bool:
    """Whether this process writes the run's files: alone, or the first of the workers that TF_CONFIG names."""
    if distribute != "multiworker":
        return True  # TF_CONFIG, if set, belongs to another job
    kind, index = this_task()
    return kind in ("chief", "worker") and index == 0


def this_task() -> tuple[str, int]:
    """Type and index of this process among those that TF_CONFIG names.

    Raises: UsageError where the variable is not as TensorFlow defines it.
    """
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        content = json.loads(text)
        task = content.get("task", {})
        kind, index = task.get("type", "worker"), int(task.get("index", 0))
        members = content.get("cluster", {}).get(kind, []) if content else [""]
        if not (isinstance(kind, str) and isinstance(members, list) and 0 <= index < len(members)):
            raise ValueError("no such task in the cluster")
        if not all(isinstance(address, str) for address in members):
            raise ValueError("addresses are texts")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"TF_CONFIG is {text[:200]!r} ({error}); --distribute multiworker wants JSON such as "
            '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
        ) from None
    return kind, index


def scope(strategy: Any) -> contextlib.AbstractContextManager:
    return strategy.scope() if strategy is not None else contextlib.nullcontext()
