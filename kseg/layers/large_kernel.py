"""Convolution whose kernel is as large as the map it slides over: the fc6 of convolutionised classifiers."""

import keras
from keras import ops

from kseg.conventions import SERIALISATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALISATION_PACKAGE)
class LargeKernelConv2D(keras.layers.Conv2D):
    """`Conv2D(filters, k, padding="same")`, odd k, stride 1, computed as one matrix product per row of the kernel.

        y[i, j] = Σ_d Σ_e x[i + d, j + e]·K[d, e]      d, e ∈ −⌊k/2⌋..⌊k/2⌋

    (N, h, w, in) → (N, h, w, filters). The rows of x that a row d of the kernel meets within the map, N·(h − |d|)·w
    windows of k·in values, are multiplied by K[d], (k·in, filters). Rows of padding are skipped: 37 of 49 products
    remain for k = h = 7, where a convolution multiplies zeros. Same weights, value and gradients as `Conv2D`, which
    runs instead where h or w is unknown or above 2k, so that windows never need much memory.
    Source: the fully convolutional layers of Long et al. 2015, section 3.1; the equality is arithmetic.
    """

    def __init__(self, filters, kernel_size, **kwargs):
        super().__init__(filters, kernel_size, **{**kwargs, "padding": "same"})
        if any(size % 2 == 0 for size in self.kernel_size) or {*self.strides, *self.dilation_rate, self.groups} != {1}:
            raise ValueError(
                f"LargeKernelConv2D takes odd kernels, stride, dilation and groups 1; got kernel {self.kernel_size}, "
                f"strides {self.strides}, dilation {self.dilation_rate}, groups {self.groups}; use Conv2D"
            )

    def call(self, x):
        sizes = zip(x.shape[1:3], self.kernel_size, strict=True)
        if any(side is None or side > 2 * kernel for side, kernel in sizes):
            return super().call(x)
        y = correlate_by_rows(x, ops.convert_to_tensor(self.kernel))
        y = y if self.bias is None else y + self.bias
        return self.activation(y)


def correlate_by_rows(x, kernel):
    """Σ_d windows(x)[i + d]·K[d] with zeros outside the map; x (N, h, w, in), kernel (k, k, in, out), both k odd."""
    rows, columns, inputs, outputs = kernel.shape
    height, width = x.shape[1:3]
    margin = columns // 2
    padded = ops.pad(x, ((0, 0), (0, 0), (margin, margin), (0, 0)))
    windows = ops.concatenate([padded[:, :, e : e + width] for e in range(columns)], axis=-1)
    total = 0.0
    # Unstacked, because the gradient of one slice after another would be as many kernels full of zeros.
    for d, row in enumerate(ops.unstack(kernel, axis=0), start=-(rows // 2)):
        top, bottom = max(0, -d), height - max(0, d)
        if top < bottom:
            met = ops.reshape(windows[:, top + d : bottom + d], (-1, columns * inputs))
            product = ops.matmul(met, ops.reshape(row, (columns * inputs, outputs)))
            product = ops.reshape(product, (-1, bottom - top, width, outputs))
            total = total + ops.pad(product, ((0, 0), (top, height - bottom), (0, 0), (0, 0)))
    return total
