"""Max pooling with the indices of its maxima, and unpooling by these indices (SegNet)."""

import keras
import ml_dtypes
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE
from kseg.layers.pixels import pixel_shuffle, upsampled_shape

POOL = 2
PLACES = POOL**2
"""places in a window, row by row: 0 1 above 2 3"""


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class MaxPoolWithIndices(keras.layers.Layer):
    """(N, H, W, C) → maxima (N, ⌈H/2⌉, ⌈W/2⌉, C) of 2×2 windows, and the place of each in its window, int32.

        y[i, j] = max_{a, b ∈ {0, 1}} x[2i + a, 2j + b]      k[i, j] = 2a + b of the first maximum

    Where H or W is odd, the last windows are smaller. The gradient only goes to the first maximum, and not through the
    indices.
    Source: Badrinarayanan et al. 2017 (SegNet), section 3. Deviations: the published code stores the position in the
      map; the place in the window is equivalent and takes two bits.

    >>> x = keras.ops.reshape(keras.ops.convert_to_tensor([1.0, 5.0, 7.0, 2.0]), (1, 2, 2, 1))
    >>> maxima, places = MaxPoolWithIndices()(x)
    >>> float(maxima[0, 0, 0, 0]), int(places[0, 0, 0, 0])
    (7.0, 2)
    """

    def call(self, x):
        height, width = ops.shape(x)[1:3]
        # Padding with the smallest finite number, since exported ONNX files select by products with 0 and 1, and 0·∞
        # is NaN.
        least = float(ml_dtypes.finfo(keras.backend.standardize_dtype(x.dtype)).min)
        x = ops.pad(x, ((0, 0), (0, height % POOL), (0, width % POOL), (0, 0)), constant_values=least)
        first, *others = (x[:, a::POOL, b::POOL] for a in range(POOL) for b in range(POOL))
        maxima, places = first, ops.zeros_like(first, dtype="int32")
        for place, value in enumerate(others, start=1):
            larger = value > maxima
            maxima = ops.where(larger, value, maxima)
            places = ops.where(larger, place, places)
        return maxima, places

    def compute_output_spec(self, x):
        batch, height, width, channels = x.shape
        shape = (batch, *(side and -(-side // POOL) for side in (height, width)), channels)
        return keras.KerasTensor(shape, dtype=self.compute_dtype), keras.KerasTensor(shape, dtype="int32")


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class MaxUnpool(keras.layers.Layer):
    """`[x, places]` → (N, 2h, 2w, C): every value of x (N, h, w, C) at its place in a window of zeros.

        y[2i + a, 2j + b] = x[i, j] where places[i, j] = 2a + b, else 0

    `places` come from `MaxPoolWithIndices`. After pooling an odd H or W, the last row or column is surplus and is
    removed by `CropLike`.
    Source: Badrinarayanan et al. 2017 (SegNet), section 3 and figure 3. Deviations: none.

    >>> x, places = keras.ops.ones((1, 1, 1, 1)), keras.ops.full((1, 1, 1, 1), 2, dtype="int32")
    >>> keras.ops.convert_to_numpy(MaxUnpool()([x, places]))[0, :, :, 0].tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """

    def call(self, inputs):
        x, places = inputs
        nothing = ops.zeros_like(x)
        at_each_place = [ops.where(places == place, x, nothing) for place in range(PLACES)]
        return pixel_shuffle(ops.concatenate(at_each_place, axis=-1), POOL)

    def compute_output_shape(self, input_shape):
        return upsampled_shape(input_shape[0], POOL, input_shape[0][-1])
