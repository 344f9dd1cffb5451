"""The figures of a row that tables show: what they are called, and which way is better."""

FIGURES = {
    "iou": "IoU",
    "iou_crf": "IoU behind a CRF",
    "iou_image": "mean image IoU",
    "accuracy": "accuracy",
    "train_accuracy": "accuracy in training",
    "lowest": "lowest image IoU",
    "best_epoch": "epochs to the best validation IoU",
    "epochs_95": "epochs to 95 % of the best validation IoU",
}
"""Fields of a row that tables show, and what they are called."""


LOWER_IS_BETTER = {"best_epoch", "epochs_95"}
