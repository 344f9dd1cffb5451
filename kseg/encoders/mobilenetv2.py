"""MobileNetV2 (Sandler et al. 2018): the widest tensor at each stride, the expansion before the next reduction."""

import keras

from kseg.encoders.base import ENCODERS, Encoder

MobileNetV2 = ENCODERS.register("mobilenetv2")(
    Encoder(
        name="mobilenetv2",
        application=keras.applications.MobileNetV2,
        preprocessing="symmetric",
        features={
            2: "block_1_expand_relu",  # 96 channels
            4: "block_3_expand_relu",  # 144
            8: "block_6_expand_relu",  # 192
            16: "block_13_expand_relu",  # 576
            32: "out_relu",  # 1280
        },
    )
)
