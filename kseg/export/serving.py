"""The function that every export serves: raw uint8 images in, float32 probabilities, or answers by name, out."""

from collections.abc import Set
from typing import Any, Literal

import keras
import tensorflow as tf

from kseg.conventions import DEFAULT_TASK, STRIDE
from kseg.errors import UsageError
from kseg.export.resampling import rounded_to, shrink_or_enlarge
from kseg.tasks import TASKS, Task

HALF = {"float16", "bfloat16", "mixed_float16", "mixed_bfloat16"}
FLOATS = HALF | {"float32", "float64"}

NetworkSize = tuple[int, int] | Literal["multiple"] | None
"""Input size of the network inside: (height, width); "multiple": the nearest of `STRIDE`; None: the image's own."""


def serving_function(
    model: keras.Model,
    batch: int | None,
    size: tuple[int | None, int | None],
    network_size: NetworkSize = None,
    task: Task = TASKS[DEFAULT_TASK],
) -> Any:
    """`model` as a tf.function of uint8 (batch, *size, 3), a size of None being any, as `kseg predict` runs it.

    With `network_size` images are resized to it, and the probabilities back to the images' size, in the graph itself.
    A network that gives answers by name gives what the `task` makes of them (`Task.served`).
    """

    @tf.function(input_signature=[tf.TensorSpec((batch, *size, 3), tf.uint8, name="images")])
    def serve(images):
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        if network_size is None:
            fed = tf.cast(images, tf.float32)
        elif network_size == "multiple":
            fed = shrink_or_enlarge(images, rounded_to(STRIDE, height), rounded_to(STRIDE, width))
        else:
            fed = shrink_or_enlarge(images, *network_size)
        outputs = model(fed, training=False)
        if isinstance(outputs, dict):
            return task.served(outputs, (height, width))
        probabilities = tf.cast(outputs, tf.float32)
        if network_size is not None:
            # Clipped as in `kseg predict`, because rounding may leave [0, 1].
            probabilities = tf.image.resize(tf.clip_by_value(probabilities, 0.0, 1.0), (height, width))
        return {"probabilities": probabilities}

    return serve


def in_float32(model: keras.Model) -> keras.Model:
    """The model itself, or, where layers compute in half precision, a float32 twin with the same weights.

    Half-precision kernels are missing from ONNX Runtime and LiteRT on most devices.
    """
    description = model.to_json()
    return twin(model, "float32", HALF) if any(f'"{name}"' in description for name in HALF) else model


def in_float64(model: keras.Model) -> keras.Model:
    """A float64 twin with the same weights, to measure the rounding of probabilities."""
    return twin(model, "float64", FLOATS)


def twin(model: keras.Model, dtype: str, instead_of: Set[str]) -> keras.Model:
    """A copy with the same weights whose layers compute in `dtype` where they computed in one of `instead_of`."""

    def converted(layer: keras.layers.Layer) -> keras.layers.Layer:
        return layer.__class__.from_config(_with_dtype(layer.get_config(), dtype, instead_of))

    copy = keras.models.clone_model(model, clone_function=converted)
    copy.set_weights(model.get_weights())
    return copy


def _with_dtype(config: Any, dtype: str, instead_of: Set[str]) -> Any:
    """`config` with every dtype policy in `instead_of`, at any depth, replaced by `dtype`."""
    if isinstance(config, dict):
        return {
            key: dtype
            if key == "dtype" and _policy_name(value) in instead_of
            else _with_dtype(value, dtype, instead_of)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_with_dtype(value, dtype, instead_of) for value in config)
    return config


def _policy_name(dtype: Any) -> Any:
    return dtype["config"].get("name") if isinstance(dtype, dict) else dtype


def spatial_size(model: keras.Model) -> tuple[int | None, int | None]:
    """H and W that the model's input fixes; None where it takes any. Raises: UsageError for no model of images."""
    shape = model.input_shape
    if isinstance(shape, list) or len(shape) != 4 or shape[-1] != 3:
        raise UsageError(f"only a model of one image (N, H, W, 3) can be exported; this one takes {shape}")
    return shape[1], shape[2]
