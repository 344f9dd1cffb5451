"""Reads state dicts of PyTorch networks: `.pth` with PyTorch, `.safetensors` without it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kseg.encoders.torch_names import StateDict
from kseg.errors import Failure, KsegError, UsageError
from kseg.reading import DAMAGE, open_regular

PICKLED = (".pth", ".pt", ".bin")
WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts store the state dict beside the optimizer."""


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors in a file by name, floats as float32; the prefix "module." of data parallelism is removed.

    A `.pth` file is unpickled with `weights_only=True`, so that it runs no code.
    Errors: UsageError if there is no such file, its suffix is unknown, or the package that reads it is missing; Failure
    if it is damaged.
    """
    path = Path(path)
    readers = {".safetensors": _of_safetensors, **dict.fromkeys(PICKLED, _of_torch)}
    try:
        open_regular(path).close()
    except OSError as error:
        raise UsageError(
            f"weights file {path} cannot be read: {error.strerror}; pass a state dict of PyTorch"
        ) from error
    if path.suffix not in readers:
        raise UsageError(f"weights file {path} is of an unknown kind; wanted {', '.join(readers)}")
    try:
        tensors = readers[path.suffix](path)
    except KsegError:
        raise
    except Exception as error:  # pickle and safetensors raise their own classes
        if not isinstance(error, DAMAGE) and type(error).__name__ not in ("UnpicklingError", "SafetensorError"):
            raise
        reason = str(error).strip().split("\n")[0]
        raise Failure(f"weights file {path} is damaged, or holds more than tensors ({reason}); get it again") from error
    return {name.removeprefix("module."): array for name, array in tensors.items()}


def _of_safetensors(path: Path) -> StateDict:
    try:
        from safetensors.numpy import load_file
    except ImportError:
        raise UsageError(
            f"reading {path} needs the package safetensors: pip install safetensors (kseg's extra `convert`)"
        ) from None
    return {name: _floats(array) for name, array in load_file(path).items()}


def _of_torch(path: Path) -> StateDict:
    try:
        import torch
    except ImportError:
        raise UsageError(
            f"reading {path} needs PyTorch: pip install torch, or save the state dict as .safetensors elsewhere"
        ) from None
    stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    for name in WRAPPERS:
        if isinstance(stored, Mapping) and isinstance(stored.get(name), Mapping):
            stored = stored[name]
    if not isinstance(stored, Mapping) or not any(isinstance(value, torch.Tensor) for value in stored.values()):
        raise UsageError(f"{path} holds no state dict, but a {type(stored).__name__}; save model.state_dict()")
    tensors = {str(name): value for name, value in stored.items() if isinstance(value, torch.Tensor)}
    return {
        name: (tensor.float() if tensor.is_floating_point() else tensor).numpy() for name, tensor in tensors.items()
    }


def _floats(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.kind in "fV" else array
