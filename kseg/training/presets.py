"""The settings each architecture trains with unless told otherwise: its paper's, where there is one."""

from typing import Any

VAN_BEERS: dict[str, Any] = {
    # Table 2, and eq. 4: "applied to each element in a batch and added".
    # Keras 3's RMSprop divides by √(v + ε), that of 2019 by √v + 1e-7: with Keras 3's own ε of 1e-7 a weight whose
    # gradient is below 3e-4 hardly moves. √(v + 1e-14) is the old divisor to within 1 % where √v is above 1e-5, and at
    # most 30 % below it (at √v = 1e-7).
    "optimizer": "rmsprop",
    "epsilon": 1e-14,
    "learning_rate": 1e-4,
    "schedule": "constant",
    "batch_size": 100,
    "epochs": 1000,
    "patience": 20,
    "loss_reduction": "sum",
}

RAHMAN_WANG: dict[str, Any] = {
    # Section 4.1: SGD in mini-batches that hold a positive image, fixed rate, momentum, weight decay, "until
    # convergence", best validation IoU. MatConvNet adds the decay to the gradient, as `l2_decay` does. On the batch the
    # paper is silent: 20 images are those of Long et al.; the bound on epochs and the patience are ours. FCN_acc is
    # --outputs 2. "Testing was done on the original images without resizing."
    "loss": "iou(pooling='batch')",  # FCN_IoU: eqs. 3 to 5 run over the images together
    "test_input": "original",
    "optimizer": "sgd",
    "learning_rate": 1e-4,
    "momentum": 0.99,
    "l2_decay": 5e-4,
    "schedule": "constant",
    "batch_size": 20,
    "positives_per_batch": 1,
    "epochs": 1000,
    "patience": 20,
    "loss_reduction": "mean",
}

LONG: dict[str, Any] = {
    # Section 4.3 of the conference paper: batch 20, momentum 0.9, fixed rate of 1e-4 for FCN-VGG16, 175 epochs. Its
    # decay ("5^-4 or 2^-4") we read as 5e-4. Deviation: the rate of biases is not doubled.
    **RAHMAN_WANG,
    "loss": "iou",
    "momentum": 0.9,
    "positives_per_batch": 0,
    "epochs": 175,
}

KIM_LARGEFOV: dict[str, Any] = {
    # Kim et al. 2019, section 4.1, with crop 512 and flip, which are not part of a preset. 20,000 steps of 10 images
    # are 19 passes over the 10,582 of VOC.
    "loss": "ce",
    "optimizer": "sgd",
    "learning_rate": 4e-3,
    "momentum": 0.9,
    "l2_decay": 1e-4,
    "schedule": "poly",
    "batch_size": 10,
    "epochs": 19,
    "patience": 20,
    "loss_reduction": "mean",
}

# Crop 321.
KIM_RESNET: dict[str, Any] = {**KIM_LARGEFOV, "learning_rate": 2.5e-4, "l2_decay": 5e-4}

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

# At LAPTOP's rate fcn32s was still at "everything is foreground" after six epochs of 160 portraits.
FCN_LAPTOP: dict[str, Any] = {**LAPTOP, "learning_rate": 5e-4}

PRESETS: dict[str, dict[str, Any]] = {
    "bfcn32s": VAN_BEERS,
    "fcresnet": VAN_BEERS,
    "fcn32s_alexnet": RAHMAN_WANG,
    "fcn32s": LONG,
    "fcn16s": LONG,
    "fcn8s": LONG,
    # Ten times more, and its 16 M weights settle on "everything is foreground" within the first steps.
    "fcmobilenet": {**LAPTOP, "learning_rate": 1e-4},
    "deeplab_largefov": KIM_LARGEFOV,
    "deeplab_resnet101": KIM_RESNET,
    "unet": AMADI,
    "unet_mobilenetv2": LAPTOP,
}


def preset(model: str, dataset: str, encoder: str | None = None) -> dict[str, Any]:
    """The settings of an architecture, on a data set and an encoder; one without an entry here takes `LAPTOP`'s."""
    if (model, dataset) == ("unet", "synthetic"):
        found = EMBEDDED
    elif encoder == "mobilenetv2":
        found = FCN_LAPTOP
    else:
        found = PRESETS.get(model, LAPTOP)
    return {"loss": "iou", "momentum": 0.0, "l2_decay": 0.0, **found}
