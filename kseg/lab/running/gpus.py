"""The GPUs of this machine, and the environment variables with which a process takes one of them.

The list is read without TensorFlow and JAX. Either would take the memory of every GPU for the process that only hands
out jobs.
"""

import os
import re
import subprocess

VISIBLE = "CUDA_VISIBLE_DEVICES"

SHARING = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Processes that share a GPU must not take all of its memory at their start."""


def visible_gpus() -> list[str]:
    """The names that `CUDA_VISIBLE_DEVICES` holds; where it is unset, all that nvidia-smi lists."""
    if (given := os.environ.get(VISIBLE)) is not None:
        return named(given)
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):  # no such program, or no driver that it finds
        return []
    return re.findall(r"^GPU (\d+):", listed, re.MULTILINE)


def named(given: str) -> list[str]:
    """The entries of `CUDA_VISIBLE_DEVICES` that CUDA sees: those before the first -1."""
    names = []
    for name in given.split(","):
        if name.strip() in ("", "-1"):
            break
        names.append(name.strip())
    return names


def environment(gpu: str | None, *, shared: bool) -> dict[str, str]:
    """The environment variables of a process that gets this GPU.

    Args:
      gpu: its name; None where the machine has no GPU, or where Ray has set it already.
      shared: several processes have the same GPU. Variables of memory that a person has set stay as they are.
    """
    growing = {name: value for name, value in SHARING.items() if name not in os.environ} if shared else {}
    return {**({VISIBLE: gpu} if gpu is not None else {}), **growing}
