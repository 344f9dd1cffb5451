"""Grouped convolution as one convolution per group, which every device and export format supports."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class GroupedConv2D(keras.layers.Conv2D):
    """`Conv2D(…, groups=g)`: output channels i·F/g … (i + 1)·F/g only see input channels i·C/g … (i + 1)·C/g.

    The kernel is one variable, (h, w, C/g, F), as in `Conv2D`, so that weights of either layer fit the other. Under
    TensorFlow, Keras compiles a grouped convolution with XLA, and ONNX has no operation for this call.

    >>> layer = GroupedConv2D(8, 3, groups=4)
    >>> tuple(layer(keras.ops.ones((1, 5, 5, 4))).shape), tuple(layer.kernel.shape)
    ((1, 3, 3, 8), (3, 3, 1, 8))
    """

    def convolution_op(self, inputs, kernel):
        groups = zip(ops.split(inputs, self.groups, axis=-1), ops.split(kernel, self.groups, axis=-1), strict=True)
        return ops.concatenate([super(GroupedConv2D, self).convolution_op(x, k) for x, k in groups], axis=-1)
