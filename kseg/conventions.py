"""Conventions of every room: shapes, ids and geometry.

Image        (N, H, W, 3) RGB, uint8 or float in 0..255. Preprocessing is a layer inside the model.
Label map    (N, H, W) integers, class ids; (N, H, W, 1) is accepted. `VOID` pixels are out of numerator,
             denominator and normalizer of every loss and metric.
Prediction   (N, H, W, C). C = 1 is binary foreground (sigmoid), C > 1 is softmax.
Order        (y_true, y_pred, *, …): two positionals as in Keras, the rest keyword-only.
Precision    losses and metrics cast to float32 on entry and reduce in float32; confusion matrices are int64 with
             rows = truth and columns = prediction, scores are float64.
Geometry     half-pixel centers: pixel (i, j) covers [i, i+1) × [j, j+1). Boxes are y1, x1, y2, x2, continuous in
             [0, H] × [0, W]. Labels are resized by nearest neighbor.
"""

from typing import Literal

VOID = 255
"""The label of a pixel that counts for nothing."""

MAX_CLASSES = VOID
"""Class ids are 0..254, so that a label map fits in uint8 with void."""

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the gray of a pixel (ITU-R BT.601)."""

STRIDE = 32
"""Stride of an encoder's last map: the sides of images are padded or rounded to multiples of it."""

SERIALIZATION_PACKAGE = "kseg"
"""The name under which losses, metrics and layers are registered with Keras."""

DEFAULT_TASK = "semantic"
"""The task of a network that names no task: which class is each pixel?"""

TaskName = Literal["semantic", "instance", "panoptic"]
"""Which class is each pixel; which objects are there; both."""

SPLITS = ("train", "validation", "test")


def output_channels(num_classes: int) -> int:
    """Channels of a prediction: one sigmoid for two classes (background, foreground), else one softmax channel each."""
    return 1 if num_classes == 2 else num_classes
