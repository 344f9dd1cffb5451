"""The figures of a row that tables show: their names, digits, and whether lower is better."""

FIGURES = {
    "score": "score",
    "iou": "IoU",
    "iou_crf": "IoU behind a CRF",
    "iou_image": "mean image IoU",
    "accuracy": "accuracy",
    "train_accuracy": "accuracy in training",
    "lowest": "lowest image IoU",
    "best_epoch": "epochs to the best validation IoU",
    "epochs_95": "epochs to 95 % of the best validation IoU",
    "v_rand": "V_rand",
    "warping_error": "warping error",
    "pixel_error": "pixel error",
}
"""Field of a row → its name in tables."""

EPOCHS = {"best_epoch", "epochs_95"}
"""Figures that are numbers of epochs."""

LOWER_IS_BETTER = {*EPOCHS, "warping_error", "pixel_error"}

DIGITS = {"best_epoch": 1, "epochs_95": 1, "warping_error": 6, "pixel_error": 4}
"""Decimals of the figures that tables do not show with three."""
