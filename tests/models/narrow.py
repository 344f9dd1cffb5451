"""Every architecture at a size for tests: the smallest width of whatever option has "width" in its name."""

import keras
import numpy as np

from kseg.models import MODELS, build

NARROW = {"head_width": 8, "base_width": 4, "width": 8}

LIGHT = {"deeplab_resnet101": {"encoder": "mobilenetv2"}}
"""On another encoder than its own, whose weights are counted in a test of its own."""


def narrow_options(name):
    return {option: NARROW[option] for option in MODELS[name].options if option in NARROW}


def narrow(name, **arguments):
    """The network with every kernel random: a score layer that starts at zero would make all outputs the same."""
    model = build(name, **narrow_options(name), **LIGHT.get(name, {}), **arguments)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        for weight in layer.trainable_weights:
            values = keras.ops.convert_to_numpy(weight)
            if weight.name == "kernel" and not values.any():
                weight.assign(rng.normal(0, 0.1, values.shape).astype(values.dtype))
    return model
