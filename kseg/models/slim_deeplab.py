"""Loads TensorFlow's published DeepLab v3 on MobileNetV2, with folded batch normalization, into `deeplabv3`."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kseg.encoders import read_weights
from kseg.encoders.weights_file import Weights
from kseg.errors import UsageError
from kseg.models.building import build
from kseg.models.transfer import start_from

STEM = 32
"""Filters of MobileNetV2's first convolution at depth multiplier 1."""

SCORES = "logits"


def slim_deeplab(
    path: str | Path, *, input_shape: tuple[int | None, int | None, int] = (None, None, 3), **options: Any
) -> keras.Model:
    """`deeplabv3` with the weights of a file that has the layer names of TensorFlow's DeepLab on MobileNetV2.

    Args:
      path: a file with keys such as `expanded_conv_1/depthwise/kernel`, `aspp0/bias`, in which normalization is folded
        into each convolution. Classes, depth multiplier and width of the head follow from the shapes.
      options: of `deeplabv3`, such as `output_stride=8`; the pyramid is image pooling and 1×1, corners are aligned.
    Returns:
      a network for raw images that gives probabilities.
    Errors: UsageError if the file has other layers or shapes.
    """
    stored = read_weights(path)
    if lacking := [name for name in ("Conv", "aspp0", "image_pooling", SCORES) if name not in stored]:
        raise UsageError(f"{path} has no layer {', '.join(lacking)}; wanted TensorFlow's DeepLab v3 on MobileNetV2")
    multiplier = stored["Conv"]["kernel"].shape[-1] / STEM
    model = build(
        "deeplabv3", num_classes=stored[SCORES]["kernel"].shape[-1], input_shape=input_shape, encoder="mobilenetv2",
        depth_multiplier=multiplier, head_width=stored["aspp0"]["kernel"].shape[-1],
        **{"branches": "image", "corners": "aligned", **options},
    )  # fmt: skip
    report = start_from(model, unfolded(stored, model), name=Path(path).name)
    if report.random or report.dropped:
        raise UsageError(
            f"{path} does not fit: layers without weights are {', '.join(report.random) or 'none'}, and weights "
            f"without a layer are {', '.join(report.dropped) or 'none'}; wanted TensorFlow's DeepLab v3 on MobileNetV2"
        )
    return model


def unfolded(stored: Weights, model: keras.Model) -> dict[str, list[np.ndarray]]:
    """The arrays for kseg's layers: kernels for the convolutions, and biases as shifts of the normalization.

    The scale √(1 + ε) cancels the normalization's division at variance 1, so the network equals the folded one.
    """
    arrays_of: dict[str, list[np.ndarray]] = {}
    normalizations = {layer.name: layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)}
    for name, arrays in stored.items():
        kernel, bias = (np.asarray(arrays[part], np.float32) for part in ("kernel", "bias"))
        convolution, normalization = layer_names(name)
        # The scores have no normalization, and a layer without a counterpart is reported under its own name.
        if normalization is None or normalization not in normalizations:
            arrays_of[convolution] = [kernel, bias]
            continue
        epsilon = normalizations[normalization].epsilon
        one = np.ones_like(bias)
        arrays_of[convolution] = [kernel]
        arrays_of[normalization] = [np.sqrt(1 + epsilon) * one, bias, 0 * one, one]
    return arrays_of


def layer_names(name: str) -> tuple[str, str | None]:
    """A layer of TensorFlow's network → kseg's convolution and the normalization after it."""
    if name == SCORES:
        return "score", None
    if name == "Conv":
        return "Conv1", "bn_Conv1"
    if inner := re.fullmatch(r"expanded_conv(?:_(\d+))?/(\w+)", name):
        block = f"block_{inner[1]}" if inner[1] else "expanded_conv"
        return f"{block}_{inner[2]}", f"{block}_{inner[2]}_BN"
    return f"{name}_conv", f"{name}_bn"
