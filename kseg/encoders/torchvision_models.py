"""Imports `torchvision.models`, even next to a build of PyTorch that it was not compiled for."""

import importlib
import sys
from types import ModuleType
from typing import Any

OPERATORS = ("nms", "qnms")
"""Operators without which torchvision cannot be imported; the networks do not call them."""

_declared: list[Any] = []
"""Keeps the declarations for as long as the process runs."""


def torchvision_models() -> ModuleType | None:
    """`torchvision.models`; None where PyTorch or torchvision is not installed, or the two do not work together.

    A torchvision compiled for another build of PyTorch has no operators, but its import needs their names. This
    function then declares them without code: networks can be built and run, but boxes cannot be suppressed.

    >>> models = torchvision_models()
    >>> models is None or hasattr(models, "resnet50")
    True
    """
    try:
        import torch

        try:
            return importlib.import_module("torchvision.models")
        except RuntimeError as error:
            if "torchvision::" not in str(error) or _declared:
                return None
        for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in OPERATORS:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
        return importlib.import_module("torchvision.models")
    except (ImportError, RuntimeError):
        return None
