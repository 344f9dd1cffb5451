"""A tiny segmentation network, and its card, for the exporters."""

from dataclasses import dataclass

import keras
import numpy as np


@keras.saving.register_keras_serializable("kseg_tests")
class ResizeTo(keras.layers.Layer):
    """Bilinear resizing to the size of the second input: a custom layer, without which an export has to run."""

    def call(self, inputs):
        import tensorflow as tf

        small, like = inputs
        return tf.cast(tf.image.resize(small, tf.shape(like)[1:3]), self.compute_dtype)

    def compute_output_shape(self, shapes):
        return (*shapes[1][:3], shapes[0][3])


@dataclass(frozen=True)
class Card:
    classes: tuple[str, ...] = ("background", "face")
    palette: tuple[tuple[int, int, int], ...] = ((0, 0, 0), (230, 159, 0))
    image_size: tuple[int, int] | None = (32, 48)
    model: str = "tiny"
    loss: str = "iou"
    dataset: str = "synthetic"
    input_size: str = "trained"
    task: str = "semantic"


@keras.saving.register_keras_serializable("kseg_tests")
class PadToEven(keras.layers.Layer):
    """Odd sizes grow by one; converters differ in the modulus of a negative number."""

    def call(self, x):
        import tensorflow as tf

        shape = tf.shape(x)
        return tf.pad(x, [[0, 0], [0, -shape[1] % 2], [0, -shape[2] % 2], [0, 0]])

    def compute_output_shape(self, shape):
        return (shape[0], *(side and side + side % 2 for side in shape[1:3]), shape[3])


def tiny_model(channels=1, size=(None, None), dtype="float32"):
    """Padding, strided convolution, batch norm, depthwise, resize to the input: what the real networks are made of."""
    keras.utils.set_random_seed(0)
    with_policy = {"dtype": dtype}
    image = keras.Input((*size, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1, **with_policy)(image)
    x = PadToEven(**with_policy)(x)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", **with_policy)(x)
    x = keras.layers.BatchNormalization(**with_policy)(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", **with_policy)(x)
    x = keras.layers.Conv2D(channels, 1, **with_policy)(x)
    x = ResizeTo(**with_policy)([x, image])
    x = keras.layers.Activation("sigmoid" if channels == 1 else "softmax", dtype="float32")(x)
    model = keras.Model(image, x, name="tiny")
    for variable in model.non_trainable_variables:  # batch statistics that are not the identity
        if variable.name.startswith("moving"):
            variable.assign(np.linspace(0.5, 1.5, 8))
    return model
