"""Keras metrics of an exact streaming confusion matrix."""

from keras import ops

from kseg.conventions import MAX_CLASSES, VOID
from kseg.metrics.counting import (
    CountingMetric,
    MatrixMetric,
    holds_ids,
    in_range,
    number_of,
    registered,
)
from kseg.metrics.whole import class_count


def _iou_class(matrix):
    """float32 (C,) and which classes count."""
    hits = ops.diagonal(matrix)
    union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - hits
    return hits / ops.maximum(union, 1.0), union > 0


def _mean_over(values, counted):
    counted = ops.cast(counted, "float32")
    return ops.sum(values * counted) / ops.maximum(ops.sum(counted), 1.0)


@registered("miou")
class MeanIoU(MatrixMetric):
    """`kseg.metrics.scores.miou` over all pixels so far: every class that counts, including background.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = MeanIoU(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)  # of 1/2 and 1/2
    0.5
    """

    def __init__(self, num_classes: int, *, name="miou", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        return _mean_over(*_iou_class(matrix))


@registered("iou")
class IoU(MatrixMetric):
    """`kseg.metrics.scores.iou_dataset` over all pixels so far: the foreground's IoU, or the mean for C > 2.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = IoU(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)  # the foreground's; 0.4 is background, 255 is void
    0.5
    """

    def __init__(self, num_classes: int, *, name="iou", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        iou, counted = _iou_class(matrix)
        if self.num_classes > 2:
            return _mean_over(iou, counted)
        return ops.where(counted[1], iou[1], 1.0)


@registered("dice")
class Dice(IoU):
    """`kseg.metrics.scores.dice_dataset` over all pixels so far: the foreground's Dice, or the mean for C > 2.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = Dice(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)  # 2/(2 + 1)
    0.6667
    """

    def __init__(self, num_classes: int, *, name="dice", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        iou, counted = _iou_class(matrix)
        dice = 2.0 * iou / (1.0 + iou)  # per class, Dice is a function of IoU
        if self.num_classes > 2:
            return _mean_over(dice, counted)
        return ops.where(counted[1], dice[1], 1.0)


@registered("accuracy")
class PixelAccuracy(CountingMetric):
    """`kseg.metrics.scores.pixel_accuracy` over all pixels so far; nan without a valid pixel.

    `num_classes` is optional. If it is given, other numbers of channels raise UsageError. Without it, the channels of
    the scores give the number of classes (one channel means two classes), and predicted ids may be any class.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = PixelAccuracy(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)  # 2 of 3
    0.6667
    """

    def __init__(
        self,
        num_classes: int | None = None,
        *,
        from_logits=False,
        threshold=0.5,
        void=VOID,
        name="accuracy",
        dtype=None,
    ):
        super().__init__(3, from_logits=from_logits, threshold=threshold, void=void, name=name, dtype=dtype)
        self.num_classes = None if num_classes is None else class_count(num_classes, least=2)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts the valid pixels of one batch, and those that are correct or have impossible ids."""
        y_pred = ops.convert_to_tensor(y_pred)
        truth, prediction, valid = self.pixels(y_true, y_pred, sample_weight, self.num_classes)
        num_classes = self.num_classes or (MAX_CLASSES if holds_ids(y_pred) else max(2, y_pred.shape[-1]))
        right = ops.logical_and(truth == prediction, valid)
        outside = ops.logical_and(valid, ops.logical_not(in_range(truth, prediction, num_classes)))
        self.add_counts(ops.stack([number_of(right), number_of(valid), number_of(outside)]))

    def result(self):
        """The accuracy so far, float32 ()."""
        right, valid, outside = ops.unstack(self.counts(), 3)
        sound = ops.logical_and(valid > 0, outside == 0)
        return ops.where(sound, right / ops.maximum(valid, 1.0), float("nan"))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
