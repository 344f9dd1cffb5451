"""Networks on JAX and PyTorch: built, fitted on arrays, and the same numbers as on TensorFlow with the same weights."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
import warm
from model_worker import NETWORKS, set_numbers
from narrow import light

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 21, 34, 3)).astype("float32")


@pytest.fixture(scope="module")
def expected():
    answers = {}
    for name in NETWORKS["torch"]:
        model = light(name, activation=None)
        set_numbers(model)
        answers[name] = keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(IMAGES), training=False))
    return answers


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_same_forward_output_and_a_fit_on_arrays(backend, expected, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    np.savez(tmp_path / "images.npz", images=IMAGES)
    program = Path(__file__).with_name("model_worker.py")
    done = warm.run([program, tmp_path / "images.npz", tmp_path / "answers.npz"], backend=backend)
    assert done.returncode == 0, done.stderr[-3000:]
    found = np.load(tmp_path / "answers.npz")
    assert str(found["backend"]) == backend
    for name in NETWORKS[backend]:
        assert expected[name].std() > 0
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-4 * scale, err_msg=name)
    assert np.isfinite(found["losses"]).all() and len(found["losses"]) == 2
