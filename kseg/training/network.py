"""The network of a configuration: as it is trained, and as users get it."""

from typing import Any

import keras
import numpy as np

from kseg.datasets import Dataset
from kseg.encoders import TransplantReport
from kseg.inference import load_model
from kseg.models import MODELS, build_with_report, start_from, transfer_weights
from kseg.tasks import TASKS, Task
from kseg.training.checkpoint import layer_weights
from kseg.training.config import TrainConfig
from kseg.training.layer_rates import check_layer_rates
from kseg.training.precision import precision
from kseg.training.workdir import weights_file


def task_of(config: TrainConfig) -> Task:
    """The task of the network of a resolved configuration."""
    return TASKS[MODELS[str(config.model.model)].task]


def training_network(config: TrainConfig, dataset: Dataset) -> tuple[keras.Model, TransplantReport | None]:
    """The network that gives logits, in the run's precision, with loaded weights; and the report on these weights.

    It takes images of one size, which is faster, or of any size where it trains on crops and is validated on whole
    images.
    """
    sizes = {config.training_size, config.model.image_size}
    size = (None, None) if len(sizes) > 1 else config.training_size
    network, report = _build(config, dataset, input_shape=(*size, 3), activation=None, weights=config.model.weights)
    if config.model.init is not None:
        report = _start(network, config.model.init)
    check_layer_rates(config.training.layer_rates or (), network)
    return network, report


def _start(network: keras.Model, init: str) -> TransplantReport:
    """Start from a finished run or model, or from the best weights so far of a run that was stopped."""
    file = weights_file(init)
    if file.suffix == ".keras":
        return start_from(network, load_model(file)[0], name=init)
    return start_from(network, layer_weights(file), name=f"{init}, as far as it got")


def final_network(config: TrainConfig, trained: keras.Model, dataset: Dataset) -> keras.Model:
    """Probabilities at any input size, in float32, with the trained weights."""
    applied = MODELS[_name(config)].applied
    with precision("float32"):
        final, _ = _build(config, dataset, input_shape=(None, None, 3), activation="auto", weights=None, **applied)
    transfer_weights(trained, final)
    return final


def unscored_margin(config: TrainConfig, network: keras.Model) -> int:
    """Pixels on each side of a training image without scores; the finished network scores them."""
    if not MODELS[_name(config)].applied:
        return 0
    (_, side, *_), (_, scored, *_) = network.input_shape, network.output_shape
    return 0 if side is None else (side - scored) // 2


def count_trainable(network: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def _build(config: TrainConfig, dataset: Dataset, **arguments: Any) -> tuple[keras.Model, TransplantReport | None]:
    classes, outputs = len(dataset.classes), config.model.outputs
    return build_with_report(
        _name(config),
        num_classes=classes,
        outputs=outputs,
        scales=config.model.scales,
        things=dataset.things if task_of(config).name == "panoptic" else None,
        **{**config.model.given, **arguments},
    )


def _name(config: TrainConfig) -> str:
    assert config.model.model is not None  # resolved
    return config.model.model
