"""Constants of a network as an output for each image."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class PerImage(keras.layers.Layer):
    """(N, …) → float32 (N, K): the same K numbers for each image. They are part of the configuration and not weights.

    Args:
      values: the K numbers.

    >>> ops.convert_to_numpy(PerImage([0.5, 64])(ops.ones((2, 3, 3, 1)))).tolist()
    [[0.5, 64.0], [0.5, 64.0]]
    """

    def __init__(self, values, **kwargs):
        super().__init__(**kwargs)
        self.values = tuple(float(value) for value in values)
        self.autocast = False  # bfloat16 rounds numbers above 256

    def call(self, x):
        row = ops.convert_to_tensor([self.values], "float32")
        return ops.broadcast_to(row, (ops.shape(x)[0], len(self.values)))

    def compute_output_spec(self, x):
        return keras.KerasTensor((x.shape[0], len(self.values)), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "values": self.values}
