"""Converts torchvision's Mask R-CNN to kseg's layers: pyramid, proposals, boxes and masks on a converted encoder.

Three things differ beside the names. Deltas are (dx, dy, dw, dh) in torchvision and (dy, dx, dh, dw) in kseg. The first
dense layer reads a box channel by channel in torchvision, and position by position in kseg. Files written before 2021
have other names, and normalization without an ε.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import keras
import numpy as np

from kseg.encoders.base import Encoder
from kseg.encoders.convert import Conversion, converted
from kseg.encoders.torch_names import StateDict
from kseg.encoders.weights_file import Weights
from kseg.errors import UsageError
from kseg.wording import listed

SWAPPED = (1, 0, 3, 2)
"""Indices of (dy, dx, dh, dw) in (dx, dy, dw, dh)."""

BOX_SIDE = 7
"""Rows and columns of a box that the first dense layer reads."""

EPSILON_OF_OLD = 0.0
"""ε of batch normalization in files with the old names, as torchvision sets it for them."""

NAMES = {
    **{f"backbone.fpn.inner_blocks.{level - 2}.0": (f"fpn_lateral{level}", "conv") for level in range(2, 6)},
    **{f"backbone.fpn.layer_blocks.{level - 2}.0": (f"fpn_output{level}", "conv") for level in range(2, 6)},
    "rpn.head.conv.0.0": ("rpn_conv", "conv"),
    "rpn.head.cls_logits": ("rpn_logits", "conv"),
    "rpn.head.bbox_pred": ("rpn_deltas", "conv deltas"),
    "roi_heads.box_head.fc6": ("box_fc6", "cells"),
    "roi_heads.box_head.fc7": ("box_fc7", "dense"),
    "roi_heads.box_predictor.cls_score": ("box_class", "dense"),
    "roi_heads.box_predictor.bbox_pred": ("box_delta", "dense deltas"),
    "roi_heads.mask_predictor.conv5_mask": ("mask_upsample", "transposed"),
    "roi_heads.mask_predictor.mask_fcn_logits": ("mask_logits", "conv"),
}
"""Module of torchvision → layer of kseg and kind of weight, without the mask head's numbered convolutions."""

AXES = {"conv": (2, 3, 1, 0), "transposed": (2, 3, 1, 0), "dense": (1, 0)}
"""(O, I, h, w) → (h, w, I, O); transposed convolutions (I, O, h, w) → (h, w, O, I); (O, I) → (I, O)."""

OLD_NAMES = (
    (r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d)", r"\1.0"),
    (r"rpn\.head\.conv", "rpn.head.conv.0.0"),
    (r"roi_heads\.mask_head\.mask_fcn(\d)", lambda found: f"roi_heads.mask_head.{int(found[1]) - 1}.0"),
)
"""Module names before 2021, and the current ones."""


@dataclass(frozen=True)
class DetectorSize:
    """The options of `mask_rcnn` that follow from a file of weights."""

    num_classes: int
    """including background"""
    pyramid_width: int
    box_width: int
    mask_width: int
    mask_convolutions: int


def holds_detector(state: StateDict) -> bool:
    """Whether the file is of a whole detector instead of a classifier or segmenter."""
    return any(name.startswith("roi_heads.") for name in state)


def named_anew(state: StateDict) -> tuple[dict[str, np.ndarray], bool]:
    """The tensors under their current names, and whether any had an old one."""
    renamed = {}
    for name, array in state.items():
        module, _, part = name.rpartition(".")
        for pattern, new in OLD_NAMES:
            if found := re.fullmatch(pattern, module):
                module = new(found) if callable(new) else found.expand(new)
        renamed[f"{module}.{part}"] = array
    return renamed, renamed.keys() != state.keys()


