"""Mask R-CNN on JAX and PyTorch: the same detections and the same loss as on TensorFlow."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import warm
from instance_worker import answers


@pytest.fixture(scope="module")
def expected():
    return answers()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_detections_and_the_same_loss(backend, expected, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = warm.run([Path(__file__).with_name("instance_worker.py"), tmp_path / "answers.npz"], backend=backend)
    assert done.returncode == 0, done.stderr[-3000:]
    found = np.load(tmp_path / "answers.npz")
    assert str(found["backend"]) == backend
    assert expected["detected valid"].any()
    for name, values in expected.items():
        scale = max(1.0, np.abs(values).max())
        np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=1e-3 * scale, err_msg=name)
