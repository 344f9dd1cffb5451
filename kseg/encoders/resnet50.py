"""ResNet-50 (He et al. 2016): the output of the stem and of each of its four stages."""

import keras

from kseg.encoders.base import ENCODERS, Encoder

ResNet50 = ENCODERS.register("resnet50")(
    Encoder(
        name="resnet50",
        application=keras.applications.ResNet50,
        preprocessing="caffe",
        features={
            2: "conv1_relu",
            4: "conv2_block3_out",
            8: "conv3_block4_out",
            16: "conv4_block6_out",
            32: "conv5_block3_out",
        },
    )
)