def detector_size(state: StateDict, source: str) -> DetectorSize:
    """The options that `mask_rcnn` needs for this file. Raises: UsageError for a file of another detector."""
    needed = {
        "num_classes": "roi_heads.box_predictor.cls_score", "pyramid_width": "backbone.fpn.layer_blocks.0.0",
        "box_width": "roi_heads.box_head.fc6", "mask_width": "roi_heads.mask_head.0.0",
    }  # fmt: skip
    if lacking := [module for module in needed.values() if f"{module}.weight" not in state]:
        raise UsageError(
            f"{source} is no maskrcnn_resnet50_fpn of torchvision: it lacks {', '.join(lacking)}; pass a file of that "
            "detector (other ones, such as its second version, have other heads)"
        )
    rows = {option: len(state[f"{module}.weight"]) for option, module in needed.items()}
    convolutions = [name for name in state if re.fullmatch(r"roi_heads\.mask_head\.\d+\.0\.weight", name)]
    return DetectorSize(**rows, mask_convolutions=len(convolutions))


def head_weights(state: StateDict, source: str) -> Weights:
    """The arrays of all layers except the encoder's, by layer. Raises UsageError where one is missing or unusable."""
    names = dict(NAMES)
    for number in range(detector_size(state, source).mask_convolutions):
        names[f"roi_heads.mask_head.{number}.0"] = (f"mask_conv{number + 1}", "conv")
    weights: Weights = {}
    for module, (layer, kind) in names.items():
        if lacking := [part for part in ("weight", "bias") if f"{module}.{part}" not in state]:
            raise UsageError(f"{source} lacks {module}.{lacking[0]}; pass a whole state dict")
        parts = {part: state[f"{module}.{part}"] for part in ("weight", "bias")}
        try:
            weights[layer] = _arrays(parts, kind)
        except ValueError as error:
            shape = parts["weight"].shape
            raise UsageError(f"{source} is of another architecture: {module} is {shape} ({error})") from error
    return weights


def converted_detector(
    state: StateDict, model: keras.Model, encoder: Encoder, *, source: str, epsilon: float | None = None
) -> Conversion:
    """The weights of torchvision's `maskrcnn_resnet50_fpn` in a freshly built `mask_rcnn` of `detector_size`.

    Args:
      state: current names and arrays of the file (`named_anew`).
      model: with `aligned_rois` off, as torchvision's weights were trained.
      source: the file's name in the report.
      epsilon: ε of the file's batch normalization; None: PyTorch's.
    Errors: UsageError for a file of another network.
    """
    heads = head_weights(state, source)
    layers = {layer.name: layer for layer in model.layers}
    wrong = [
        f"{name} is {arrays['kernel'].shape}, wanted {tuple(layers[name].kernel.shape)}"
        for name, arrays in heads.items()
        if name not in layers or arrays["kernel"].shape != tuple(layers[name].kernel.shape)
    ]
    if wrong:
        raise UsageError(f"{source} is of another architecture: {listed(wrong, 3)}")
    conversion = converted(state, model, encoder, source=source, epsilon=epsilon)
    for name, arrays in heads.items():
        layers[name].set_weights([arrays["kernel"], arrays["bias"]])
    left = tuple(name for name in conversion.left if not name.startswith(("backbone.", "rpn.", "roi_heads.")))
    report = replace(conversion.report, kept=(*conversion.report.kept, *heads))
    return replace(conversion, weights={**conversion.weights, **heads}, report=report, left=left)


def _arrays(parts: Mapping[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    """Kernel and bias of a Keras layer."""
    kernel, bias = parts["weight"], parts["bias"]
    if kind.endswith("deltas"):
        kernel, bias = (
            array.reshape(-1, 4, *array.shape[1:])[:, SWAPPED].reshape(array.shape) for array in (kernel, bias)
        )
    if kind == "cells":
        cells = kernel.reshape(len(kernel), -1, BOX_SIDE, BOX_SIDE)
        kernel, kind = cells.transpose(0, 2, 3, 1).reshape(len(kernel), -1), "dense"
    return {"kernel": np.ascontiguousarray(kernel.transpose(AXES[kind.split()[0]])), "bias": bias}
