"""The end of a run: the best weights as a model for users, measured on the test split at the images' original size."""

from typing import Any

import keras

from kseg.atomic import write_json
from kseg.datasets import Dataset
from kseg.inference import ModelCard, evaluate, save_model
from kseg.training.callbacks.history import best_entry
from kseg.training.config import TrainConfig
from kseg.training.network import count_trainable, final_network
from kseg.training.workdir import WorkDir


def finish(
    config: TrainConfig,
    workdir: WorkDir,
    network: keras.Model,
    dataset: Dataset,
    entries: list[dict[str, Any]],
    *,
    seconds: float,
) -> None:
    """Write model.keras and results.json; results.json comes last and marks the run as complete."""
    network.load_weights(workdir.best)
    final = final_network(config, network, dataset)
    card = ModelCard(
        classes=dataset.classes,
        palette=dataset.palette,
        image_size=config.model.image_size,
        model=config.model.model,
        loss=config.loss.loss,
        dataset=dataset.name,
    )
    save_model(final, workdir.model, card)
    evaluation = evaluate(final, dataset, "test", image_size=config.model.image_size)
    evaluation.write_csv(workdir.path / "per_image.csv")
    best = best_entry(entries)
    assert best is not None
    write_json(
        workdir.results,
        {
            "model": config.model.model,
            "loss": config.loss.loss,
            "dataset": dataset.name,
            "split": "test",
            "best_epoch": best["epoch"],
            "epochs": entries[-1]["epoch"],
            "train_seconds": round(sum(entry["seconds"] for entry in entries), 1),
            "wall_seconds": round(seconds, 1),
            "parameters": {"trainable": count_trainable(network), "total": network.count_params()},
            "transplant": str(network.transplant_report) if network.transplant_report is not None else None,
            "evaluation": evaluation.to_json(),
        },
    )
