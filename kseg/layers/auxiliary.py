"""Attaches the scores of an auxiliary head, which only training uses, to the scores of a network."""

import keras

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class AuxiliaryScores(keras.layers.Layer):
    """`[scores, auxiliary]`, both (N, h, w, C) on one grid → the scores unchanged.

    The layer keeps the head on an earlier feature in the graph of a network with one output. Training finds the head by
    this layer (`kseg.models.scales.parts`) and adds its weighted loss:

        L = loss(scores) + w·loss(auxiliary)

    Args:
      weight: w, above 0.
    Source: Zhao et al. 2017 (PSPNet), section 3.3. Deviations: none.

    >>> scores, auxiliary = keras.ops.ones((1, 2, 2, 3)), keras.ops.zeros((1, 2, 2, 3))
    >>> float(keras.ops.sum(AuxiliaryScores(0.4)([scores, auxiliary])))
    12.0
    """

    def __init__(self, weight, **kwargs):
        super().__init__(**kwargs)
        if not float(weight) > 0:
            raise ValueError(f"weight is {weight}; wanted a number above 0")
        self.weight = float(weight)

    def call(self, inputs):
        scores, _ = inputs
        return scores

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}
