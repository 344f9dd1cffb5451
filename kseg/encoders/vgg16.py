"""VGG16 (Simonyan & Zisserman 2015): the pooled output of each of its five blocks."""

import keras

from kseg.encoders.base import ENCODERS, Encoder

VGG16 = ENCODERS.register("vgg16")(
    Encoder(
        name="vgg16",
        application=keras.applications.VGG16,
        preprocessing="caffe",
        features={2**block: f"block{block}_pool" for block in range(1, 6)},
        dense_layers=("fc1", "fc2"),
    )
)
