"""A run that starts from another run, and a binary set with two softmax outputs, from flags to report."""

import hashlib
import json

import numpy as np
import pytest
from tiny_run import tiny_run

from kseg.errors import UsageError
from kseg.inference import load_model
from kseg.report import write_report
from kseg.tasks.semantic import predicted_classes
from kseg.training.plan import default_path
from kseg.training.run import train


def test_a_second_stage_with_a_softmax_starts_from_the_first_with_a_sigmoid(tmp_path):
    first = train(tiny_run(epochs=1), tmp_path / "first")
    second = train(
        tiny_run(epochs=1, init=str(first.path), outputs=2, loss="ce", learning_rate=0.0), tmp_path / "second"
    )

    results = json.loads(second.results.read_text())
    lines = results["transplant"].splitlines()
    assert lines[0] == f"weights from {first.path}: 3 layers kept"  # two convolutions, a normalization
    assert lines[1].strip() == "left random: classifier" and lines[2].strip() == "dropped: classifier"
    environment = json.loads(second.environment.read_text())
    assert environment["init"]["sha256"] == hashlib.sha256(first.model.read_bytes()).hexdigest()

    (before, _), (after, card) = load_model(first.path), load_model(second.path)
    for layer in before.layers:
        if layer.weights and layer.name.endswith("_conv"):  # a rate of 0 leaves them as they came
            for old, new in zip(layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(old, new)
    assert card.classes == ("background", "face+hair")
    probabilities = after.predict(np.zeros((1, 33, 40, 3), "uint8"), verbose=0)
    assert probabilities.shape == (1, 33, 40, 2)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)

    evaluation = results["evaluation"]
    assert np.sum(evaluation["histogram"]) == np.sum(evaluation["confusion_matrix"]) == 4 * 32 * 32
    write_report(second.path)
    assert "calibration" in second.report.read_text().lower()


def test_a_threshold_applies_to_two_outputs_as_to_one():
    foreground = np.array([[0.2, 0.4, 0.7]], "float32")
    for probabilities in (foreground[..., None], np.stack([1 - foreground, foreground], axis=-1)):
        assert predicted_classes(probabilities).tolist() == [[0, 0, 1]]
        assert predicted_classes(probabilities, threshold=0.3).tolist() == [[0, 1, 1]]


def test_what_cannot_be_started_from(tmp_path):
    with pytest.raises(UsageError, match="does not exist; pass a .keras file or a run directory"):
        train(tiny_run(init=str(tmp_path / "nowhere")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_outputs_must_fit_the_classes(tmp_path):
    with pytest.raises(UsageError, match="outputs is 3 for 2 classes; wanted 1 or 2"):
        train(tiny_run(outputs=3), tmp_path / "run")
    with pytest.raises(UsageError, match="bce got 2 channels, but takes one sigmoid channel; use ce"):
        train(tiny_run(outputs=2, loss="bce"), tmp_path / "bce")


def test_the_encoder_is_in_the_name_of_a_run():
    config = tiny_run(model="fcn8s", encoder="mobilenetv2")
    assert str(default_path(config)) == "runs/fcn8s-mobilenetv2-iou-synthetic-hair"
