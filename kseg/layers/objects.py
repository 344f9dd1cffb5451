"""Layers for the objects of an image: folding them into a batch, selecting by class, random numbers, image sizes."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE

GOLDEN = 0.6180339887498949
"""The fractions of its multiples spread evenly over [0, 1) without random numbers."""


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class FoldObjects(keras.layers.Layer):
    """(N, R, H, W, C) → (N·R, H, W, C): the objects of all images as one batch for convolutions.

    >>> tuple(FoldObjects()(ops.ones((2, 5, 7, 7, 3))).shape)
    (10, 7, 7, 3)
    """

    def call(self, x):
        return ops.reshape(x, (-1, *x.shape[2:]))

    def compute_output_shape(self, input_shape):
        batch, count, *rest = input_shape
        return (None if batch is None or count is None else batch * count, *rest)


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class UnfoldObjects(keras.layers.Layer):
    """`[x, boxes]`, (N·R, H, W, C) and (N, R, 4) → (N, R, H, W, C): the inverse of `FoldObjects`.

    >>> tuple(UnfoldObjects()([ops.ones((10, 7, 7, 3)), ops.ones((2, 5, 4))]).shape)
    (2, 5, 7, 7, 3)
    """

    def call(self, inputs):
        x, boxes = inputs
        return ops.reshape(x, (-1, ops.shape(boxes)[1], *x.shape[1:]))

    def compute_output_shape(self, input_shape):
        of_x, of_boxes = input_shape
        return (*of_boxes[:2], *of_x[1:])


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class MaskOfClass(keras.layers.Layer):
    """`[logits, classes, valid]` → (N, R, H, W): mask probabilities of each object's class, zeros without an object.

        σ(logits[…, class])

    Inputs: logits (N, R, H, W, C), class ids (N, R), and (N, R), 0 where there is no object.
    Source: He et al. 2017, section 3. Deviations: none.

    >>> tuple(MaskOfClass()([ops.ones((2, 5, 7, 7, 3)), ops.ones((2, 5), "int32"), ops.ones((2, 5))]).shape)
    (2, 5, 7, 7)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False  # class ids must not be rounded

    def call(self, inputs):
        logits, classes, valid = inputs
        masks = ops.sigmoid(of_class(ops.cast(logits, "float32"), classes))
        return masks * ops.cast(valid, "float32")[..., None, None]

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs[0].shape[:-1], dtype="float32")


def of_class(values, classes):
    """(N, R, …, C) and int (N, R) → (N, R, …): the values of each object's class.

    >>> ops.convert_to_numpy(of_class([[[1.0, 2.0]]], [[1]])).tolist()
    [[2.0]]
    """
    values = ops.convert_to_tensor(values)
    chosen = ops.one_hot(ops.cast(classes, "int32"), values.shape[-1], dtype=values.dtype)
    between = len(values.shape) - 3
    chosen = ops.reshape(chosen, (*ops.shape(chosen)[:2], *[1] * between, values.shape[-1]))
    return ops.sum(values * chosen, axis=-1)


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class ClassOfLabel(keras.layers.Layer):
    """int labels (N, R) → int32 (N, R): the class id of each label; label 0 is no object and gets the id 0.

    Args:
      classes: the ids of the labels 1, 2, ….

    >>> ops.convert_to_numpy(ClassOfLabel([3, 7])(ops.convert_to_tensor([[2, 1, 0]]))).tolist()
    [[7, 3, 0]]
    """

    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        self.classes = tuple(int(one) for one in classes)
        self.autocast = False

    def call(self, labels):
        return ops.take(ops.convert_to_tensor([0, *self.classes], "int32"), labels, axis=0)

    def compute_output_spec(self, labels):
        return keras.KerasTensor(labels.shape, dtype="int32")

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class Chance(keras.layers.Layer):
    """(N, B, …) → float32 (N, B) in [0, 1): new random numbers in every training step, fixed numbers otherwise.

    Args:
      sampled: how many of the B a loss draws with these numbers.
      seed: of the random numbers; None: a new one each time, unless `keras.utils.set_random_seed` was called before.

    >>> [round(float(number), 3) for number in Chance(2)(ops.ones((1, 3, 4)))[0]]
    [0.0, 0.618, 0.236]
    """

    def __init__(self, sampled, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.sampled, self.seed = int(sampled), seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.autocast = False

    def call(self, x, training=False):
        batch, count = ops.shape(x)[:2]
        if training:
            return keras.random.uniform((batch, count), seed=self.seed_generator)
        numbers = ops.cast(ops.arange(count), "float32") * GOLDEN
        return ops.broadcast_to(numbers - ops.floor(numbers), (batch, count))

    def compute_output_spec(self, x, training=False):
        return keras.KerasTensor(x.shape[:2], dtype="float32")

    def get_config(self):
        return {**super().get_config(), "sampled": self.sampled, "seed": self.seed}


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)
class ImageSize(keras.layers.Layer):
    """(N, H, W, …) → float32 (N, 2): the height and width of each image, in pixels.

    Args:
      image_size: (H, W) where it is known in advance; the input may then be any tensor of batch size N.

    >>> ops.convert_to_numpy(ImageSize()(ops.ones((1, 4, 6, 3)))).tolist()
    [[4.0, 6.0]]
    """

    def __init__(self, image_size=None, **kwargs):
        super().__init__(**kwargs)
        self.image_size = None if image_size is None else tuple(image_size)
        self.autocast = False  # bfloat16 rounds sides above 256

    def call(self, image):
        sides = self.image_size or ops.shape(image)[1:3]
        size = ops.stack([ops.cast(side, "float32") for side in sides])
        return ops.broadcast_to(size[None], (ops.shape(image)[0], 2))

    def compute_output_spec(self, image):
        return keras.KerasTensor((image.shape[0], 2), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size}
