"""Learning rates of single layers: `fc8/kernel=10` trains the kernel of fc8 ten times as fast.

    w ← w + update(gradient, factor·lr)

DeepLab's scores start at random behind a trained encoder, and learn 10 times (biases: 20 times) as fast as the encoder;
Caffe's biases learn twice as fast as its kernels. `encoder=0.1` names all layers of the network's encoder.
"""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import keras

from kseg.conventions import SERIALIZATION_PACKAGE
from kseg.encoders import encoder_layers
from kseg.errors import UsageError

Rate = tuple[str, float]
"""A pattern of `LAYER/VARIABLE`, and the factor of the learning rate of the variables that it names."""

ENCODER = "encoder"
"""In place of a pattern: every layer of the encoder."""

HIGHEST = 1e6
"""A larger factor is refused as a typing error."""


def layer_rates(words: Iterable[str], encoder: Iterable[str] = ()) -> tuple[Rate, ...]:
    """`PATTERN=FACTOR` as pairs; a pattern without a slash names all variables of a layer.

    Args:
      encoder: names of the layers that `ENCODER` stands for.
    Raises:
      UsageError: a word that is no such pair, or a factor that is negative or no number.

    >>> layer_rates(["*/bias=2", "fc8=10"])
    (('*/bias', 2.0), ('fc8/*', 10.0))
    """
    rates: list[Rate] = []
    for word in words:
        pattern, equals, value = word.rpartition("=")
        try:
            factor = float(value)
        except ValueError:
            factor = -1.0
        if not equals or not pattern or not 0 <= factor <= HIGHEST:
            raise UsageError(
                f"--layer-rates has {word!r}; wanted LAYER=FACTOR or LAYER/VARIABLE=FACTOR with a factor from 0 to "
                f"{HIGHEST:g}, such as fc8=10 or '*/bias=2'"
            )
        layers = encoder if pattern == ENCODER else [pattern]
        rates.extend((layer if "/" in layer else f"{layer}/*", factor) for layer in layers)
    return tuple(rates)


def without_encoder(words: Iterable[str]) -> tuple[str, ...]:
    """The rates without those of `ENCODER`.

    >>> without_encoder(["encoder=0.1", "fc8=10"])
    ('fc8=10',)
    """
    return tuple(word for word in words if word.rpartition("=")[0] != ENCODER)


def factor_of(path: str, rates: Sequence[Rate]) -> float:
    """The factor of the variable at `path`, "LAYER/VARIABLE": that of the last pattern that fits, else 1."""
    return next((factor for pattern, factor in reversed(rates) if fnmatchcase(path, pattern)), 1.0)


def check_layer_rates(words: Sequence[str], network: keras.Model) -> None:
    """Refuse a pattern that names nothing in a freshly built network. Raises: UsageError with the nearest names."""
    if not encoder_layers(network) and without_encoder(words) != tuple(words):
        raise UsageError(
            f"--layer-rates names the {ENCODER}, and {network.name} has none; name layers, or choose an encoder"
        )
    paths = [variable.path for variable in network.weights]
    for pattern, _ in layer_rates(without_encoder(words)):
        if any(fnmatchcase(path, pattern) for path in paths):
            continue
        layer = pattern.partition("/")[0]
        layers = list(dict.fromkeys(path.partition("/")[0] for path in paths))
        near = difflib.get_close_matches(layer, layers) or layers[-3:]
        raise UsageError(
            f"--layer-rates names {pattern}, and no variable of {network.name} is called that; "
            f"there are for example {', '.join(near)}"
        )


class LayerRates:
    """Mixed into a Keras optimizer: each variable has a learning rate of its own.

    The factor multiplies the learning rate and not the gradient, so that it means the same to Adam as to SGD. It also
    multiplies decoupled weight decay, which is a multiple of the learning rate.

    Args:
      layer_rates: pairs of pattern and factor; the last that fits a variable's path counts, 1 without one.
    """

    weight_decay: Any

    def __init__(self, *args: Any, layer_rates: Sequence[Sequence[Any]] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.layer_rates: list[list[Any]] = [[str(pattern), float(factor)] for pattern, factor in layer_rates]
        self._factors: list[float] = []

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:  # type: ignore[attr-defined]
            rates: list[Rate] = [(str(pattern), float(factor)) for pattern, factor in self.layer_rates]
            self._factors = [factor_of(variable.path, rates) for variable in variables]
        super().build(variables)  # type: ignore[misc]

    def factor(self, variable: Any) -> float:
        """The factor of an optimizer's variable, which may be the backend's own variable."""
        return self._factors[self._get_variable_index(variable)]  # type: ignore[attr-defined]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate * self.factor(variable))  # type: ignore[misc]

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        if not self.weight_decay:
            return
        decay = self.weight_decay
        for factor in sorted(set(self._factors)):
            self.weight_decay = decay * factor
            alike = [variable for variable in variables if self.factor(variable) == factor]
            super()._apply_weight_decay(alike)  # type: ignore[misc]
        self.weight_decay = decay

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer_rates": self.layer_rates}  # type: ignore[misc]


def with_layer_rates(kind: type[keras.optimizers.Optimizer]) -> type[keras.optimizers.Optimizer]:
    """An optimizer's class with `LayerRates` mixed in, which can be saved."""
    mixed = type(f"{kind.__name__}WithLayerRates", (LayerRates, kind), {"__doc__": LayerRates.__doc__})
    return keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE)(mixed)
