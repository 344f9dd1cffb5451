"""What a training run needs around it, and a finished one for tests that only look."""

import keras
import pytest
import tiny_network
from tiny_run import tiny_run

from kseg.training.run import train


@pytest.fixture(scope="module", autouse=True)
def _tiny_network():
    """`tiny_run` trains it; the registry forgets it after the tests of a file."""
    with tiny_network.registered():
        yield


@pytest.fixture
def clean_framework(monkeypatch, tmp_path):
    """A run fills the feature cache and Keras' memory of layers and sets the precision; nothing of it stays."""
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    yield
    assert keras.config.dtype_policy().name == "float32"
    keras.utils.clear_session()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of three epochs, whole; whoever changes it works on a copy."""
    command = ["train.py", "--epochs", "3"]
    return train(tiny_run(tensorboard=True), tmp_path_factory.mktemp("finished") / "run", command=command)
