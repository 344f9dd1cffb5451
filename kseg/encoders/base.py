"""What every encoder is: a classification network without its top, as features by stride, with preprocessing inside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras

from kseg.errors import UsageError
from kseg.layers import PadToMultiple, Preprocess, padded_size
from kseg.registry import Registry

STRIDE = 32
"""Every encoder here ends at 1/32 of its input, so inputs are padded to multiples of it."""


@dataclass(frozen=True)
class Encoder:
    """A network of `keras.applications`, called as `encoder(image) -> {stride: feature}`.

    Its layers become part of the caller's functional graph (no nested model), under the names Keras gives them.
    Preprocessing is the layer `preprocess`; the layer `pad` then pads sizes that are no multiple of 32 with zeros below
    and to the right, so that the feature of stride s has exactly ⌈H/32⌉·32/s rows and lies on the image's top left
    corner: decoders need no cropping of their own, `kseg.models.build` cuts the surplus off the end.
    (Zeros after preprocessing are what a "same" convolution sees beyond the border anyway.)

    Batch normalisation stays frozen in every layer, also where the stage around it is trained: the statistics are those
    of a million images, and published weights may have them folded into the convolutions (mean 0, variance 1), which
    the statistics of a batch would undo.
    """

    name: str
    application: Callable[..., keras.Model]
    preprocessing: str
    features: Mapping[int, str]
    """stride → name of the layer whose output is the feature"""
    dense_layers: tuple[str, ...] = ()
    """of its classifier, but for the last: what a convolutionised fc6 and fc7 may start from"""

    def __call__(self, image, *, trainable_from: str | None = None) -> dict[int, keras.KerasTensor]:
        """The features of `image` (N, H, W, 3), RGB in 0..255.

        Args:
          trainable_from: start of a layer name, e.g. "block5"; that layer and all after it are trained, all before are
            frozen. None or "none" freezes the whole encoder, "all" none of it.
        Errors: UsageError if no layer has such a name.
        """
        x = Preprocess(self.preprocessing, name="preprocess")(image)
        if needs_padding(image.shape):
            x = PadToMultiple(STRIDE, name="pad")(x)
        backbone = self.application(include_top=False, weights=None, input_tensor=x)
        self._freeze(backbone, trainable_from)
        return {stride: backbone.get_layer(layer).output for stride, layer in self.features.items()}

    def _freeze(self, backbone: keras.Model, trainable_from: str | None) -> None:
        if trainable_from == "none":
            trainable_from = None
        trained = trainable_from == "all"
        for layer in backbone.layers:
            layer.encoder = self.name
            trained = trained or (trainable_from is not None and layer.name.startswith(trainable_from))
            layer.trainable = trained and not isinstance(layer, keras.layers.BatchNormalization)
        if trainable_from is not None and not trained:
            stages = sorted({layer.name.split("_conv")[0] for layer in backbone.layers if layer.weights})
            raise UsageError(
                f"no layer of {self.name} is called {trainable_from!r}…; "
                f"pass all, none, or the start of one of: {', '.join(stages)}"
            )


def needs_padding(shape) -> bool:
    """Whether an image tensor of this shape may have a height or width that is no multiple of 32."""
    return any(size is None or padded_size(size, STRIDE) != size for size in shape[1:3])


def encoder_layers(model: keras.Model) -> list[keras.Layer]:
    """The layers of a freshly built model that came from an encoder, in the order of the graph."""
    return [layer for layer in model.layers if getattr(layer, "encoder", None)]


ENCODERS: Registry[Encoder] = Registry("encoder", "kseg.encoders")
