"""Every run of these tests starts from a clean framework."""

import keras
import pytest


@pytest.fixture(autouse=True)
def _clean_framework_state(monkeypatch, tmp_path):
    """Runs fill the feature cache, which may not leak into the next test; the precision is put back by themselves."""
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    yield
    assert keras.config.dtype_policy().name == "float32"
    keras.utils.clear_session()
