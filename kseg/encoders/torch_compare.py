"""How far an encoder with converted weights is from torchvision's network with the file's own."""

import keras
import numpy as np

from kseg.encoders.base import Encoder
from kseg.encoders.convert import Conversion, scaling
from kseg.encoders.torch_layout import torchvision_name
from kseg.encoders.transplant import transplant

SIDE = (64, 96)
"""Rows and columns of the random image that both see."""


def largest_difference(conversion: Conversion, encoder: Encoder) -> float | None:
    """Of the last features of a random image, as a share of the largest; None where torchvision cannot be imported."""
    try:
        import torch
        import torchvision
    except (ImportError, RuntimeError):  # builds of both that do not fit raise RuntimeError
        return None
    # 1. torchvision's network; what it has besides the encoder stays random and is not called
    theirs = torchvision.models.get_model(torchvision_name(encoder.name), weights=None).eval()
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in conversion.state.items()}
    theirs.load_state_dict(
        {name: tensor for name, tensor in tensors.items() if name in theirs.state_dict()}, strict=False
    )
    features = theirs.features if hasattr(theirs, "features") else torch.nn.Sequential(*[*theirs.children()][:-2])

    # 2. the same image through both
    picture = np.random.default_rng(0).uniform(0, 255, (1, *SIDE, 3)).astype(np.float32)
    mean, scale = scaling("torch")
    with torch.no_grad():
        scaled = torch.from_numpy(((picture - mean) / scale).transpose(0, 3, 1, 2).astype(np.float32))
        expected = features(scaled).numpy().transpose(0, 2, 3, 1)
    image = keras.Input((*SIDE, 3))
    ours = keras.Model(image, encoder(image)[32])
    transplant(ours, conversion.weights, source="the converted weights")
    found = keras.ops.convert_to_numpy(ours(keras.ops.convert_to_tensor(picture), training=False))
    return float(np.abs(found - expected).max() / np.abs(expected).max())
