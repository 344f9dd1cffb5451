"""A model compiled with any loss, or a sum, comes back from its `.keras` file in a process that imports kseg alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kseg.metrics import METRICS
from kseg.models import build
from losses.cases import CHANNELS, batch, every_case, of_logits

SUM = "0.1234567*ce + dice(smooth=0.5) + 1e-3*cldice(iterations=1)"


def test_every_loss_comes_back_in_a_fresh_process(tmp_path):
    arrays = {}
    for problem in CHANNELS:
        labels, logits = batch(problem)
        arrays |= {f"{problem}_labels": labels, f"{problem}_logits": logits.astype("float32")}
    np.savez(tmp_path / "batch.npz", **arrays)
    cases = {
        f"{name},{problem},{i}": of_logits(name, **options) for i, (name, problem, options) in enumerate(every_case())
    }
    cases |= {f"sum,{problem},0": of_logits(SUM) for problem in CHANNELS}
    cases["iou,binary,whole"] = of_logits("iou")
    expected = {}
    for stem, loss in cases.items():
        model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(1, 1)])
        model.compile("sgd", loss)
        model.save(tmp_path / f"{stem}.keras")
        problem = stem.split(",")[1]
        value = loss(arrays[f"{problem}_labels"], arrays[f"{problem}_logits"])
        expected[stem] = [type(loss).__name__, loss.name, pytest.approx(float(value), rel=1e-6)]
    whole = build("unet", input_shape=(8, 8, 3), base_width=2)  # layers and metrics of kseg besides
    whole.compile("sgd", cases["iou,binary,whole"], metrics=[METRICS[name](2) for name in METRICS])
    whole.save(tmp_path / "iou,binary,whole.keras")

    root = Path(__file__).parents[2]
    worker = [sys.executable, str(Path(__file__).with_name("load_worker.py")), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(worker, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((tmp_path / "values.json").read_text()) == expected
