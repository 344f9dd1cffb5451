"""Maps the tensors of torchvision's networks to layers of `keras.applications`: a function per kind of network."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

StateDict = Mapping[str, np.ndarray]
"""name of a tensor, such as `layer1.0.conv1.weight` → array in PyTorch's order of axes"""


class Place(NamedTuple):
    """The place of a tensor in a network of `keras.applications`."""

    layer: str
    kind: str
    """"conv", "depthwise", "dense" or "bn\""""


def resnet(key: str, state: StateDict) -> Place | None:
    """ResNet-50, 101, 152: `layer1.0.conv1` is `conv2_block1_1_conv`."""
    if key in ("conv1", "bn1"):
        return Place("conv1_conv", "conv") if key == "conv1" else Place("conv1_bn", "bn")
    if not (found := re.fullmatch(r"layer([1-4])\.(\d+)\.(conv|bn|downsample\.)(\d)", key)):
        return None
    stage, block, kind, number = found.groups()
    if kind == "downsample.":
        kind, number = ("conv", "bn")[int(number)], "0"
    return Place(f"conv{int(stage) + 1}_block{int(block) + 1}_{number}_{kind}", kind)


def vgg(key: str, state: StateDict) -> Place | None:
    """VGG-16 and 19: the n-th convolution between two poolings; `classifier.0` and `.3` are fc1 and fc2."""
    if key in ("classifier.0", "classifier.3"):
        return Place("fc1" if key == "classifier.0" else "fc2", "dense")
    if not re.fullmatch(r"features\.\d+", key):
        return None
    # A ReLU follows each convolution, and a pooling follows a block, so the next block's first number is 3 higher.
    block, convolution, last = 1, 0, -2
    numbers = (int(found[1]) for name in state if (found := re.fullmatch(r"features\.(\d+)\.weight", name)))
    for number in sorted(numbers):
        block, convolution = (block + 1, 1) if number == last + 3 else (block, convolution + 1)
        last = number
        if key == f"features.{number}":
            return Place(f"block{block}_conv{convolution}", "conv")
    return None


def mobilenet_v2(key: str, state: StateDict) -> Place | None:
    """MobileNetV2: `features.2.conv.0.0` is `block_1_expand`."""
    if end := re.fullmatch(r"features\.(0|18)\.([01])", key):
        layer = ("Conv1", "bn_Conv1") if end[1] == "0" else ("Conv_1", "Conv_1_bn")
        return Place(layer[int(end[2])], ("conv", "bn")[int(end[2])])
    if not (found := re.fullmatch(r"features\.(\d+)\.conv\.(\d)(?:\.([01]))?", key)):
        return None
    block, place, inner = int(found[1]), int(found[2]), found[3]
    steps = ("depthwise", "project") if block == 1 else ("expand", "depthwise", "project")
    name = "expanded_conv" if block == 1 else f"block_{block - 1}"
    if inner is None:  # the projection and its normalization are not grouped
        step, normalized = "project", place == len(steps)
    else:
        step, normalized = steps[place], inner == "1"
    kind = "bn" if normalized else "depthwise" if step == "depthwise" else "conv"
    return Place(f"{name}_{step}{'_BN' if normalized else ''}", kind)


def mobilenet_v3(key: str, state: StateDict) -> Place | None:
    """MobileNetV3: `features.4.block.2.fc1` is `expanded_conv_3_squeeze_excite_conv`."""
    last = max((int(number[1]) for name in state if (number := re.match(r"features\.(\d+)\.", name))), default=0)
    if end := re.fullmatch(rf"features\.(0|{last})\.([01])", key):
        name = "conv" if end[1] == "0" else "conv_1"
        return Place(name, "conv") if end[2] == "0" else Place(f"{name}_bn", "bn")
    if not (found := re.fullmatch(r"features\.(\d+)\.block\.(\d)\.(0|1|fc1|fc2)", key)):
        return None
    block, place, inner = int(found[1]), int(found[2]), found[3]
    name = "expanded_conv" if block == 1 else f"expanded_conv_{block - 1}"
    if inner in ("fc1", "fc2"):
        return Place(f"{name}_squeeze_excite_conv{'_1' if inner == 'fc2' else ''}", "conv")
    kernel = state.get(f"features.{block}.block.{place}.0.weight")
    if kernel is None:
        return None
    depthwise = kernel.ndim == 4 and kernel.shape[1] == 1 and kernel.shape[2] > 1
    before = state.get(f"features.{block}.block.{place - 1}.0.weight")
    first = place == 0 or (before is None and f"features.{block}.block.{place - 1}.fc1.weight" not in state)
    step = "depthwise" if depthwise else "expand" if first else "project"
    if inner == "1":
        return Place(f"{name}_{step}_bn", "bn")
    return Place(f"{name}_{step}", "depthwise" if depthwise else "conv")


TABLES = {"resnet": resnet, "vgg": vgg, "mobilenetv2": mobilenet_v2, "mobilenetv3": mobilenet_v3}
"""Beginning of an encoder's name → function that maps the tensors of torchvision's network."""
