"""The process keeps freed blocks: a second large allocation takes no new pages from the kernel."""

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, resource, sys
from kseg.allocator import keep_freed_memory

if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(3)
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size = 256 * 1024**2


def allocate_and_fill():
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    libc.free(block)


allocate_and_fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
allocate_and_fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode):
    run = subprocess.run([sys.executable, "-c", SCRIPT, mode], capture_output=True, text=True)
    if run.returncode == 3:
        pytest.skip("this system's C library has no mallopt")
    return int(run.stdout)


def test_a_large_block_that_comes_again_costs_no_page_faults():
    kept, returned = page_faults("keep"), page_faults("as it is")
    assert kept < 100 < returned
