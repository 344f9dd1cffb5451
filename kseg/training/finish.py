"""The end of a run: the best weights as a model for users, measured on the test split at the label maps' own size."""

import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from kseg.atomic import write_json
from kseg.datasets.opening import drawn_with
from kseg.encoders import TransplantReport
from kseg.inference import ModelCard, evaluate, measure, save_masks, save_model, save_probabilities
from kseg.inference.predict import ORIGINAL, ImageSize, Predictor
from kseg.postprocess import crf_parameters, crf_refiner
from kseg.structures import LabelMap, Structure
from kseg.tasks import Evaluation, Outputs
from kseg.training.checkpoint import load_weights
from kseg.training.config import TrainConfig
from kseg.training.inputs import Inputs
from kseg.training.kept_epoch import best_entry
from kseg.training.network import count_trainable, final_network
from kseg.training.plan import Plan
from kseg.training.workdir import WorkDir


def finish(
    plan: Plan,
    workdir: WorkDir,
    network: keras.Model,
    inputs: Inputs,
    entries: Sequence[dict[str, Any]],
    *,
    seconds: float,
    transplant: TransplantReport | None,
) -> None:
    """Write the files that the run leaves behind; results.json comes last and marks the run as complete.

    Args:
      entries: those of all epochs.
      seconds: duration of the run so far.
      transplant: the report on the weights that the network started from.
    """
    # 1. measure the best weights
    load_weights(workdir.best, network)
    only_measured = plan.config.training.keep == "measurements"
    if only_measured:
        evaluation = measure_as_trained(plan, workdir, network, inputs)
    else:
        evaluation = measure_as_exported(plan, workdir, network)
        evaluation.write_csv(workdir.path / "per_image.csv")
    # 2. measure behind a CRF, and keep probabilities
    refined = measure_behind_crf(plan, workdir, network, inputs) if plan.config.training.test_crf else None
    if count := plan.config.training.test_probabilities:
        ids = [record.id for record in plan.splits[plan.measured][:count]]
        save_probabilities(workdir.probabilities, dict(zip(ids, outputs_of_test(plan, network, inputs), strict=False)))
    # 3. results.json
    best = best_entry(entries, plan.kept_by, plan.task.score)
    assert best is not None
    write_json(
        workdir.results,
        {
            "model": plan.config.model.model,
            "loss": plan.config.loss.loss,
            "dataset": plan.dataset.name,
            "split": evaluation.split,
            "best_epoch": best["epoch"],
            "kept_by": plan.kept_by,
            "epochs": entries[-1]["epoch"],
            "train_seconds": round(sum(entry["seconds"] for entry in entries), 1),
            "wall_seconds": round(seconds, 1),
            "parameters": {"trainable": count_trainable(network), "total": network.count_params()},
            "transplant": str(transplant) if transplant is not None else None,
            "evaluation": evaluation.to_json(),
            **({"refined": refined} if refined else {}),
        },
    )
    if only_measured:
        shutil.rmtree(workdir.checkpoints)


def measure_as_exported(plan: Plan, workdir: WorkDir, network: keras.Model) -> Evaluation:
    """Write model.keras (probabilities, float32) and measure this model."""
    config, dataset = plan.config, plan.dataset
    assert config.loss.loss is not None and config.model.model is not None  # resolved
    final = final_network(config, network, dataset)
    size = test_size(config)
    card = ModelCard(
        classes=dataset.classes,
        palette=dataset.palette,
        image_size=config.model.image_size,
        model=config.model.model,
        loss=config.loss.loss,
        dataset=dataset.name,
        background=dataset.has_background,
        value_range=dataset.value_range,
        input_size="original" if size == ORIGINAL else "trained",
        task=plan.task.name,
        things=dataset.things,
        data=drawn_with(config.data),
    )
    save_model(final, workdir.model, card)
    return evaluate(final, dataset, plan.measured, image_size=size, task=plan.task)


def test_size(config: TrainConfig) -> ImageSize:
    """The size that the network is fed on the test split."""
    return ORIGINAL if config.training.test_input == ORIGINAL else config.model.image_size


def measure_as_trained(plan: Plan, workdir: WorkDir, network: keras.Model, inputs: Inputs) -> Evaluation:
    """Measure the network that `fit` trained, behind its cached features and in its precision; keep the masks."""
    evaluation, masks = _measured_with_masks(plan, outputs_of_test(plan, network, inputs))
    if issubclass(plan.task.structure, LabelMap):  # the lab compares label maps pixel by pixel
        save_masks(workdir.masks, evaluation.ids, masks, num_classes=len(plan.dataset.classes))
    return evaluation


def measure_behind_crf(plan: Plan, workdir: WorkDir, network: keras.Model, inputs: Inputs) -> dict[str, Any]:
    """Measure the same images behind the dense CRF of `--test-crf`, at their own size: its parameters and scores.

    With `--keep measurements` the masks behind the CRF are kept too.
    """
    dataset, task = plan.dataset, plan.task
    parameters = crf_parameters(plan.config.training.test_crf)
    refine = crf_refiner(parameters)
    images = (dataset.image(record) for record in plan.splits[plan.measured])
    if sees_trained(plan, inputs):
        pairs = zip(images, trained_outputs(plan, inputs), strict=True)
        outputs: Iterator[Outputs] = (refine(image, task.resized(one, image.shape[:2])) for image, one in pairs)
    else:
        final = final_network(plan.config, network, dataset)
        outputs = Predictor(final, test_size(plan.config), refiners=(refine,), task=task).outputs(images)
    evaluation, masks = _measured_with_masks(plan, outputs)
    if plan.config.training.keep == "measurements":
        save_masks(workdir.refined_masks, evaluation.ids, masks, num_classes=len(dataset.classes))
    return {"crf": str(parameters), "evaluation": evaluation.to_json()}


def _measured_with_masks(plan: Plan, outputs: Iterator[Outputs]) -> tuple[Evaluation, list[np.ndarray]]:
    """The evaluation, and the label maps that it was counted from; [] for objects."""
    answers: list[Structure] = []
    evaluation = measure(
        outputs, plan.dataset, plan.measured, input_size=test_size(plan.config), progress=False, seen=answers.append,
        task=plan.task,
    )  # fmt: skip
    return evaluation, [answer.ids for answer in answers if isinstance(answer, LabelMap)]


def sees_trained(plan: Plan, inputs: Inputs) -> bool:
    """Whether the network that `fit` trained, behind its cached features, sees the test images.

    Otherwise the whole network is measured, in float32: for images as they are, which have no cached features, and for
    a network that scores only the center of an image in training.
    """
    return (
        plan.config.training.keep == "measurements" and test_size(plan.config) != ORIGINAL and not inputs.margin
    )  # fmt: skip


def outputs_of_test(plan: Plan, network: keras.Model, inputs: Inputs) -> Iterator[Outputs]:
    """The outputs for every test image in order, as the run measures them."""
    if sees_trained(plan, inputs):
        return trained_outputs(plan, inputs)
    images = (plan.dataset.image(record) for record in plan.splits[plan.measured])
    final = final_network(plan.config, network, plan.dataset)
    return Predictor(final, test_size(plan.config), task=plan.task).outputs(images)


def trained_outputs(plan: Plan, inputs: Inputs) -> Iterator[Outputs]:
    """The outputs for every test image, at the network's size."""
    for batch, count in inputs.batches_in_order(plan.dataset, plan.splits[plan.measured]):
        yield from plan.task.of_each_image(plan.task.activated(inputs.trained.predict_on_batch(batch)))[:count]
