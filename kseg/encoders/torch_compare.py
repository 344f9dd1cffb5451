"""How far an encoder or a network with converted weights is from torchvision's network with the file's own."""

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
"""Rows and columns of the random image that both see."""


def largest_difference(conversion: Conversion, encoder: Encoder) -> float | None:
    """Of the last features of a random image, as a share of the largest; None where torchvision cannot be imported."""
    models = torchvision_models()
    if models is None:
        return None
    import torch

    # torchvision's network; what it has besides the encoder stays random and is not called
    theirs = models.get_model(torchvision_name(encoder.name), weights=None).eval()
    theirs.load_state_dict(_tensors(conversion.state, theirs), strict=False)
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = conversion.epsilon
    features = theirs.features if hasattr(theirs, "features") else torch.nn.Sequential(*[*theirs.children()][:-2])

    image = keras.Input((*SIDE, 3))
    ours = keras.Model(image, encoder(image)[32])
    transplant(ours, conversion.weights, source="the converted weights")
    return _apart(ours, features)


def largest_score_difference(model: keras.Model, state: StateDict, network: str) -> float | None:
    """Of the logits of a random image, as a share of the largest; None where torchvision cannot be imported.

    Args:
      model: a network for images of `SIDE` that gives logits.
      state: names and arrays of a state dict.
      network: of `torchvision.models.segmentation`, that the state is of.
    """
    models = torchvision_models()
    if models is None:
        return None
    scores = state["classifier.4.weight"].shape[0]
    build = getattr(models.segmentation, network)
    theirs = build(weights=None, weights_backbone=None, num_classes=scores, aux_loss=None).eval()
    theirs.load_state_dict(_tensors(state, theirs))
    return _apart(model, lambda images: theirs(images)["out"])


def _tensors(state: StateDict, theirs) -> dict[str, Any]:
    """Those that the network of torchvision has a place for."""
    import torch

    wanted = theirs.state_dict()
    return {name: torch.from_numpy(np.array(array)) for name, array in state.items() if name in wanted}


def _apart(ours: keras.Model, theirs: Callable[..., Any]) -> float:
    """How far the two are on the same image in 0..255."""
    import torch

    picture = np.random.default_rng(0).uniform(0, 255, (1, *SIDE, 3)).astype(np.float32)
    mean, scale = scaling("torch")
    with torch.no_grad():
        scaled = torch.from_numpy(((picture - mean) / scale).transpose(0, 3, 1, 2).astype(np.float32))
        expected = theirs(scaled).numpy().transpose(0, 2, 3, 1)
    found = keras.ops.convert_to_numpy(ours(keras.ops.convert_to_tensor(picture), training=False))
    return float(np.abs(found - expected).max() / np.abs(expected).max())
