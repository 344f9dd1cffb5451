"""Convolution with a kernel as large as its map: the fc6 of convolutionized classifiers."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class LargeKernelConv2D(keras.layers.Conv2D):
    """`Conv2D(filters, k, padding="same")`, odd k, stride 1, computed as one matrix product per row of the kernel.

        y[i, j] = Σ_d Σ_e x[i + d, j + e]·K[d, e]      d, e ∈ −⌊k/2⌋..⌊k/2⌋

    (N, h, w, in) → (N, h, w, filters). Row d of the kernel meets N·(h − |d|)·w windows of k·in values within the map;
    the windows are multiplied by K[d], (k·in, filters). Rows of padding are skipped: for k = h = 7, 37 of 49 products
    remain, while a convolution also multiplies zeros. Weights, value and gradients are those of `Conv2D`. Where h or w
    is unknown or above 2k, `Conv2D` itself runs, so that windows never need much memory.
    Source: the fully convolutional layers of Long et al. 2015, section 3.1; the equality is arithmetic.

    >>> layer = LargeKernelConv2D(8, 7)
    >>> tuple(layer(keras.ops.ones((1, 7, 7, 4))).shape), tuple(layer.kernel.shape)
    ((1, 7, 7, 8), (7, 7, 4, 8))
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
    """Σ_d windows(x)[i + d]·K[d] with zeros outside the map; x (N, h, w, in), kernel (k, k, in, out), both k odd.

    `unstack` and `split` divide kernel and map. Slices would be slower than the products, since the gradient of each
    slice is a whole kernel or map of zeros.
    """
    rows, columns, _, outputs = kernel.shape
    height, width = x.shape[1:3]
    lines = [windows_of_line(line, columns) for line in ops.unstack(x, axis=1)]
    totals = [0.0] * height
    for d, row in enumerate(ops.unstack(kernel, axis=0), start=-(rows // 2)):
        top, bottom = max(0, -d), height - max(0, d)
        if top < bottom:
            met = ops.concatenate(lines[top + d : bottom + d], axis=0)
            product = ops.matmul(met, ops.reshape(row, (-1, outputs)))
            for i, part in enumerate(ops.split(product, bottom - top, axis=0), start=top):
                totals[i] = totals[i] + part
    by_row_and_column = ops.reshape(ops.stack(totals), (height, width, -1, outputs))
    return ops.transpose(by_row_and_column, (2, 0, 1, 3))


def windows_of_line(line, columns):
    """(N, w, in) → (w·N, columns·in): the values around each pixel of a line of the map, zeros outside."""
    width, margin = line.shape[1], columns // 2
    pixels = ops.unstack(ops.pad(line, ((0, 0), (margin, margin), (0, 0))), axis=1)
    return ops.concatenate([ops.concatenate(pixels[j : j + columns], axis=-1) for j in range(width)], axis=0)
