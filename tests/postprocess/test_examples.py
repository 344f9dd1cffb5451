"""The examples in the docstrings of the room."""

import doctest
import importlib
import pkgutil

import pytest

import kseg.postprocess

MODULES = [module.name for module in pkgutil.iter_modules(kseg.postprocess.__path__, "kseg.postprocess.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    if name.endswith("_compiled"):
        pytest.importorskip("numba", reason="Numba is not installed")
    assert doctest.testmod(importlib.import_module(name)).failed == 0
