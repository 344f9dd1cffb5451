"""What holds of every layer: saved and loaded, true to the precision policy, the same numbers on any backend."""

import importlib.util
import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
import warm
from layer_cases import CASES, FLOAT32, INT32, inputs, outputs, tensors

import kseg.layers


def test_every_layer_has_a_case():
    classes = {c for _, c in inspect.getmembers(kseg.layers, inspect.isclass) if issubclass(c, keras.layers.Layer)}
    assert {type(make()) for make, _ in CASES.values()} == classes


@pytest.mark.parametrize("name", CASES)
def test_configuration_round_trip(name):
    layer = CASES[name][0](name="it")
    stored = keras.saving.serialize_keras_object(layer)
    assert stored["registered_name"] == f"kseg>{type(layer).__name__}"
    again = keras.saving.deserialize_keras_object(stored)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_saved_models_hold_them_all(tmp_path):
    """One model per layer would be nine files; one with all of them as branches is one."""
    images, leaving = [], []
    for name, (make, _) in CASES.items():
        entering = [keras.Input(array.shape[1:], dtype=array.dtype) for array in keras.tree.flatten(inputs(name))]
        images += entering
        leaving.append(make(name=name)(entering if len(entering) > 1 else entering[0]))
    model = keras.Model(images, leaving)
    model.save(tmp_path / "all.keras")
    again = keras.models.load_model(tmp_path / "all.keras", safe_mode=True)
    arrays = keras.tree.flatten([inputs(name) for name in CASES])
    for name, expected, found in zip(CASES, model(arrays), again(arrays), strict=True):
        for one, same in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
            np.testing.assert_array_equal(one, same, err_msg=name)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(name, policy):
    """Computes in half precision, keeps its weights in float32, and is right to 2⁻⁷ of the largest value."""
    layer = CASES[name][0](dtype=policy)
    y, *others = keras.tree.flatten(layer(tensors(inputs(name))))
    kept = "float32" if name in FLOAT32 else "int32" if name in INT32 else policy.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(y.dtype) == kept
    assert {keras.backend.standardize_dtype(other.dtype) for other in others} <= {"int32", kept}
    assert {w.dtype for w in layer.weights} <= {"float32"}
    full = np.asarray(keras.tree.flatten(CASES[name][0]()(tensors(inputs(name))))[0])
    np.testing.assert_allclose(np.asarray(keras.ops.cast(y, "float32")), full, atol=2**-7 * np.abs(full).max())


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_agree(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = warm.run([Path(__file__).with_name("layer_cases.py"), tmp_path / "outputs.npz"], backend=backend)
    assert done.returncode == 0, done.stderr[-3000:]
    found = np.load(tmp_path / "outputs.npz")
    assert str(found["backend"]) == backend
    for name in CASES:
        for place, expected in enumerate(outputs(name)):
            same = {"rtol": 1e-5, "atol": 1e-5 * np.abs(expected).max()}
            np.testing.assert_allclose(found[f"{name} {place}"], expected, **same, err_msg=name)
