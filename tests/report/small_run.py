"""A run directory in a second: real files of a real evaluation, of a network that knows little."""

import json
from pathlib import Path

import keras

from kseg.datasets import data_options, open_dataset
from kseg.inference import ModelCard, evaluate, save_model

SIZE = (32, 32)


def small_network(num_classes: int) -> keras.Model:
    """One 3×3 convolution with fixed weights."""
    keras.utils.set_random_seed(3)
    image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(image)
    channels = 1 if num_classes == 2 else num_classes
    x = keras.layers.Conv2D(channels, 3, padding="same", activation="sigmoid" if channels == 1 else "softmax")(x)
    return keras.Model(image, x)


def make_run(path: Path, *, parts: bool = False, epochs: int = 6, measured: bool = True) -> Path:
    """Writes what training writes, on synthetic data; `measured=False`: as if it was stopped before its end."""
    path.mkdir(parents=True)
    options = data_options(dataset="synthetic", parts=parts, limit=14)
    config = {
        "data": {"dataset": "synthetic", "parts": parts, "limit": 14, "classes": [], "data_dir": None},
        "model": {"model": "tiny", "weights": "none", "image_size": list(SIZE)},
        "loss": {"loss": "iou"},
        "training": {"epochs": max(epochs, 1), "learning_rate": 0.001, "clip_norm": None, "tensorboard": False},
    }
    environment = {
        "packages": {"keras": keras.__version__},
        "python": "3.11",
        "platform": "test",
        "device": "CPU",
        "git": {"commit": "0123456789abcdef", "dirty": True},
        "weights": None,
        "command": "train.py --model tiny --loss iou --workdir 'a b'",
    }
    _write(path / "config.json", config)
    _write(path / "env.json", environment)
    entries = [
        {
            "epoch": epoch, "seconds": 1.5, "learning_rate": 1e-3,
            "loss": 1 / epoch, "iou": 1 - 0.9 / epoch, "accuracy": 1 - 0.5 / epoch,
            "val_loss": 1.2 / epoch, "val_iou": 0.8 - 0.01 * (epoch - 4) ** 2, "val_accuracy": 0.9,
        }
        for epoch in range(1, epochs + 1)
    ]  # fmt: skip
    (path / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    if not measured:
        return path
    dataset = open_dataset(options)
    network = small_network(len(dataset.classes))
    card = ModelCard(dataset.classes, dataset.palette, SIZE, "tiny", "iou", "synthetic")
    save_model(network, path / "model.keras", card)
    evaluation = evaluate(network, dataset, "test", image_size=SIZE, progress=False)
    results = {
        "model": "tiny", "loss": "iou", "dataset": "synthetic", "split": "test", "best_epoch": 4, "epochs": epochs,
        "train_seconds": 1.5 * epochs, "parameters": {"trainable": 28, "total": 1234567},
        "transplant": "kept 3, <random> 1", "evaluation": evaluation.to_json(),
    }  # fmt: skip
    _write(path / "results.json", results)
    return path


def _write(path: Path, content) -> None:
    path.write_text(json.dumps(content))
