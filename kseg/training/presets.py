"""The settings a run trains with unless told otherwise: the architecture's own, which stand beside it.

The names of models, data sets and losses that the package itself chooses stand here and nowhere else.
"""

from collections.abc import Mapping
from typing import Any

from kseg.datasets.opening import DEFAULT_DATASET
from kseg.models import MODELS

DEFAULT_MODEL = "unet"
"""The model of a command that names no model. It needs neither files nor a download."""

RECOMMENDED = "unet_mobilenetv2"
"""The model that `--preset auto` chooses where the weights of its encoder can be had."""

DEFAULT_LOSS = "iou"

SOFTMAX_LOSS = "ce"
"""The loss of two classes with an output each, as in the baseline of Rahman & Wang."""


def preset(model: str, dataset: str, encoder: str | None = None) -> dict[str, Any]:
    """The settings of an architecture, on a data set and an encoder."""
    return defaults(MODELS[model].preset_for(encoder, drawn=dataset == DEFAULT_DATASET))


def defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with values for the options that they leave open."""
    return {"loss": DEFAULT_LOSS, "momentum": 0.0, "l2_decay": 0.0, "layer_rates": (), **settings}


def narrow() -> Mapping[str, Any]:
    """Settings of the default model at a quarter of its paper's width, which two cores train in minutes."""
    from kseg.models.unet import NARROW

    return NARROW
