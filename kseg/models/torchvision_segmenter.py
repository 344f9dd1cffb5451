"""Loads state dicts of torchvision's DeepLab v3 and FCN, including head and scores, into kseg's networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kseg.encoders import ENCODERS, TransplantReport
from kseg.encoders.convert import EPSILON, arrays_of, converted
from kseg.encoders.torch_names import Place, StateDict
from kseg.errors import UsageError
from kseg.models.building import build
from kseg.models.transfer import start_from

DEEPLAB = {
    "classifier.0.convs.0.0": Place("aspp0_conv", "conv"), "classifier.0.convs.0.1": Place("aspp0_bn", "bn"),
    "classifier.0.convs.1.0": Place("aspp1_conv", "conv"), "classifier.0.convs.1.1": Place("aspp1_bn", "bn"),
    "classifier.0.convs.2.0": Place("aspp2_conv", "conv"), "classifier.0.convs.2.1": Place("aspp2_bn", "bn"),
    "classifier.0.convs.3.0": Place("aspp3_conv", "conv"), "classifier.0.convs.3.1": Place("aspp3_bn", "bn"),
    "classifier.0.convs.4.1": Place("image_pooling_conv", "conv"),
    "classifier.0.convs.4.2": Place("image_pooling_bn", "bn"),
    "classifier.0.project.0": Place("concat_projection_conv", "conv"),
    "classifier.0.project.1": Place("concat_projection_bn", "bn"),
    "classifier.1": Place("head_conv", "conv"), "classifier.2": Place("head_bn", "bn"),
    "classifier.4": Place("score", "conv"),
}  # fmt: skip
"""module of torchvision's DeepLab v3 → layer of `deeplabv3` with torchvision's head"""

FCN = {
    "classifier.0": Place("fcn_conv", "conv"), "classifier.1": Place("fcn_bn", "bn"),
    "classifier.4": Place("score", "conv"),
}  # fmt: skip

AUXILIARY = {
    "aux_classifier.0": Place("aux_conv", "conv"), "aux_classifier.1": Place("aux_bn", "bn"),
    "aux_classifier.4": Place("aux_score", "conv"),
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """The one of torchvision's segmentation networks that a state dict belongs to."""

    name: str
    """function of `torchvision.models.segmentation`"""
    model: str
    """kseg's architecture"""
    options: Mapping[str, Any]
    """of the architecture"""
    channels: int
    """scores per pixel"""

    @property
    def flags(self) -> str:
        """The flags with which `kseg train` builds the same network."""
        options = {"model": self.model, **self.options}
        return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())


def kind_of(state: StateDict, *, source: str) -> Kind:
    """The kind of a state dict. Raises UsageError where it is neither a DeepLab v3 nor an FCN of torchvision."""
    deeplab = "classifier.0.convs.0.0.weight" in state
    score = state.get("classifier.4.weight")
    if score is None or not any(name.startswith("backbone.") for name in state):
        raise UsageError(
            f"{source} holds no DeepLab v3 or FCN of torchvision, whose last layer is classifier.4; to write only an "
            "encoder's weights, pass an --out that ends in .npz"
        )
    mobile = "backbone.0.0.weight" in state
    depth = 101 if any(name.startswith("backbone.layer3.22.") for name in state) else 50
    encoder = "mobilenetv3large_torch" if mobile else f"resnet{depth}_torch"
    backbone = "mobilenet_v3_large" if mobile else f"resnet{depth}"
    if not deeplab:
        options: dict[str, Any] = {"encoder": encoder, "output_stride": 8}
    elif mobile:
        options = {"encoder": encoder, "output_stride": 16, "head": "torchvision"}
    else:
        options = {"encoder": encoder, "output_stride": 8, "multi_grid": "off", "head": "torchvision"}
    name, model = ("deeplabv3", "deeplabv3") if deeplab else ("fcn", "fcn_dilated")
    return Kind(f"{name}_{backbone}", model, options, int(score.shape[0]))


def torchvision_segmenter(
    state: StateDict,
    *,
    source: str,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    activation: str | None = "auto",
    auxiliary: float = 0.0,
) -> tuple[keras.Model, TransplantReport]:
    """`deeplabv3` or `fcn_dilated` with the weights of a state dict, and the report of loading them.

    The scores equal torchvision's on images whose sides are multiples of 32. kseg pads other images, and image pooling
    sees the padding.

    Args:
      state: names and arrays of the file (`kseg.encoders.torch_file.read_state_dict`).
      source: the file's name in the report and in errors.
      auxiliary: weight of the auxiliary head in training; 0 leaves its weights out.
    Errors: UsageError for a file of another network, or one that lacks a layer.
    """
    kind = kind_of(state, source=source)
    model = build(
        kind.model, num_classes=max(2, kind.channels), outputs=kind.channels, input_shape=input_shape,
        activation=activation, auxiliary=auxiliary, **kind.options,
    )  # fmt: skip
    # 1. the encoder
    encoder = ENCODERS[kind.options["encoder"]]
    inside = converted(state, model, encoder, source=source)

    # 2. the head, by the names of its modules
    places = {**(DEEPLAB if kind.model == "deeplabv3" else FCN), **(AUXILIARY if auxiliary else {})}
    stored = {layer: list(arrays.values()) for layer, arrays in inside.weights.items()}
    for module, place in places.items():
        parts = {name.rpartition(".")[2]: array for name, array in state.items() if name.rpartition(".")[0] == module}
        epsilon = getattr(model.get_layer(place.layer), "epsilon", EPSILON)
        arrays = arrays_of(place, parts, source, epsilon=EPSILON, new_epsilon=epsilon)
        if place.layer == "concat_projection_conv":
            arrays["kernel"] = pooling_first(arrays["kernel"])
        stored[place.layer] = list(arrays.values())

    # 3. all weights into the network
    report = start_from(model, stored, name=source)
    if report.random or report.reshaped:
        raise UsageError(
            f"{source} does not fit {kind.name}: it has no weights, or other shapes, for "
            f"{', '.join((*report.random, *report.reshaped))}; pass a whole state dict"
        )
    return model, report


def pooling_first(kernel: np.ndarray) -> np.ndarray:
    """Reorders five groups of input channels: torchvision concatenates image pooling last, kseg first.

    >>> pooling_first(np.arange(5.0).reshape(1, 1, 5, 1)).ravel().tolist()
    [4.0, 0.0, 1.0, 2.0, 3.0]
    """
    return np.roll(kernel, kernel.shape[2] // 5, axis=2)
