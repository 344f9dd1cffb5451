"""What is compiled when, and that a run whose loss and metrics XLA computes is the same run."""

import json

import keras
import pytest
from tiny_run import tiny_run

from kseg.training import compilation
from kseg.training.compilation import extent
from kseg.training.run import train

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


@pytest.mark.parametrize("loss", ["bce + 0.1*boundary", "ce for 2 epochs, then ce + lovasz"])
def test_scores_by_xla_are_the_same(tmp_path, monkeypatch, loss):
    """Parts of a sum, bands behind the label and a change of the loss included; three classes for the second."""
    options = {"loss": loss, "epochs": 3, "parts": "lovasz" in loss}
    histories = []
    for least in (float("inf"), 0):
        monkeypatch.setattr(compilation, "WORTHWHILE_PIXELS", least)
        workdir = train(tiny_run(**options), tmp_path / f"{least}", quiet=True)
        histories.append([json.loads(line) for line in workdir.journal.read_text().splitlines()])
    for plain, by_xla in zip(*histories, strict=True):
        assert plain.keys() == by_xla.keys() and len(plain) > 6
        for name in plain.keys() - {"seconds"}:
            assert by_xla[name] == pytest.approx(plain[name], rel=1e-3, abs=2e-3), name


@pytest.mark.parametrize(("loss", "by_xla"), [("bce + iou", True), ("bce + cldice", False), ("cldice", False)])
def test_a_loss_that_xla_slows_down_is_left_to_tensorflow(tmp_path, monkeypatch, loss, by_xla):
    made = []
    monkeypatch.setattr(compilation, "WORTHWHILE_PIXELS", 0)
    monkeypatch.setattr("kseg.training.run.CompiledLoss", lambda loss: made.append(loss) or loss)
    train(tiny_run(loss=loss, epochs=1), tmp_path / "run", quiet=True)
    assert bool(made) is by_xla
