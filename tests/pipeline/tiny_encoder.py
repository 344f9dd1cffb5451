"""A network of the shape that the cache is for: a frozen MobileNet-like encoder under a trainable decoder."""

import keras
from keras import layers


def tiny_network(*, frozen=True, size=16, pad=False):
    """Strides 2 and 4 from frozen blocks (expand, depthwise, residual add), a decoder on both."""
    image = keras.Input((size, size, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(image)
    x = block(x, 4, strides=2, name="block1")
    skip = x = block(x, 4, strides=1, name="block2")
    x = block(x, 6, strides=2, name="block3")
    if frozen:
        for layer in keras.Model(image, x).layers:
            layer.trainable = False
    if pad:
        x = layers.ZeroPadding2D(2, name="pad")(x)
        x = layers.Cropping2D(2, name="unpad")(layers.Conv2D(6, 3, padding="same", name="lateral")(x))
    x = layers.UpSampling2D(2, name="up")(layers.Conv2D(4, 1, name="reduce")(x))
    x = layers.Concatenate(name="concat")([x, skip])
    x = layers.BatchNormalization(name="decoder_bn")(layers.Conv2D(4, 3, padding="same", name="decoder")(x))
    x = layers.UpSampling2D(2, name="up2")(x)
    return keras.Model(image, layers.Conv2D(1, 1, dtype="float32", name="score")(x), name="tiny")


def block(x, filters, *, strides, name):
    y = layers.Conv2D(8, 1, use_bias=False, name=f"{name}_expand")(x)
    y = layers.ReLU(6, name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(y))
    y = layers.DepthwiseConv2D(3, strides, padding="same", name=f"{name}_depthwise")(y)
    y = layers.Conv2D(filters, 1, name=f"{name}_project")(y)
    return layers.Add(name=f"{name}_add")([x, y]) if y.shape == x.shape else y
