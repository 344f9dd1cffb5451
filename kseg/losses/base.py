"""The base of every loss: the registry, options, float32, reduction, sample weights and serialization."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE, VOID
from kseg.door import MaskWatch, label_of, sound_weights
from kseg.errors import UsageError, unknown_name
from kseg.losses.options import checked_bool, checked_option, checked_void, present_name
from kseg.losses.pixels import check_weight_shape
from kseg.registry import Registry

LOSSES: Registry[type["SegmentationLoss"]] = Registry("loss", "kseg.losses")


def registered(name: str) -> Callable[[type], type]:
    """Registers a loss class under a name in `LOSSES` and in saved `.keras` files."""

    def add(cls: type) -> type:
        cls.registry_name = name  # type: ignore[attr-defined]
        return LOSSES.register(name)(keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)(cls))

    return add


class Reduction(keras.losses.Loss):
    """Keras's own reduction of values that are already losses: weights, "sum" or mean, scaling over replicas."""

    def call(self, y_true, y_pred):
        return y_pred


class SegmentationLoss(keras.losses.Loss):
    """A pure function of label maps and predictions as a Keras loss.

    A subclass names its `function(y_true, y_pred, *, from_logits, void, …)`, which returns one float32 value per image,
    or a scalar when it pools over the batch, and the `options` of the function that users may set. Defaults and
    permitted values come from the function's signature.

    Args:
      from_logits: whether predictions are logits or probabilities; probabilities are the default of `build` and of
        Keras' losses. Probabilities outside [0, 1] make the loss NaN in a compiled function, and raise otherwise.
      void: the label to ignore.
      reduction: "sum_over_batch_size" is the mean over images, "sum" van Beers' sum over images, "none" keeps (N,).
        Where devices share a batch, the sum runs over the whole batch, and the mean is the mean of the devices' means
        (equal to the batch's where their shares are equal). A loss pooled over the batch has a value on each device,
        and these values are averaged.
      dtype: ignored; losses are float32 under any precision policy, since a half-precision sum overflows at 512².
      **options: the further options of the function.

    `y_true` is a label map, or a dict of targets from the pipeline: "label" is the map, "weight" holds pixel weights in
    place of `sample_weight`, and a further target, such as "distance", is what the loss `reads`. A loss computes a
    missing target itself, and ignores targets that it does not read.

    `sample_weight` is (N,) per image or (N, H, W) per pixel. As in Keras, weights scale values and do not change the
    denominator of a mean. In a quotient of sums over pixels, pixel weights apply to both sums. A weight that is
    negative or not finite makes the loss NaN.

    A batch without images, or of images without pixels, gives 0 without a gradient, like images without a valid pixel.
    Two-class labels that only hold 0 and 255 raise a warning (`kseg.door.MaskWatch`).

    Raises:
      UsageError: an option that the loss does not have, or a value out of its range (`kseg.losses.options`); called
        with targets without a label, or with both the target "weight" and `sample_weight`.
    """

    function: ClassVar[Callable[..., Any]]
    options: ClassVar[tuple[str, ...]] = ()
    registry_name: ClassVar[str]
    problems: ClassVar[tuple[str, ...]] = ("binary", "multi-class")
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    soft_labels: ClassVar[bool] = True
    thin_things: ClassVar[bool] = False  # the loss compares skeletons, and a thick object has no skeleton
    slow_under_xla: ClassVar[bool] = False  # on a CPU the loss needs more time and memory with XLA than without
    reads: ClassVar[str | None] = None  # a target beside the label, which the function takes by this name

    def __init__(
        self,
        *,
        from_logits: bool = False,
        void: int = VOID,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ):
        super().__init__(name=name or self.registry_name, reduction=reduction, dtype="float32")
        self.from_logits = checked_bool(self.registry_name, "from_logits", from_logits)
        self.void = checked_void(self.registry_name, void)
        self._settings = self._checked(options)
        self._watch = MaskWatch(self.void)
        # A loss over the whole batch is one value: replicas average it, even where images would be summed.
        over_the_batch = self._settings.get("pooling") == "batch" and reduction == "sum"
        self._reduce = Reduction(reduction="sum_over_batch_size" if over_the_batch else reduction, dtype="float32")

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The options of this loss with their default values."""
        parameters = inspect.signature(cls.function).parameters
        return {option: parameters[option].default for option in cls.options}

    @classmethod
    def _checked(cls, given: dict[str, Any]) -> dict[str, Any]:
        parameters, settings = inspect.signature(cls.function).parameters, cls.defaults()
        for name, value in given.items():
            option = present_name(name, cls.options)
            if option not in cls.options:
                names = (*cls.options, "from_logits", "void", "reduction", "name")
                raise unknown_name(f"argument of loss {cls.registry_name!r}:", option, names)
            parameter = parameters[option]
            settings[option] = checked_option(cls.registry_name, option, value, parameter.annotation, parameter.default)
        return settings

    def __getattr__(self, name: str) -> Any:
        settings = self.__dict__.get("_settings", {})
        if name in settings:
            return settings[name]
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def call(self, y_true, y_pred):
        return self._values(y_true, y_pred, {})

    def _values(self, y_true, y_pred, beside):
        function = type(self).function
        return function(y_true, y_pred, from_logits=self.from_logits, void=self.void, **self._settings, **beside)

    def __call__(self, y_true, y_pred, sample_weight=None):
        with keras.name_scope(self.name):
            y_true, read, sample_weight = self._taken_apart(y_true, sample_weight)
            shape = tuple(np.shape(y_pred) if isinstance(y_pred, list | tuple) else y_pred.shape)
            if len(shape) == 4 and 0 in shape[:3]:
                return self._of_nothing(y_pred)
            self._watch.look(y_true, two_classes=shape[-1:] in ((1,), (2,)))
            image_weight, pixel_weight = self._split_weights(sample_weight, y_pred)
            weights = {} if pixel_weight is None else {"pixel_weight": pixel_weight}
            values = self._values(y_true, y_pred, {**read, **weights})
            if len(values.shape) == 0:  # Keras does not scale scalars over replicas
                values = ops.reshape(values, (1,))
            return self._reduce(values, values, image_weight)

    def value_and_parts(self, y_true, y_pred, sample_weight=None):
        """The loss and its parts by label, which are {} here, since only a `WeightedSum` has parts."""
        return self(y_true, y_pred, sample_weight), {}

    def _taken_apart(self, y_true, sample_weight):
        """(label map, further targets as arguments of the function, weights)."""
        if not isinstance(y_true, Mapping):
            return y_true, {}, sample_weight
        label = label_of(y_true)
        if "weight" in y_true and sample_weight is not None:
            raise UsageError("weights came as sample_weight and as the target 'weight'; give one of them")
        read = {self.reads: y_true[self.reads]} if self.reads in y_true else {}
        return label, read, y_true.get("weight", sample_weight)

    def _of_nothing(self, y_pred):
        """0 for every image of a batch without pixels; Keras fails to reduce a batch without images."""
        pixels = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        if self._settings.get("pooling") == "batch":
            total = ops.sum(pixels)
            return ops.reshape(total, (1,)) if self.reduction in (None, "none") else total
        images = ops.sum(pixels, axis=(1, 2, 3))
        return images if self.reduction in (None, "none") else ops.sum(images)

    def _split_weights(self, sample_weight, y_pred):
        """(weights of images, weights of pixels), either None; a loss over the whole batch weighs pixels only."""
        if sample_weight is None:
            return None, None
        weight = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
        check_weight_shape(weight.shape, getattr(y_pred, "shape", None) or np.shape(y_pred))
        if len(weight.shape) in (2, 4):
            weight = ops.squeeze(weight, axis=-1)
        pooled = self._settings.get("pooling") == "batch"
        if len(weight.shape) < 3 and not pooled:
            return sound_weights(weight), None
        if "pixel_weight" not in inspect.signature(type(self).function).parameters:
            raise UsageError(
                f"loss {self.registry_name!r} does not support pixel weights; give one weight per image, (N,)"
            )
        return None, ops.reshape(weight, (-1, 1, 1)) if len(weight.shape) == 1 else weight

    def get_config(self) -> dict[str, Any]:
        config = {"name": self.name, "reduction": self.reduction, "from_logits": self.from_logits, "void": self.void}
        return {**config, **self._settings}
