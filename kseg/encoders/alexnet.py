"""AlexNet (Krizhevsky et al. 2012): its five convolutions, three of them at stride 16."""

import keras
from keras import layers

from kseg.encoders.base import ENCODERS, Encoder
from kseg.layers import GroupedConv2D, LocalResponseNorm


def alexnet(*, include_top=False, weights=None, input_tensor=None, input_shape=None) -> keras.Model:
    """The convolutional part, with the signature of `keras.applications`, which has no AlexNet.

    Layer names are Caffe's. conv2, conv4 and conv5 have two groups, relics of two GPUs: half the filters see half the
    channels, so their kernels are (5, 5, 48, 256), (3, 3, 192, 384) and (3, 3, 192, 256). 2,334,080 weights:

        11²·3·96 + 96,  5²·48·256 + 256,  3²·256·384 + 384,  3²·192·384 + 384,  3²·192·256 + 256

    Deviations: images are normalized as in torchvision, so weights of Caffe or MatConvNet, which expect 0..255 minus a
    mean, do not fit although their names and shapes do. conv1 and the poolings have "same" padding too, so that the map
    at stride s has ⌈H/32⌉·32/s rows; the original is unpadded there (a 227×227 image gives 6×6, here 256×256 gives
    8×8). There is more padding at the end than at the start, so a position at stride 32 is centered 0.5 + 2 + 4 + 8 =
    14.5 pixels below and to the right of the middle of its 32×32 pixels.
    """
    if include_top or weights is not None:
        raise ValueError("keras.applications has no AlexNet; pass include_top=False and weights=None")
    image = input_tensor if input_tensor is not None else keras.Input(input_shape)
    x = layers.Conv2D(96, 11, strides=4, padding="same", activation="relu", name="conv1")(image)  # 1/4
    x = LocalResponseNorm(name="norm1")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1")(x)  # 1/8
    x = GroupedConv2D(256, 5, padding="same", groups=2, activation="relu", name="conv2")(x)
    x = LocalResponseNorm(name="norm2")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool2")(x)  # 1/16
    x = layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3")(x)
    x = GroupedConv2D(384, 3, padding="same", groups=2, activation="relu", name="conv4")(x)
    x = GroupedConv2D(256, 3, padding="same", groups=2, activation="relu", name="conv5")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool5")(x)  # 1/32
    return keras.Model(image, x, name="alexnet")


AlexNet = ENCODERS.register("alexnet")(
    Encoder(
        name="alexnet",
        application=alexnet,
        preprocessing="torch",
        features={4: "conv1", 8: "pool1", 16: "conv5", 32: "pool5"},
    )
)
