"""TensorFlow, JAX and PyTorch give the same values and gradients; one process per backend computes all losses."""

import importlib.util
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import warm

from losses.backend_worker import values_and_gradients
from losses.cases import batch, case_id, every_case, of_logits, once

CASES = {"jax": once(), "torch": every_case(every_option=True)}  # JAX compiles them all, which takes its time


def write_inputs(path, cases):
    arrays = {}
    for problem in ("binary", "multi-class"):
        labels, logits = batch(problem, seed=5)
        arrays |= {f"{problem}_labels": labels, f"{problem}_logits": logits.astype("float32")}
    np.savez(path, cases=json.dumps(cases), **arrays)
    return path


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_agree(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if backend == keras.backend.backend():
        pytest.skip(f"{backend} is the backend of this process")
    cases = CASES[backend]
    inputs, target = write_inputs(tmp_path / "inputs.npz", cases), tmp_path / "outputs.npz"
    # XLA as it is by default: by the quick flags of `warm` one gradient, that of clDice, is another by 1.4e-3.
    flags = {"XLA_FLAGS": os.environ.get("XLA_FLAGS", "")}
    done = warm.run([Path(__file__).with_name("backend_worker.py"), inputs, target], backend=backend, **flags)
    assert done.returncode == 0, done.stderr[-3000:]

    data, found = np.load(inputs), np.load(target)
    losses = [of_logits(name, reduction="sum", **options) for name, _, options in cases]
    here = values_and_gradients(
        losses,
        [data[f"{problem}_labels"] for _, problem, _ in cases],
        [data[f"{problem}_logits"] for _, problem, _ in cases],
    )
    wrong = []
    for i, (case, (value, gradient)) in enumerate(zip(cases, here, strict=True)):
        there = found[f"gradient{i}"]
        scale = max(1.0, np.abs(there).max())
        if not np.isclose(float(value), found["values"][i], rtol=1e-5, atol=1e-5):
            wrong.append(f"{list(map(case_id, case))}: value {float(value)} and {found['values'][i]}")
        elif not np.allclose(np.asarray(gradient), there, rtol=1e-4, atol=1e-5 * scale):
            wrong.append(
                f"{list(map(case_id, case))}: gradients differ by {np.abs(np.asarray(gradient) - there).max()}"
            )
    assert not wrong, "\n".join(wrong)
