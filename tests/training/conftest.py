"""Surroundings of training runs, and a finished run for tests that only read it."""

import keras
import pytest
import tiny_network
from narrow import tiny_registered
from tiny_run import tiny_run

from kseg.training.run import train


@pytest.fixture(scope="module", autouse=True)
def _tiny_network():
    """`tiny_run` trains it; the registry forgets it after the tests of a file."""
    with tiny_network.registered():
        yield


@pytest.fixture
def tiny_encoder():
    """The name of an encoder of five convolutions, registered for a test."""
    with tiny_registered() as name:
        yield name


@pytest.fixture
def clean_framework(monkeypatch, tmp_path):
    """Resets what a run leaves: the feature cache, Keras' memory of layers and the precision."""
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    yield
    assert keras.config.dtype_policy().name == "float32"
    keras.utils.clear_session(free_memory=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A complete run of three epochs; a test that changes it works on a copy."""
    command = ["train.py", "--epochs", "3"]
    return train(tiny_run(tensorboard=True), tmp_path_factory.mktemp("finished") / "run", command=command)
