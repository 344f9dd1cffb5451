"""Every architecture at a size for tests: narrow, and, where the encoder can be chosen, on one of five convolutions."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras import layers

from kseg.encoders import ENCODERS, Encoder
from kseg.models import MODELS, build

NARROW = {
    "head_width": 8, "base_width": 4, "width": 8, "decoder_width": 8, "pyramid_width": 8, "box_width": 8,
    "mask_width": 8,
}  # fmt: skip

TINY = "tiny"


def five_convolutions(*, include_top=False, weights=None, input_tensor=None, input_shape=None):
    """A network of strides 2 to 32 whose layers `kseg.encoders` can dilate, with few weights and a normalization."""
    x = image = keras.Input(input_shape) if input_tensor is None else input_tensor
    for stage in range(1, 6):
        x = layers.Conv2D(4 + stage, 3, strides=2, padding="same", activation="relu", name=f"conv{stage}")(x)
    return keras.Model(image, layers.BatchNormalization(name="bn")(x))


TINY_ENCODER = Encoder(TINY, five_convolutions, "unit", {2: "conv1", 4: "conv2", 8: "conv3", 16: "conv4", 32: "bn"})


@contextmanager
def tiny_registered(*instead_of: str) -> Iterator[str]:
    """Registers the tiny encoder while a network is built, also under the names of others."""
    len(ENCODERS)  # the room is imported now, and not into the copy
    entries = ENCODERS._entries
    ENCODERS._entries = {**entries, TINY: TINY_ENCODER, **dict.fromkeys(instead_of, TINY_ENCODER)}
    try:
        yield TINY
    finally:
        ENCODERS._entries = entries


SAME_HEAD = ("fcmobilenet", "fcresnet")
"""Networks whose head is that of `bfcn32s`, which keeps its encoder; MobileNetV2 stays in `unet_mobilenetv2`."""


FITTING = {"unet2015": (36, 68)}
"""Sizes for models that would pad or crop 32 × 64."""


def narrow_options(name):
    return {option: NARROW[option] for option in MODELS[name].options if option in NARROW}


def narrow(name, **arguments):
    """The network with random kernels: a score layer that starts at zero would make all outputs the same."""
    model = build(name, **{**narrow_options(name), **arguments})
    rng = np.random.default_rng(0)
    for layer in model.layers:
        for weight in layer.trainable_weights:
            values = keras.ops.convert_to_numpy(weight)
            if weight.name == "kernel" and not values.any():
                weight.assign(rng.normal(0, 0.1, values.shape).astype(values.dtype))
    return model


def light(name, **arguments):
    """`narrow`, on the tiny encoder where the network takes any, or where its head is another's."""
    own = MODELS[name].encoder
    with tiny_registered(*[own] if name in SAME_HEAD else []) as tiny:
        encoder = {"encoder": tiny} if MODELS[name].options.get("encoder") else {}
        return narrow(name, **encoder, **arguments)
