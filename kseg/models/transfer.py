"""Weights from one build of a network to another: training builds a fixed size, the saved model takes any."""

import keras

from kseg.errors import UsageError


def transfer_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies every weight of `source` to the layer of the same name in `target`, of whatever input size and activation.

    Errors: UsageError naming the layers, if the two do not have the same layers with weights of the same shapes.
    """
    have, want = ({layer.name: layer for layer in model.layers if layer.weights} for model in (source, target))
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
