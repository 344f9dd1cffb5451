"""Freed memory stays with the process, so that every training step does not ask the kernel for the same pages again."""

import ctypes

# glibc's <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> bool:
    """Let glibc's malloc keep large freed blocks for the next allocation; True where that is possible.

    TensorFlow on a CPU allocates and frees its tensors in every step, and glibc hands each block above 32 MB back to
    the kernel, which clears every page anew: a sixth of a BFCN-32s step in bfloat16 (`benchmarks/train_step.py`). Call
    it before the backend is imported; the `kseg` command does. Memory that a step no longer needs stays counted as the
    process's own. Without glibc nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS and Windows allocate in their own way
        return False
    # One arena, because only the main arena grows without mmap; a threshold of −1 never gives memory back.
    settings = ((_M_ARENA_MAX, 1), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1))
    return all(mallopt(option, value) == 1 for option, value in settings)
