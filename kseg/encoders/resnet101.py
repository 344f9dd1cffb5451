"""ResNet-101 (He et al. 2016): as ResNet-50, with 23 blocks in the fourth stage instead of 6."""

import keras

from kseg.encoders.base import ENCODERS, Encoder

ResNet101 = ENCODERS.register("resnet101")(
    Encoder(
        name="resnet101",
        application=keras.applications.ResNet101,
        preprocessing="caffe",
        features={
            2: "conv1_relu",
            4: "conv2_block3_out",
            8: "conv3_block4_out",
            16: "conv4_block23_out",
            32: "conv5_block3_out",
        },
    )
)
