"""Converts weights of torchvision's networks to kseg's layers: axes transposed, scaling of images folded in."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from kseg.encoders.base import Encoder, encoder_layers
from kseg.encoders.torch_layout import SUFFIX, torchvision_name
from kseg.encoders.torch_names import TABLES, Place, StateDict
from kseg.encoders.transplant import NAMED, TransplantReport, transplant
from kseg.encoders.weights_file import Weights
from kseg.errors import UsageError
from kseg.layers.preprocess import MODES
from kseg.wording import listed

EPSILON = 1e-5
"""ε of PyTorch's batch normalization by default."""

EPSILONS = {"mobilenetv3": 1e-3}
"""ε by the beginning of an encoder's name, where it differs."""

FLATTENED = (512, 7, 7)
"""Channels, rows and columns of the feature that VGG's first dense layer reads."""

BACKBONES = ("backbone.body.", "backbone.", "")
"""Prefixes of an encoder's names in torchvision's detectors, segmenters and classifiers."""


@dataclass(frozen=True)
class Conversion:
    """A converted state dict."""

    weights: Weights
    state: StateDict
    """the file's tensors of the encoder, under the names of torchvision's classifier"""
    report: TransplantReport
    """of the layers of kseg's network"""
    left: tuple[str, ...]
    """modules of the file without a counterpart in the network, such as the classifier"""
    epsilon: float = EPSILON
    """ε of the file's batch normalization"""

    def __str__(self) -> str:
        lines = [str(self.report)]
        if self.left:
            lines.append(f"  left in the file: {listed(self.left, NAMED)}")
        return "\n".join(lines)


def converted(
    state: StateDict,
    model: keras.Model,
    encoder: Encoder,
    *,
    source: str,
    convolutionized: Mapping[str, str] | None = None,
    epsilon: float | None = None,
) -> Conversion:
    """The weights of a classifier, DeepLab v3 or FCN of torchvision for the encoder inside a freshly built model.

    Convolutions (O, I, h, w) become (h, w, I, O), dense layers (O, I) become (I, O), and a dense layer on a flattened
    (c, h, w) feature one on (h, w, c). Batch normalization with another ε has its scale multiplied by
    √((σ² + ε_Keras)/(σ² + ε_torch)), which gives the same function. An encoder with another image scaling (VGG: BGR
    minus a mean) gets PyTorch's scaling in its first convolution. Only windows that reach over the image's border,
    where zeros then are another color, give different numbers (by under 1 % of an input's deviation).

    Args:
      state: names and arrays of the file.
      source: the file's name in the report.
      convolutionized: as in `load_encoder_weights`.
      epsilon: ε of the file's batch normalization; None: that of torchvision's classifier.
    Errors: UsageError for an encoder without a counterpart in torchvision, or a file of another network.
    """
    table, prefix = _table(encoder), _prefix(state, encoder)
    inside = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
    if prefix and TABLES["resnet"] is not table:
        # A segmenter's backbone is a MobileNet's `features`, stored without that name.
        inside = {f"features.{name}" if name[:1].isdigit() else name: array for name, array in inside.items()}

    # 1. module by module into kseg's layers
    modules: dict[str, dict[str, np.ndarray]] = {}
    for name, array in inside.items():
        module, _, part = name.rpartition(".")
        modules.setdefault(module, {})[part] = array
    left = [name.rpartition(".")[0] for name in state if not name.startswith(prefix)]
    weights: Weights = {}
    epsilons = {layer.name: getattr(layer, "epsilon", EPSILON) for layer in encoder_layers(model)}
    if epsilon is None:
        epsilon = next((value for name, value in EPSILONS.items() if encoder.name.startswith(name)), EPSILON)
    for module, parts in modules.items():
        place = table(module, inside)
        if place is None or (place.kind == "dense" and prefix):
            left.append(f"{prefix}{module}")
            continue
        new_epsilon = epsilons.get(place.layer, EPSILON)
        weights[place.layer] = arrays_of(place, parts, source, epsilon=epsilon, new_epsilon=new_epsilon)

    # 2. biases that torchvision lacks, and the scaling of images
    for layer in encoder_layers(model):
        if layer.name in weights and getattr(layer, "use_bias", False) and "bias" not in weights[layer.name]:
            weights[layer.name]["bias"] = np.zeros(tuple(layer.bias.shape), np.float32)
    first = next(layer.name for layer in encoder_layers(model) if isinstance(layer, keras.layers.Conv2D))
    if encoder.preprocessing != "torch" and first in weights:
        weights[first] = _rescaled(weights[first], encoder, source)
    report = transplant(model, weights, source=source, convolutionized=convolutionized)
    return Conversion(weights, dict(inside), report, tuple(dict.fromkeys(left)), epsilon)


