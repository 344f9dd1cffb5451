"""Which GPUs this machine shows, and what a worker's environment says so that it takes one of them.

Asked without TensorFlow or JAX, which would take the memory of all of them for the process that only hands out jobs.
"""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"

SHARING = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Where several processes share a GPU, none may take all of its memory at the start."""


def visible_gpus() -> list[str]:
    """Their names for `CUDA_VISIBLE_DEVICES`: those it has already, else all that nvidia-smi knows."""
    if (given := os.environ.get(VISIBLE)) is not None:
        return named(given)
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):  # no such program, or no driver that it finds
        return []
    return re.findall(r"^GPU (\d+):", listed, re.MULTILINE)


def named(given: str) -> list[str]:
    """The entries of `CUDA_VISIBLE_DEVICES` that CUDA sees: those before the first -1."""
    found = []
    for name in given.split(","):
        if name.strip() in ("", "-1"):
            break
        found.append(name.strip())
    return found


def least_used(gpus: Sequence[str], taken: Sequence[str | None]) -> str | None:
    """Whose turn it is, where the workers that live have `taken`; the first of those with the fewest."""
    return min(gpus, key=taken.count, default=None)


def environment(gpu: str | None, *, shared: bool) -> dict[str, str]:
    """What a worker that is to have this GPU finds in its environment; a person's own choice of memory stays."""
    if gpu is None:
        return {}
    growing = {name: value for name, value in SHARING.items() if name not in os.environ} if shared else {}
    return {VISIBLE: gpu, **growing}


@contextlib.contextmanager
def inherited(changes: Mapping[str, str]) -> Iterator[None]:
    """The environment that a process started inside inherits, from before its first import."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
