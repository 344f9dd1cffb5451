"""Preprocessing inside the model: from raw RGB in 0..255 to the inputs that an encoder was trained on."""

import keras
import numpy as np
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE

IMAGENET_MEAN = np.array([123.68, 116.779, 103.939], "float32")  # RGB, in gray levels; Caffe's VGG
# mode: (mean, scale, reversed to BGR), all in gray levels
MODES = {
    "caffe": (IMAGENET_MEAN, 1.0, True),
    "symmetric": (127.5, 127.5, False),
    "torch": (
        255 * np.array([0.485, 0.456, 0.406], "float32"),
        255 * np.array([0.229, 0.224, 0.225], "float32"),
        False,
    ),
    "unit": (0.0, 255.0, False),
    "symmetric_128": (128.0, 128.0, False),
    "raw": (0.0, 1.0, False),
}


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class Preprocess(keras.layers.Layer):
    """(N, H, W, 3) RGB in 0..255, uint8 or float → floats of the layer's compute type.

        y = (x − mean) / scale

    Modes: `caffe` subtracts the ImageNet mean and reverses to BGR; `symmetric` maps to [−1, 1] (Keras calls it "tf");
    `torch` standardizes by the ImageNet mean and deviation; `unit` maps to [0, 1];
    `symmetric_128` is (x − 128) / 128 as in EfficientNetV2-S, M and L; `raw` leaves x unchanged.
    Computed in float32 under any precision policy, since bfloat16 would round the raw values first.

    >>> keras.ops.convert_to_numpy(Preprocess("symmetric")(np.array([[[[0, 127.5, 255]]]])))[0, 0, 0].tolist()
    [-1.0, 0.0, 1.0]
    """

    def __init__(self, mode, **kwargs):
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(f"preprocessing mode is {mode!r}; valid: {', '.join(MODES)}")
        self.mode = mode
        self.autocast = False

    def call(self, image):
        mean, scale, reverse = MODES[self.mode]
        x = (ops.cast(image, "float32") - mean) / scale
        return ops.cast(ops.flip(x, axis=-1) if reverse else x, self.compute_dtype)

    def compute_output_spec(self, image):
        return keras.KerasTensor(image.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
