"""Loads weights from a file into a model by layer name, and reports what it did."""

import math
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kseg.encoders.base import Encoder, encoder_layers, encoder_named, encoder_of
from kseg.encoders.dilation import steady_names
from kseg.encoders.weights_file import Weights, read_weights
from kseg.errors import Failure, UsageError
from kseg.wording import counted, listed

NAMED = 12
"""Layers that a line of the report names; the others are counted."""

CONNECTION_TIMEOUT = 20.0
"""Seconds without a byte after which a download is given up."""


class Decimated(str):
    """Name of a dense layer on a 7×7 feature whose weights are subsampled for a smaller convolution.

    The convolution takes evenly spaced rows and columns, and every N//n-th of N units (Chen et al. 2015, section 3.1).
    """

    __slots__ = ()

    @staticmethod
    def of(kernel: np.ndarray, shape: Sequence[int]) -> np.ndarray | None:
        """The weights (inputs, units) as a kernel of this shape; None where there are too few weights.

        >>> kernel = np.arange(49.0 * 8).reshape(49, 8)  # one channel, 8 units
        >>> Decimated.of(kernel, (3, 3, 1, 2))[:, 0, 0, 0].tolist()  # rows 0, 3 and 6
        [0.0, 168.0, 336.0]
        >>> Decimated.of(kernel, (3, 3, 1, 2))[0, 0, 0].tolist()  # units 0 and 4
        [0.0, 4.0]
        """
        rows, columns, channels, units = shape
        side = CLASSIFIER_SIDE if max(rows, columns) > 1 else 1
        inputs, outputs = len(kernel) // side**2, kernel.shape[1]
        if channels > inputs or units > outputs or len(kernel) % side**2 or max(rows, columns) > side:
            return None
        at = [np.linspace(0, side - 1, count).round().astype(int) for count in (rows, columns)]
        whole = kernel.reshape(side, side, inputs, outputs)[np.ix_(*at)]
        return whole[:, :, :: inputs // channels, :: outputs // units][:, :, :channels, :units]


CLASSIFIER_SIDE = 7
"""Rows and columns of the feature that VGG's first dense layer reads."""


@dataclass(frozen=True)
class TransplantReport:
    """What was done with the weights of an encoder, as names of layers."""

    source: str
    """file name, or "imagenet" """
    kept: tuple[str, ...]
    """layers that have the file's weights unchanged"""
    reshaped: tuple[str, ...]
    """layers whose weights were reshaped to fit: "fc6 ← fc1" """
    random: tuple[str, ...]
    """layers of the encoder, and of the convolutionized classifier, without weights in the file"""
    dropped: tuple[str, ...]
    """layers of the file that the model does not have"""
    frozen: tuple[str, ...] = ()
    """the layers of `random` that are not trained either"""

    def __str__(self) -> str:
        lines = [f"weights from {self.source}: {counted(len(self.kept), 'layer')} kept"]
        lines += [f"  {title}: {listed(names, NAMED)}" for title, names in (
            ("reshaped", self.reshaped), ("left random", self.random), ("dropped", self.dropped),
        ) if names]  # fmt: skip
        if self.frozen:
            lines.append(
                f"  random and frozen: {listed(self.frozen, NAMED)}; train them with --trainable-from {self.frozen[0]}"
            )
        return "\n".join(lines)


def load_encoder_weights(
    model: keras.Model, weights: str | Path, *, convolutionized: Mapping[str, str] | None = None
) -> TransplantReport:
    """Loads the weights of "imagenet" or of a file into the encoder inside a freshly built model.

    Args:
      convolutionized: layer of the model → dense layer of the classifier whose reshaped weights it takes, if the file
        has them and they fit ("fc6": "fc1").
    Errors: UsageError if no layer of the file fits or one has the wrong shape; Failure if a download or file is broken.
    """
    encoder = _encoder_in(model)
    if str(weights) == "imagenet":
        wanted = {*(convolutionized or {}).values()} & {*encoder.dense_layers}
        stored = download_imagenet(encoder, classifier=bool(wanted))
        return transplant(model, stored, source="imagenet", convolutionized=convolutionized)
    stored = read_weights(weights)
    return transplant(model, stored, source=Path(weights).name, convolutionized=convolutionized or {})


def _encoder_in(model: keras.Model) -> Encoder:
    encoder = encoder_of(encoder_layers(model)[0])
    assert encoder is not None
    return encoder


def download_imagenet(encoder: str | Encoder, *, classifier: bool = False) -> Weights:
    """The ImageNet weights of `keras.applications` for an encoder, optionally with its classifier.

    Errors: Failure if they cannot be downloaded.
    """
    encoder = encoder_named(encoder)
    try:
        network = encoder.application(include_top=classifier, weights="imagenet", input_shape=(224, 224, 3))
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise Failure(
            f"the ImageNet weights of {encoder.name} could not be downloaded ({' '.join(str(error).split())}); "
            "pass --weights PATH or --weights none"
        ) from error
    return {
        layer.name: {str(place): array for place, array in enumerate(layer.get_weights())}
        for layer in network.layers
        if layer.weights
    }


def imagenet_problem(encoder: str) -> str | None:
    """Why the ImageNet weights of an encoder are not available; None if they are, or could be downloaded."""
    timeout = socket.getdefaulttimeout()
    # Without a timeout, a firewall that drops packets would stop the run forever.
    socket.setdefaulttimeout(CONNECTION_TIMEOUT)
    try:
        download_imagenet(encoder)
    except Failure as failure:
        return str(failure)
    finally:
        socket.setdefaulttimeout(timeout)
    return None


def transplant(
    model: keras.Model, stored: Weights, *, source: str, convolutionized: Mapping[str, str] | None = None
) -> TransplantReport:
    """Loads `stored` into the layers of the same names; see `load_encoder_weights`."""
    present = {layer.name for layer in model.layers}
    convolutionized = {name: dense for name, dense in (convolutionized or {}).items() if name in present}
    steady = steady_names(_encoder_in(model).name, stored)
    stored = {steady.get(name, name): arrays for name, arrays in stored.items()}
    layers = {layer.name: layer for layer in _as_stored(encoder_layers(model), stored) if layer.weights}
    # 1. the file's arrays for every layer of the same name
    fitting = {name: matched(layer, stored[name]) for name, layer in layers.items() if name in stored}
    if not any(fitting.values()):
        raise UsageError(
            f"{source} holds no weights for {_encoder_in(model).name}: its layers are "
            f"{listed([*stored], 4) or 'none'}, wanted {listed([*layers], 4)}; "
            "pass a file of this encoder or --weights none"
        )
    fitting = {name: arrays for name, arrays in fitting.items() if arrays}
    wrong = [
        f"{name}/{variable.name} is {array.shape}, wanted {tuple(variable.shape)}"
        for name, arrays in fitting.items()
        for variable, array in zip(layers[name].weights, arrays, strict=True)
        if array.shape != tuple(variable.shape)
    ]
    if wrong:
        raise UsageError(f"{source} is of another architecture: {listed(wrong, 3)}; pass a file that fits, or none")

    # 2. the arrays into the layers, and dense layers into their convolutions
    for name, arrays in fitting.items():
        layers[name].set_weights(arrays)
    reshaped = _convolutionize(model, stored, convolutionized)

    # 3. the report of every layer
    used = {*fitting, *reshaped.values()}
    random = tuple(name for name in (*layers, *convolutionized) if name not in fitting and name not in reshaped)
    return TransplantReport(
        source=source,
        kept=tuple(fitting),
        reshaped=tuple(f"{name} ← {dense}" for name, dense in reshaped.items()),
        random=random,
        dropped=tuple(name for name in stored if name not in used),
        frozen=tuple(name for name in random if not (layers.get(name) or model.get_layer(name)).trainable),
    )


def _as_stored(layers: Sequence[keras.Layer], stored: Weights) -> list[keras.Layer]:
    """The layers as the file stores them: Keras 2 and downloads store nested layers (ConvNeXt) as one layer."""
    parts: list[keras.Layer] = []
    for layer in layers:
        whole = not isinstance(layer, keras.Sequential) or layer.name in stored
        parts += [layer] if whole else layer.layers
    return parts


def matched(layer: keras.Layer, stored: Mapping[str, object]) -> list:
    """The stored arrays in the order of the layer's weights, looked up by name or place; [] if any is missing."""
    arrays = [stored.get(weight.name, stored.get(str(place))) for place, weight in enumerate(layer.weights)]
    return [] if any(array is None for array in arrays) else arrays


def _convolutionize(model: keras.Model, stored: Weights, pairs: Mapping[str, str]) -> dict[str, str]:
    """Loads dense layers on a flattened (h, w, c) feature into h × w convolutions, which have the same weights."""
    done = {}
    for name, dense in pairs.items():
        layer = model.get_layer(name)
        arrays = matched(layer, stored.get(dense, {}))
        if arrays and isinstance(dense, Decimated):
            kernel, bias = (np.asarray(array) for array in arrays)
            thinned = Decimated.of(kernel, layer.weights[0].shape)
            units = layer.weights[0].shape[-1]
            arrays = [] if thinned is None else [thinned, bias[:: len(bias) // units][:units]]
        fits = [array.size == math.prod(weight.shape) for array, weight in zip(arrays, layer.weights, strict=False)]
        if arrays and all(fits):
            layer.set_weights(
                [array.reshape(weight.shape) for array, weight in zip(arrays, layer.weights, strict=True)]
            )
            done[name] = dense
    return done
