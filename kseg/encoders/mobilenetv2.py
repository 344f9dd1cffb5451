"""MobileNetV2 (Sandler et al. 2018) with any depth multiplier, without Keras' rounding to multiples of 8."""

from typing import Annotated

import keras
from keras import layers

from kseg.ranges import Range


def mobilenetv2(
    *,
    include_top=False,
    weights=None,
    input_tensor=None,
    input_shape=None,
    depth_multiplier: Annotated[float, Range(above=0, most=4)] = 1.0,
) -> keras.Model:
    """Keras' network with `depth_multiplier` times as many filters in each convolution.

    Args:
      depth_multiplier: filters of every convolution, as a multiple of the paper's; published weights exist for 1.
    Source: Sandler et al. 2018, section 5; the filters at 0.5 are those of TensorFlow's DeepLab (12 where Keras' alpha
      has 16).
    """
    network = keras.applications.MobileNetV2
    if depth_multiplier == 1:
        return network(include_top=include_top, weights=weights, input_tensor=input_tensor, input_shape=input_shape)
    if weights is not None or include_top:
        raise ValueError(f"Keras has no weights of depth_multiplier {depth_multiplier}; use 1, or weights=None")

    def scaled(layer):
        config = layer.get_config()
        if type(layer) is layers.Conv2D:
            config["filters"] = max(1, round(config["filters"] * depth_multiplier))
        return type(layer).from_config(config)

    whole = network(include_top=False, weights=None, input_shape=input_shape or (None, None, 3))
    if input_tensor is None:
        return keras.models.clone_model(whole, clone_function=scaled)
    called = []

    def call(layer, *arguments, **keywords):
        called.append(layer(*arguments, **keywords))
        return called[-1]

    # `clone_model` returns a model that begins at `input_tensor`; the returned one includes what comes before it.
    keras.models.clone_model(whole, input_tensors=input_tensor, clone_function=scaled, call_function=call)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), called[-1])
