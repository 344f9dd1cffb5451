"""The end of a run: the best weights as a model for users, measured on the test split at the label maps' own size."""

import shutil
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kseg.atomic import write_json
from kseg.datasets import Dataset
from kseg.encoders import TransplantReport
from kseg.inference import ModelCard, evaluate, measure, save_masks, save_model
from kseg.inference.predict import ORIGINAL, ImageSize, predict_probabilities
from kseg.structures import LabelMap, Structure
from kseg.tasks import Evaluation, Task
from kseg.training.checkpoint import load_weights
from kseg.training.config import TrainConfig
from kseg.training.inputs import Inputs
from kseg.training.kept_epoch import Rule, best_entry
from kseg.training.network import count_trainable, final_network, task_of
from kseg.training.workdir import WorkDir


def finish(
    config: TrainConfig,
    workdir: WorkDir,
    network: keras.Model,
    inputs: Inputs,
    dataset: Dataset,
    entries: list[dict[str, Any]],
    *,
    kept_by: Rule,
    seconds: float,
    report: TransplantReport | None,
) -> None:
    """Write what the run is to leave behind; results.json comes last and marks the run as complete."""
    load_weights(workdir.best, network)
    if config.training.keep == "measurements":
        evaluation = measure_as_trained(config, workdir, network, inputs, dataset)
    else:
        evaluation = measure_as_exported(config, workdir, network, dataset)
        evaluation.write_csv(workdir.path / "per_image.csv")
    best = best_entry(entries, kept_by)
    assert best is not None
    write_json(
        workdir.results,
        {
            "model": config.model.model,
            "loss": config.loss.loss,
            "dataset": dataset.name,
            "split": evaluation.split,
            "best_epoch": best["epoch"],
            "kept_by": kept_by,
            "epochs": entries[-1]["epoch"],
            "train_seconds": round(sum(entry["seconds"] for entry in entries), 1),
            "wall_seconds": round(seconds, 1),
            "parameters": {"trainable": count_trainable(network), "total": network.count_params()},
            "transplant": str(report) if report is not None else None,
            "evaluation": evaluation.to_json(),
        },
    )
    if config.training.keep == "measurements":
        shutil.rmtree(workdir.checkpoints)


def measure_as_exported(config: TrainConfig, workdir: WorkDir, network: keras.Model, dataset: Dataset) -> Evaluation:
    """Write model.keras (probabilities, float32) and measure just that."""
    assert config.loss.loss is not None and config.model.model is not None  # resolved
    final = final_network(config, network, dataset)
    card = ModelCard(
        classes=dataset.classes,
        palette=dataset.palette,
        image_size=config.model.image_size,
        model=config.model.model,
        loss=config.loss.loss,
        dataset=dataset.name,
        background=dataset.has_background,
        value_range=dataset.value_range,
        input_size="original" if test_size(config) == ORIGINAL else "trained",
    )
    save_model(final, workdir.model, card)
    return evaluate(final, dataset, measured_split(dataset), image_size=test_size(config), task=task_of(config))


def measured_split(dataset: Dataset) -> str:
    """The split that the end of a run measures: test, or validation where there is no test split."""
    return "test" if dataset.all_records("test") else "validation"


def test_size(config: TrainConfig) -> ImageSize:
    """What the network is fed on the test split."""
    return ORIGINAL if config.training.test_input == ORIGINAL else config.model.image_size


def measure_as_trained(
    config: TrainConfig, workdir: WorkDir, network: keras.Model, inputs: Inputs, dataset: Dataset
) -> Evaluation:
    """Measure the network that `fit` trained, behind its cached features and in its precision; keep the masks.

    Images as they are have no cached features: there the whole network is measured, in float32.
    """
    size, task = test_size(config), task_of(config)
    if size == ORIGINAL:
        images = (dataset.image(record) for record in dataset.records(measured_split(dataset)))
        predictions = predict_probabilities(final_network(config, network, dataset), images, size)
    else:
        predictions = trained_outputs(task, inputs, dataset)
    answers: list[Structure] = []
    evaluation = measure(
        predictions, dataset, measured_split(dataset), input_size=size, progress=False, seen=answers.append, task=task
    )
    masks = [answer.ids for answer in answers if isinstance(answer, LabelMap)]
    save_masks(workdir.masks, evaluation.ids, masks, num_classes=len(dataset.classes))
    return evaluation


def trained_outputs(task: Task, inputs: Inputs, dataset: Dataset) -> Iterator[np.ndarray]:
    """float32 (h, w, C) of every test image, at the network's size."""
    for batch, count in inputs.batches_in_order(dataset, dataset.records(measured_split(dataset))):
        yield from task.activated(inputs.trained.predict_on_batch(batch)[:count])
