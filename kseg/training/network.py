"""The network of a configuration: as it is trained, and as users get it."""

from typing import Any

import keras
import numpy as np

from kseg.datasets import Dataset
from kseg.inference import load_model
from kseg.models import build, start_from, transfer_weights
from kseg.training.config import TrainConfig
from kseg.training.precision import precision


def training_network(config: TrainConfig, dataset: Dataset) -> keras.Model:
    """Logits at one input size, in the run's precision, with the encoder's weights, or another run's, loaded."""
    assert config.model.image_size is not None  # resolved
    network = _build(
        config, dataset, input_shape=(*config.model.image_size, 3), activation=None, weights=config.model.weights
    )
    if config.model.init is not None:
        network.transplant_report = start_from(network, load_model(config.model.init)[0], name=config.model.init)
    return network


def final_network(config: TrainConfig, trained: keras.Model, dataset: Dataset) -> keras.Model:
    """Probabilities at any input size, in float32, with the trained weights."""
    with precision("float32"):
        final = _build(config, dataset, input_shape=(None, None, 3), activation="auto", weights=None)
    transfer_weights(trained, final)
    return final


def count_trainable(network: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def _build(config: TrainConfig, dataset: Dataset, **arguments: Any) -> keras.Model:
    options: dict[str, Any] = config.model.builder_options
    classes, outputs = len(dataset.classes), config.model.outputs
    return build(config.model.model, num_classes=classes, outputs=outputs, **arguments, **options)
