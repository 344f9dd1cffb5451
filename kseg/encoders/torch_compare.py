"""Compares an encoder or network with converted weights to torchvision's network with the original ones."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kseg.encoders.base import Encoder
from kseg.encoders.convert import Conversion, scaling
from kseg.encoders.torch_layout import torchvision_name
from kseg.encoders.torch_names import StateDict
from kseg.encoders.torchvision_models import torchvision_models
from kseg.encoders.transplant import transplant

SIDE = (64, 96)
"""Rows and columns of the random test image."""


def largest_difference(conversion: Conversion, encoder: Encoder) -> float | None:
    """Largest difference of the last features on a random image, relative to the largest feature.

    None where torchvision cannot be imported.
    """
    models = torchvision_models()
    if models is None:
        return None
    import torch

    # torchvision's network; its classifier stays random and is not called
    classifier = models.get_model(torchvision_name(encoder.name), weights=None).eval()
    classifier.load_state_dict(_tensors(conversion.state, classifier), strict=False)
    for module in classifier.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = conversion.epsilon
    if hasattr(classifier, "features"):
        features = classifier.features
    else:
        features = torch.nn.Sequential(*[*classifier.children()][:-2])

    image = keras.Input((*SIDE, 3))
    converted = keras.Model(image, encoder(image)[32])
    transplant(converted, conversion.weights, source="the converted weights")
    return _relative_difference(converted, features)


def largest_score_difference(model: keras.Model, state: StateDict, network: str) -> float | None:
    """Largest difference of the logits on a random image, relative to the largest logit.

    None where torchvision cannot be imported.

    Args:
      model: a network for images of `SIDE` that gives logits.
      state: names and arrays of a state dict.
      network: name in `torchvision.models.segmentation` of the state dict's network.
    """
    models = torchvision_models()
    if models is None:
        return None
    scores = state["classifier.4.weight"].shape[0]
    build = getattr(models.segmentation, network)
    segmenter = build(weights=None, weights_backbone=None, num_classes=scores, aux_loss=None).eval()
    segmenter.load_state_dict(_tensors(state, segmenter))
    return _relative_difference(model, lambda images: segmenter(images)["out"])


def _tensors(state: StateDict, network) -> dict[str, Any]:
    """The tensors that torchvision's network has a place for."""
    import torch

    wanted = network.state_dict()
    return {name: torch.from_numpy(np.array(array)) for name, array in state.items() if name in wanted}


def _relative_difference(model: keras.Model, reference: Callable[..., Any]) -> float:
    """Largest difference of the outputs on the same image in 0..255, relative to the largest output."""
    import torch

    picture = np.random.default_rng(0).uniform(0, 255, (1, *SIDE, 3)).astype(np.float32)
    mean, scale = scaling("torch")
    with torch.no_grad():
        scaled = torch.from_numpy(((picture - mean) / scale).transpose(0, 3, 1, 2).astype(np.float32))
        expected = reference(scaled).numpy().transpose(0, 2, 3, 1)
    actual = keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(picture), training=False))
    return float(np.abs(actual - expected).max() / np.abs(expected).max())
