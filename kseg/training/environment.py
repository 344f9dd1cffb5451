"""`env.json`: the package versions, device, commit and weights file of a run."""

import hashlib
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras

from kseg.training.workdir import weights_file

PACKAGES = ("kseg", "keras", "tensorflow", "jax", "torch", "tensorflow-datasets", "numpy", "scipy", "pillow")


def describe_environment(*, command: list[str] | None, weights: str, init: str | None = None) -> dict[str, Any]:
    return {
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": keras.backend.backend(),
        "device": describe_device(),
        "git": _git_state(),
        "weights": describe_weights(weights),
        "init": None if init is None else describe_weights(str(weights_file(init))),
        "command": shlex.join(command or sys.argv),
    }


def describe_device() -> str:
    """The accelerators the backend sees, or the processor."""
    return ", ".join(accelerators()) or f"CPU: {_processor()}"


def accelerators() -> list[str]:
    """The GPUs and TPUs of the backend, under its names."""
    if keras.backend.backend() == "torch":  # `keras.distribution` does not know PyTorch
        import torch

        return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]


def describe_weights(weights: str) -> dict[str, str] | None:
    """Name and SHA-256 of a weights file, because a run can only be repeated from the same file."""
    if weights in ("none", "imagenet"):
        return None if weights == "none" else {"file": "keras.applications imagenet", "sha256": ""}
    digest = hashlib.sha256()
    with open(weights, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"file": Path(weights).name, "sha256": digest.hexdigest()}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    name = names[0].partition(":")[2].strip() if names else platform.machine()
    return f"{name} × {len(names) or 1}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_state() -> dict[str, Any] | None:
    """Commit of the kseg source tree and whether it differs; None for an installed package."""
    source = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(source), *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--", str(source)))}
    except (OSError, subprocess.SubprocessError):
        return None
