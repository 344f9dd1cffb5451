"""Every run of these tests starts from a clean framework."""

import keras
import pytest


@pytest.fixture(autouse=True)
def _clean_framework_state(monkeypatch, tmp_path):
    """Runs set the global precision policy and fill the feature cache; neither may leak into the next test."""
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    yield
    keras.config.set_dtype_policy("float32")
    keras.utils.clear_session()
