"""Copies weights between networks: to the saved model, which takes any size, and to the next stage of training."""

import math
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from kseg.encoders import TransplantReport, encoder_of
from kseg.errors import UsageError
from kseg.layers import AuxiliaryScores
from kseg.models.grid import made_by


def transfer_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies every weight of `source` to the layer of the same name in `target`; input size and activation may differ.

    An auxiliary head that only `source` has is not copied.

    Errors: UsageError naming the layers, if the two do not have the same layers with weights of the same shapes.
    """
    have, want = ({layer.name: layer for layer in model.layers if layer.weights} for model in (source, target))
    for name in auxiliary_layers(source) - want.keys():
        have.pop(name, None)
    differing = sorted(have.keys() ^ want.keys()) or [
        name for name in want if [w.shape for w in have[name].weights] != [w.shape for w in want[name].weights]
    ]
    if differing:
        raise UsageError(
            f"{source.name} and {target.name} differ in layers {', '.join(differing[:5])}; "
            "build both with the same name, num_classes and options"
        )
    for name, layer in want.items():
        layer.set_weights(have[name].get_weights())


def auxiliary_layers(network: keras.Model) -> set[str]:
    """The names of every `AuxiliaryScores` and of the layers that only lead to its second input."""
    counted: set[str] = set()
    ties: set[str] = set()
    waiting = list(network.outputs)
    while waiting:
        call = made_by(waiting.pop())
        name = call.operation.name
        if name in counted | ties:
            continue
        tie = isinstance(call.operation, AuxiliaryScores)
        (ties if tie else counted).add(name)
        waiting += call.input_tensors[:1] if tie else call.input_tensors
    return {layer.name for layer in network.layers} - counted if ties else set()


def start_from(
    target: keras.Model, source: keras.Model | Mapping[str, Sequence[np.ndarray]], *, name: str
) -> TransplantReport:
    """Copies the weights of `source`'s layers to the layers of the same names in `target`, where they fit.

    Weights of another shape but the same size are reshaped (a dense layer becomes a convolution). A layer of another
    size, such as the scores of another number of classes, keeps its initial weights.

    Args:
      source: a network, or its layers' weights by name.
      name: name of `source` in the report.
    Returns:
      the layers that were kept, reshaped, left random and dropped. Fixed layers without a counterpart (bilinear
      upsampling) need no weights and are not listed.
    Errors: UsageError if no layer fits.
    """
    # 1. arrays by layer
    if isinstance(source, keras.Model):
        stored: Mapping[str, Sequence] = {layer.name: layer.get_weights() for layer in source.layers if layer.weights}
    else:
        stored = source

    # 2. layer by layer: equal shapes, equal sizes, or left unchanged
    unchanged, reshaped, random = [], [], []
    for layer in (layer for layer in target.layers if layer.weights):
        arrays, shapes = stored.get(layer.name, []), [tuple(weight.shape) for weight in layer.weights]
        if [array.shape for array in arrays] == shapes:
            unchanged.append(layer.name)
        elif [array.size for array in arrays] == [math.prod(shape) for shape in shapes]:
            reshaped.append(layer.name)
        else:
            random += [layer.name] if layer.trainable or encoder_of(layer) else []
            continue
        layer.set_weights([array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)])
    # 3. the report
    if not unchanged and not reshaped:
        raise UsageError(
            f"{name} shares no layer with {target.name}; start from a run of the same encoder and family, "
            "or leave --init out"
        )
    return TransplantReport(
        source=name,
        kept=tuple(unchanged),
        reshaped=tuple(reshaped),
        random=tuple(random),
        dropped=tuple(layer for layer in stored if layer not in {*unchanged, *reshaped}),
        frozen=tuple(layer for layer in random if not target.get_layer(layer).trainable),
    )
