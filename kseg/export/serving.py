"""The function that every export serves: raw uint8 images in, float32 probabilities out."""

from typing import Any

import keras
import tensorflow as tf

from kseg.errors import UsageError

HALF = {"float16", "bfloat16", "mixed_float16", "mixed_bfloat16"}


def serving_function(model: keras.Model, batch: int | None, size: tuple[int | None, int | None]) -> Any:
    """`model` as a tf.function of uint8 (batch, *size, 3); None is any size."""

    @tf.function(input_signature=[tf.TensorSpec((batch, *size, 3), tf.uint8, name="images")])
    def serve(images):
        return {"probabilities": tf.cast(model(tf.cast(images, tf.float32), training=False), tf.float32)}

    return serve


def in_float32(model: keras.Model) -> keras.Model:
    """The model itself, or, where layers compute in half precision, a float32 twin with the same weights.

    Half-precision kernels are missing from ONNX Runtime and LiteRT on most devices.
    """
    description = model.to_json()
    if not any(f'"{name}"' in description for name in HALF):
        return model

    def as_float32(layer: keras.layers.Layer) -> keras.layers.Layer:
        return layer.__class__.from_config(_without_half(layer.get_config()))

    twin = keras.models.clone_model(model, clone_function=as_float32)
    twin.set_weights(model.get_weights())
    return twin


def _without_half(config: Any) -> Any:
    """`config` with every mixed or half-precision dtype policy, at any depth, replaced by float32."""
    if isinstance(config, dict):
        return {
            key: "float32" if key == "dtype" and _is_half(value) else _without_half(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_without_half(value) for value in config)
    return config


def _is_half(dtype: Any) -> bool:
    return (dtype["config"].get("name") if isinstance(dtype, dict) else dtype) in HALF


def spatial_size(model: keras.Model) -> tuple[int | None, int | None]:
    """H and W that the model's input fixes; None where it takes any. Not an image model: an error."""
    shape = model.input_shape
    if isinstance(shape, list) or len(shape) != 4 or shape[-1] != 3:
        raise UsageError(f"only a model of one image (N, H, W, 3) can be exported; this one takes {shape}")
    return shape[1], shape[2]
