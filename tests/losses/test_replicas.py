"""Every loss under MirroredStrategy: two devices that share a batch take the step that one device takes."""

import json
from pathlib import Path

import numpy as np
import pytest
import warm

from losses.cases import once


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """What `replica_worker.py` found; one process for all losses."""
    target = tmp_path_factory.mktemp("replicas") / "found.json"
    done = warm.run([Path(__file__).with_name("replica_worker.py"), target], timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(target.read_text())


def test_every_loss_takes_the_same_step(steps):
    assert len(steps["alone"]) == len(once()) + 6
    wrong = []
    for label, change in steps["alone"].items():
        if "pooling" in label or "pooled" in label:
            continue
        assert np.abs(change).max() > 1e-6, label
        if not np.allclose(steps["mirrored"][label], change, rtol=1e-4, atol=1e-7):
            wrong.append(label)
    assert not wrong


def test_a_sum_is_the_sum_over_the_global_batch(steps):
    """Four images: the sum's step is four times the mean's, on one device and on two."""
    for where in ("alone", "mirrored"):
        found = steps[where]
        np.testing.assert_allclose(found["ce {} sum"], 4 * np.array(found["ce multi-class"]), rtol=1e-4, atol=1e-6)
        composed = (f"bce + 0.5*iou {how}" for how in ("sum", "sum_over_batch_size"))
        total, mean = (np.array(found[label]) for label in composed)
        np.testing.assert_allclose(total, 4 * mean, rtol=1e-4, atol=1e-6)


def test_a_loss_over_the_batch_is_the_mean_of_the_shares_of_the_devices(steps):
    """Each device pools over its own images; there is one value of each, so nothing to sum."""
    for label in ("iou {'pooling': 'batch'} sum", "iou pooled"):
        expected = np.mean([half[label] for half in steps["halves"]], axis=0)
        np.testing.assert_allclose(steps["mirrored"][label], expected, rtol=1e-4, atol=1e-7)


def test_what_is_logged_is_the_same(steps):
    """The parts of a composed loss, with either reduction."""
    assert {name.split("_")[1] for name in steps["logs"]} == {"bce", "iou"}
    assert steps["mirrored_logs"] == pytest.approx(steps["logs"], rel=1e-5)
