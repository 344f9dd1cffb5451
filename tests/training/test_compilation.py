"""When training compiles with XLA, and that XLA's loss and metrics are the same."""

import json
import math

import keras
import numpy as np
import pytest
from tiny_run import tiny_run

from kseg.metrics import IoU, PixelAccuracy
from kseg.pipeline.maps import distance_maps
from kseg.tasks.semantic import SemanticLoss
from kseg.training import compilation
from kseg.training.compilation import extent
from kseg.training.run import train
from kseg.training.trained import Objective

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compiles TensorFlow's functions")


@pytest.mark.parametrize(
    ("jit", "epochs", "distribute", "expected"),
    [
        ("auto", 9, "none", "nothing"),  # 9 · 3 · 4 · 1024² = 1.1e8 pixels
        ("auto", 18, "none", "scores"),  # 2.3e8
        ("auto", 18, "mirrored", "nothing"),
        ("on", 1, "none", "step"),
        ("off", 18, "none", "nothing"),
    ],
)
def test_what_is_compiled(monkeypatch, jit, epochs, distribute, expected):
    monkeypatch.setattr(compilation, "accelerators", list)
    config = tiny_run(jit=jit, epochs=epochs, distribute=distribute, image_size=(1024, 1024))
    assert extent(config, steps_per_epoch=3) == expected
    monkeypatch.setattr(compilation, "accelerators", lambda: ["a GPU"])
    assert extent(config, steps_per_epoch=3) == ("nothing" if jit == "off" else "step")


@pytest.mark.parametrize(
    ("spec", "channels"), [("bce + 0.1*boundary", 1), ("ce + lovasz", 3)], ids=["with distances", "three classes"]
)
def test_scores_by_xla_are_the_same(spec, channels):
    """Loss, gradient, parts and metrics of the same predictions; two trainings would drift apart by their rounding."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    labels = rng.integers(0, max(2, channels), (2, 8, 9)).astype("uint8")
    labels[0, :2] = 255
    logits = tf.constant(rng.normal(size=(2, 8, 9, channels)), "float32")
    loss = SemanticLoss(spec, reduction="sum")
    targets = {"label": tf.constant(labels)}
    if "boundary" in spec:
        targets["distance"] = tf.constant(np.stack([distance_maps(label, channels) for label in labels]))

    def computed(by_xla):
        """(loss, gradient, what is logged) of a batch that is seen twice."""
        scores = IoU(max(2, channels), from_logits=True), PixelAccuracy(from_logits=True)
        objective = Objective(loss, scores, loss_by_xla=by_xla, scores_by_xla=by_xla)
        for _ in range(2):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                value = objective.loss(targets, logits)
            objective.score(targets, logits)
        logged = {metric.name: float(metric.result()) for metric in (*objective.scores, *objective.parts)}
        return float(value), tape.gradient(value, logits).numpy(), logged

    (value, gradient, logged), (expected, slope, plain) = computed(by_xla=True), computed(by_xla=False)
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-6)
    assert logged == pytest.approx(plain, rel=1e-5)
    assert len(logged) == 4


def test_a_run_whose_scores_xla_computes_changes_its_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "WORTHWHILE_PIXELS", 0)
    config = tiny_run(loss="ce for 1 epochs, then ce + lovasz", epochs=2, parts=True)
    first, second = map(json.loads, train(config, tmp_path / "run", quiet=True).journal.read_text().splitlines())
    assert second.keys() - first.keys() == {"loss_ce", "loss_lovasz", "val_loss_ce", "val_loss_lovasz"}
    assert second["loss"] == pytest.approx(second["loss_ce"] + second["loss_lovasz"], rel=1e-4)
    assert all(math.isfinite(entry[name]) for entry in (first, second) for name in ("loss", "val_loss", "val_iou"))


@pytest.mark.parametrize(("loss", "by_xla"), [("bce + iou", True), ("bce + cldice", False), ("cldice", False)])
def test_a_loss_that_xla_slows_down_is_left_to_tensorflow(tmp_path, monkeypatch, loss, by_xla):
    programs = []
    monkeypatch.setattr(compilation, "WORTHWHILE_PIXELS", 0)
    monkeypatch.setattr(
        "kseg.training.trained.as_one_program", lambda function: programs.append(function.__name__) or function
    )
    train(tiny_run(loss=loss, epochs=1), tmp_path / "run", quiet=True)
    assert programs == [*(["value_and_parts"] if by_xla else []), "_update_scores"]
