"""The settings each architecture trains with unless told otherwise: its paper's, where there is one."""

from typing import Any

VAN_BEERS: dict[str, Any] = {
    # Table 2, and eq. 4: "applied to each element in a batch and added".
    "optimizer": "rmsprop",
    "learning_rate": 1e-4,
    "schedule": "constant",
    "batch_size": 100,
    "epochs": 1000,
    "patience": 20,
    "loss_reduction": "sum",
}

AMADI: dict[str, Any] = {
    # The text names Adam and nothing else: the rate is Keras' default, the rest is ours.
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "poly",
    "batch_size": 16,
    "epochs": 30,
    "patience": 20,
    "loss_reduction": "mean",
}

EMBEDDED: dict[str, Any] = {
    # `unet` on synthetic portraits, the default command: a quarter of Amadi's width, so that two cores need minutes.
    **AMADI,
    "base_width": 16,
    "learning_rate": 4e-3,
    "batch_size": 8,
    "epochs": 8,
}

LAPTOP: dict[str, Any] = {
    # Not from a paper: found on LFW (see the README's results for what it reaches).
    "optimizer": "adam",
    "learning_rate": 2e-3,
    "schedule": "poly",
    "batch_size": 16,
    "epochs": 14,
    "patience": 20,
    "loss_reduction": "mean",
}

PRESETS: dict[str, dict[str, Any]] = {
    "bfcn32s": VAN_BEERS,
    "fcresnet": VAN_BEERS,
    # Ten times more, and its 16 M weights settle on "everything is foreground" within the first steps.
    "fcmobilenet": {**LAPTOP, "learning_rate": 1e-4},
    "unet": AMADI,
    "unet_mobilenetv2": LAPTOP,
}


def preset(model: str, dataset: str) -> dict[str, Any]:
    """The settings of an architecture on a data set; one without an entry here takes `LAPTOP`'s."""
    if (model, dataset) == ("unet", "synthetic"):
        return EMBEDDED
    return PRESETS.get(model, LAPTOP)
