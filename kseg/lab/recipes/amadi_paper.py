"""Amadi: the numbers of section 4."""

FIGURES = {"iou": 0.627, "accuracy": 0.81, "train_accuracy": 0.86, "lowest": 0.142}
"""U-Net with cross-entropy on Oxford-IIIT Pet: mean IoU and accuracy of the test split, accuracy in training ("on
consistency 86 percent"), and the lowest IoU of any test image (figure 5)."""
