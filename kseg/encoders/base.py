"""The base of every encoder: a classification network without its top, as features by stride, with preprocessing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import keras

from kseg.conventions import STRIDE
from kseg.encoders.dilation import rebuilt
from kseg.errors import UsageError
from kseg.layers import PadToMultiple, Preprocess, padded_size
from kseg.registry import Registry
from kseg.signature import Option, declared

OUTPUT_STRIDES = (32, 16, 8)

OUTPUT = ""
"""In `Encoder.features`: the output of the whole network."""


def before(layer: str) -> str:
    """In `Encoder.features`: the input of a layer, for where Keras numbered the name of the layer in front of it."""
    return f"→{layer}"


@dataclass(frozen=True)
class Encoder:
    """A network of `keras.applications`, called as `encoder(image) -> {stride: feature}`.

    Its layers become part of the caller's functional graph (no nested model), under the names Keras gives them. The
    layer `preprocess` comes first. The layer `pad` then adds zeros below and to the right where a size is not a
    multiple of 32. (A "same" convolution sees zeros beyond the border as well.) The feature of stride s has exactly
    ⌈H/32⌉·32/s rows and starts at the image's top left corner. Decoders therefore need no cropping, and
    `kseg.models.build` crops the output at the end.

    Batch normalization stays frozen in every layer, even where the stage around it is trained, since its statistics
    come from a million images. Published weights may have the statistics folded into the convolutions (mean 0,
    variance 1), which batch statistics would undo.
    """

    name: str
    application: Callable[..., keras.Model]
    preprocessing: str
    features: Mapping[int, str]
    """stride → name of the layer whose output is the feature, `before` one, or `OUTPUT`"""
    dense_layers: tuple[str, ...] = ()
    """dense layers of its classifier except the last; a convolutionized fc6 and fc7 may start from them"""
    options: tuple[str, ...] = ()
    """keyword-only parameters of `application` that are options, with annotation, default and text in its docstring"""
    rebuilt: bool = False
    """whether its layers are rebuilt at output stride 32 too, without its own scaling and with fixed names"""
    before_widening: str | None = None
    """the layer before the last map is widened, where only the classifier needs the wider map"""
    grid: Mapping[str, int] = field(default_factory=dict)
    """3×3 convolution of the last stage → multi-grid's factor of its rate"""
    centered: bool = False
    """whether windows lie on every s-th pixel, beginning with the first, also where sides are even"""

    def __call__(
        self,
        image,
        *,
        trainable_from: str | None = None,
        output_stride: int = STRIDE,
        widened: bool = True,
        multi_grid: bool = False,
        centered: bool = False,
    ) -> dict[int, keras.KerasTensor]:
        """The features of `image` (N, H, W, 3), RGB in 0..255, by the stride of their stage.

        Args:
          trainable_from: start of a layer name, e.g. "block5"; that layer and all after it are trained, all before it
            are frozen. None or "none" freezes the whole encoder, "all" trains all of it.
          output_stride: 32, or 16 or 8: the last stages then keep their map at 1/16 or 1/8 and are dilated instead
            (`kseg.encoders.dilation`). The features keep their keys: `features[32]` is the last one, even at 1/8.
          widened: with False, `features[32]` is MobileNet's map before it is widened for the classifier.
          multi_grid: multiplies the rates of the last stage's convolutions by `grid`.
          centered: pads to 32·k + 1 rows and puts windows on every s-th pixel, including the first and the last, as in
            TensorFlow's DeepLab: a feature of stride s then has 32/s·k + 1 rows.
        Errors: UsageError if no layer has this name, or for another output stride.
        """
        if output_stride not in OUTPUT_STRIDES:
            raise UsageError(f"output_stride is {output_stride!r}; wanted 32, 16 or 8")
        x = Preprocess(self.preprocessing, name="preprocess")(image)
        remainder = 1 if centered else 0
        if needs_padding(image.shape, remainder):
            x = PadToMultiple(STRIDE, remainder, name="pad")(x)
        places = self.features if widened or not self.before_widening else {**self.features, 32: self.before_widening}
        if self.rebuilt or output_stride != STRIDE or centered:
            grid = self.grid if multi_grid else {}
            return self._rebuilt(x, trainable_from, places, output_stride=output_stride, grid=grid, centered=centered)
        backbone = self.application(include_top=False, weights=None, input_tensor=x)
        self.freeze(backbone.layers, trainable_from)

        def feature(place: str):
            if place.startswith(before("")):
                return backbone.get_layer(place.removeprefix(before(""))).input
            return backbone.get_layer(place).output if place else backbone.output

        return {stride: feature(place) for stride, place in places.items()}

    def _rebuilt(self, x, trainable_from: str | None, places: Mapping[int, str], **how: Any):
        """The features at `places` of the network rebuilt with the options `how` of `dilation.rebuilt`."""
        template = self.application(include_top=False, weights=None, input_shape=(None, None, 3))
        made = rebuilt(template, x, self.name, whole_stem=self.rebuilt, **how)
        self.freeze([part.layer for part in made.values() if isinstance(part.layer, keras.Layer)], trainable_from)

        def feature(place: str):
            if place.startswith(before("")):
                return made[place.removeprefix(before(""))].entering
            return (made[place] if place else [*made.values()][-1]).leaving

        return {stride: feature(place) for stride, place in places.items()}

    @property
    def declared(self) -> Mapping[str, Option]:
        """The encoder's own options: flags of `kseg train` where a model takes the encoder by `--encoder`."""
        return declared(self.application, only=self.options) if self.options else {}

    def having(self, **options: Any) -> "Encoder":
        """The encoder with values for its own options."""
        return replace(self, application=partial(self.application, **options), options=())

    def freeze(self, backbone: Sequence[keras.Layer], trainable_from: str | None) -> None:
        """Marks layers, in graph order, as this encoder's, and makes those from `trainable_from` on trainable."""
        if trainable_from == "none":
            trainable_from = None
        trained = trainable_from == "all"
        for layer in backbone:
            _ENCODERS_OF[layer] = self
            trained = trained or (trainable_from is not None and layer.name.startswith(trainable_from))
            layer.trainable = trained and not isinstance(layer, keras.layers.BatchNormalization)
        if trainable_from is not None and not trained:
            stages = sorted({layer.name.split("_conv")[0] for layer in backbone if layer.weights})
            raise UsageError(
                f"no layer of {self.name} is called {trainable_from!r}…; "
                f"pass all, none, or the start of one of: {', '.join(stages)}"
            )


def needs_padding(shape, remainder: int = 0) -> bool:
    """Whether an image tensor of this shape may have a side that is not 32·k + `remainder`."""
    return any(size is None or padded_size(size, STRIDE, remainder) != size for size in shape[1:3])


def encoder_layers(model: keras.Model) -> list[keras.Layer]:
    """The layers of a freshly built model that came from an encoder, in the order of the graph."""
    return [layer for layer in model.layers if encoder_of(layer) is not None]


def encoder_of(layer: keras.Layer) -> Encoder | None:
    """The encoder that a layer of a freshly built model came from."""
    return _ENCODERS_OF.get(layer)


_ENCODERS_OF: WeakKeyDictionary[keras.Layer, Encoder] = WeakKeyDictionary()
"""The layers that `freeze` marked, held weakly. Layers loaded from a file or copied are not in it."""

ENCODERS: Registry[Encoder] = Registry("encoder", "kseg.encoders")


def encoder_named(encoder: str | Encoder) -> Encoder:
    """The encoder of this name; an `Encoder` is returned unchanged. Raises: UsageError for an unknown name."""
    return encoder if isinstance(encoder, Encoder) else ENCODERS[encoder]
