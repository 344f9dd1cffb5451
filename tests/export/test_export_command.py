"""`kseg export`: from a .keras file to an export beside it, and its exit codes."""

import keras
import numpy as np
import pytest
from exported_network import Card

from kseg.cli.main import main
from kseg.errors import UsageError
from kseg.export import export_model
from kseg.inference import ModelCard, save_model


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="score")(x)
    path = tmp_path_factory.mktemp("run") / "model.keras"
    card = ModelCard(("background", "face"), ((0, 0, 0), (255, 255, 255)), (32, 32))
    save_model(keras.Model(image, x), path, card)
    return path


def test_export_beside_the_model(model_file, capsys):
    assert main(["export", str(model_file)]) == 0
    assert "largest difference from the Keras model" in capsys.readouterr().out
    assert (model_file.parent / "model_saved_model" / "card.json").exists()
    assert main(["export", str(model_file)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["export", str(model_file), "--overwrite"]) == 0


def test_a_run_directory_is_a_model(model_file, tmp_path):
    from kseg.export.litert import load

    out = tmp_path / "deep" / "face.tflite"
    command = ["export", str(model_file.parent), "--format", "litert", "--out", str(out), "--image-size", "16", "24"]
    assert main([*command, "--any-size"]) == 0
    assert load(out)(np.zeros((1, 16, 24, 3), np.uint8)).shape == (1, 16, 24, 1)


def test_no_model(tmp_path, capsys):
    assert main(["export", str(tmp_path / "absent.keras")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_other_backends_are_told_how(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="KERAS_BACKEND=tensorflow"):
        export_model(None, Card(), tmp_path / "face", "saved_model")
