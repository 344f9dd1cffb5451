"""A real DeepLab v3 on MobileNetV2 for benchmarks: from an archive of folded weights to logits of VOC's 21 classes."""

import io
import lzma
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

SIDE = 513
"""What the network was made for; images are padded to it with the grey that becomes 0."""

STRIDES = {1: 2, 3: 2, 6: 2}
"""Of the inverted residuals, where not 1: output stride 16 from the seventh on."""

DILATED = (14, 15, 16)
"""Inverted residuals with dilation 2 in place of the stride of the thirteenth."""


def load_deeplab(path: Path) -> keras.Model:
    """(N, 513, 513, 3) in [−1, 1] to logits (N, 33, 33, 21).

    MobileNetV2, then a 1×1 branch and image pooling, joined: Chen et al. 2017 without its dilated branches.
    """
    with lzma.open(path) as file:
        weights = dict(np.load(io.BytesIO(file.read())))

    def convolution(x, name: str, *, relu: bool = True, **options):
        kernel, bias = (weights[f"{name}/{part}"].astype(np.float32) for part in ("kernel", "bias"))
        size = kernel.shape[0]
        if kernel.shape[-1] == 1 and size == 3:
            layer = layers.DepthwiseConv2D(size, padding="same", **options)
        else:
            layer = layers.Conv2D(kernel.shape[-1], size, padding="same", **options)
        y = layer(x)
        layer.set_weights([kernel, bias])
        return layers.ReLU(6.0)(y) if relu else y

    image = keras.Input((SIDE, SIDE, 3))
    x = convolution(image, "Conv", strides=2)
    for block in range(17):
        name = f"expanded_conv_{block}" if block else "expanded_conv"
        inputs, stride = x, STRIDES.get(block, 1)
        if f"{name}/expand/kernel" in weights:
            x = convolution(x, f"{name}/expand")
        x = convolution(x, f"{name}/depthwise", strides=stride, dilation_rate=2 if block in DILATED else 1)
        x = convolution(x, f"{name}/project", relu=False)
        if stride == 1 and inputs.shape[-1] == x.shape[-1]:
            x = layers.Add()([inputs, x])
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)
    pooled = layers.UpSampling2D(x.shape[1:3])(plain_relu(convolution(pooled, "image_pooling", relu=False)))
    local = plain_relu(convolution(x, "aspp0", relu=False))
    joined = plain_relu(convolution(layers.Concatenate()([pooled, local]), "concat_projection", relu=False))
    return keras.Model(image, convolution(joined, "logits", relu=False))


def plain_relu(x):
    return layers.ReLU()(x)


def padded(image: np.ndarray) -> np.ndarray:
    """float32 (1, 513, 513, 3) in [−1, 1]: the image (H, W, 3) at the upper left, 0 elsewhere."""
    height, width = image.shape[:2]
    whole = np.zeros((1, SIDE, SIDE, 3), np.float32)
    whole[0, :height, :width] = image / np.float32(127.5) - 1
    return whole


def probabilities(logits: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W, 21) of logits (33, 33, 21): enlarged with aligned corners, cut to the image, softmax."""
    whole = np.asarray(logits, np.float32)
    for axis in range(2):
        position = np.linspace(0, whole.shape[axis] - 1, SIDE)[: size[axis]].astype(np.float32)
        below = np.minimum(position.astype(int), whole.shape[axis] - 2)
        share = np.expand_dims((position - below).astype(np.float32), tuple({0, 1, 2} - {axis}))
        whole = whole.take(below, axis) * (1 - share) + whole.take(below + 1, axis) * share
    return np.asarray(ops.softmax(whole))