def _table(encoder: Encoder):
    if torchvision_name(encoder.name) is None:
        other = f"{encoder.name}{SUFFIX}"
        remedy = f"pass --encoder {other}" if torchvision_name(other) else "pass --encoder with another"
        raise UsageError(
            f"torchvision has no network with the windows of {encoder.name}; {remedy}"
            + ("" if torchvision_name(other) else f": {', '.join(sorted(convertible()))}")
        )
    return next(table for name, table in TABLES.items() if encoder.name.startswith(name))


def convertible() -> list[str]:
    """The encoders that a file of torchvision can be converted for."""
    from kseg.encoders.base import ENCODERS

    return [name for name in ENCODERS if torchvision_name(name)]


def _prefix(state: StateDict, encoder: Encoder) -> str:
    prefix = next(prefix for prefix in BACKBONES if any(name.startswith(prefix) for name in state) or not prefix)
    if not any(_table(encoder)(name.removeprefix(prefix).rpartition(".")[0], state) for name in state) and not prefix:
        raise UsageError(
            f"the file holds no {torchvision_name(encoder.name)} of torchvision: its tensors are "
            f"{listed([*state], 3) or 'none'}; pass --encoder with another of {', '.join(convertible())}"
        )
    return prefix


def arrays_of(
    place: Place, parts: Mapping[str, np.ndarray], source: str, *, epsilon: float, new_epsilon: float
) -> dict[str, np.ndarray]:
    """The arrays of a module for a Keras layer, whose batch normalization has `new_epsilon` instead of `epsilon`."""
    axes = {"conv": (2, 3, 1, 0), "depthwise": (2, 3, 0, 1), "dense": (1, 0)}
    if place.kind == "bn":
        if lacking := {"weight", "bias", "running_mean", "running_var"} - parts.keys():
            raise UsageError(f"{source} lacks {', '.join(sorted(lacking))} for {place.layer}; pass a whole state dict")
        variance = parts["running_var"].astype(np.float64)
        scale = np.sqrt((variance + new_epsilon) / (variance + epsilon))
        return {
            "gamma": (parts["weight"] * scale).astype(np.float32),
            "beta": parts["bias"],
            "moving_mean": parts["running_mean"],
            "moving_variance": parts["running_var"],
        }
    kernel = parts.get("weight")
    if kernel is None or kernel.ndim != len(axes[place.kind]):
        shape = "nothing" if kernel is None else str(kernel.shape)
        raise UsageError(
            f"{source} is of another architecture: it has {shape} for {place.layer}; pass the file's --encoder"
        )
    if place.kind == "dense" and kernel.shape[1] == math.prod(FLATTENED):
        kernel = kernel.reshape(len(kernel), *FLATTENED).transpose(0, 2, 3, 1).reshape(len(kernel), -1)
    bias = {"bias": parts["bias"]} if "bias" in parts else {}
    return {"kernel": np.ascontiguousarray(kernel.transpose(axes[place.kind])), **bias}


def _rescaled(arrays: dict[str, np.ndarray], encoder: Encoder, source: str) -> dict[str, np.ndarray]:
    """The first convolution for images scaled as x = (RGB − m)/s, from the one for PyTorch's (RGB − m')/s'.

    (RGB − m')/s' = x·s/s' + (m − m')/s'
    """
    (mean, scale), (torch_mean, torch_scale) = scaling(encoder.preprocessing), scaling("torch")
    kernel = arrays["kernel"].astype(np.float64)
    offset, factor = (mean - torch_mean) / torch_scale, scale / torch_scale
    if "bias" not in arrays:
        raise UsageError(f"{source} cannot be converted for {encoder.name}: its first convolution has no bias")
    bias = arrays["bias"] + np.einsum("hwio,i->o", kernel, offset)
    kernel = kernel * factor[:, None]
    return {
        "kernel": np.ascontiguousarray(kernel[:, :, ::-1] if MODES[encoder.preprocessing][2] else kernel).astype(
            np.float32
        ),
        "bias": bias.astype(np.float32),
    }


def scaling(mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of R, G and B, float64 (3,) each, for a mode of `kseg.layers.Preprocess`."""
    mean, scale, _ = MODES[mode]
    return (np.broadcast_to(np.asarray(mean, np.float64), (3,)), np.broadcast_to(np.asarray(scale, np.float64), (3,)))
