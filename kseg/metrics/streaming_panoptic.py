"""Panoptic quality as a Keras metric that counts inside a compiled step on any backend."""

import keras
from keras import ops

from kseg.conventions import SERIALIZATION_PACKAGE, VOID
from kseg.door import as_tensor, class_ids, sound_weights
from kseg.errors import UsageError
from kseg.metrics.bins import count_ids
from kseg.metrics.exact_counts import UNIT, ExactCounts, in_units
from kseg.metrics.panoptic import SUMS
from kseg.metrics.whole import class_count, class_label, whole

CROWD = -1
"""The segment number of crowd pixels in the truth."""

SCORES = ("pq", "sq", "rq")


@keras.saving.register_keras_serializable(SERIALIZATION_PACKAGE, name="PanopticQualityMetric")
class PanopticQuality(ExactCounts):
    """Mean over classes of `kseg.metrics.panoptic_quality` over all images so far.

    `update_state` takes truth and prediction as integers (N, H, W, 2): the class of each pixel, and the number of its
    segment within the class and image. Class `void` is no segment; number `CROWD` in the truth is a crowd.

    Args:
      num_classes: C; class ids are 0..C − 1.
      score: "pq", "sq" or "rq".
      labels: the classes to average over, such as the things; None: all.
      max_instances: D; numbers of segments are 0..D − 1. A batch of N images takes about N·C·D²·16 bytes.
      void: the class of pixels without a segment.
    Result: float32 (); classes with TP + FP + FN = 0 do not count. nan if no class counts, or if an id was out of
      range or a weight negative, since a compiled step cannot raise.
    `sample_weight` (N,), or one number for all: 0 leaves an image out, any other weight counts it once.
    IoUs are counted in units of 2⁻²⁰, so the mean is accurate to 1e-6.
    Source: Kirillov et al. 2019, eq. 1. Deviations: as `panoptic_match`.

    >>> import numpy as np
    >>> truth = np.array([[[[0, 0], [0, 1]], [[0, 0], [255, 0]]]])  # two segments of class 0, one pixel of void
    >>> metric = PanopticQuality(num_classes=1)
    >>> metric.update_state(truth, truth)
    >>> float(metric.result())
    1.0
    """

    def __init__(
        self, num_classes: int, *, score="pq", labels=None, max_instances=64, void=VOID, name=None, dtype=None
    ):
        num_classes = class_count(num_classes)
        super().__init__(len(SUMS) * num_classes + 1, name=name or score, dtype=dtype)  # the last counts impossible ids
        if score not in SCORES:
            raise UsageError(f"the score is {score!r}; valid: {', '.join(SCORES)}")
        self.num_classes = num_classes
        self.kind = score
        self.labels = None if labels is None else tuple(class_label(label, num_classes, score) for label in labels)
        self.max_instances = whole(max_instances, "the most segments of a class in an image (max_instances)")
        self.void = void

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts the segments of one batch of whole images."""
        classes, number = self.num_classes, self.max_instances
        (true_class, true_number), (predicted_class, predicted_number) = (
            self._segments(values, of) for values, of in ((y_true, "y_true"), (y_pred, "y_pred"))
        )
        images, height, width = ops.shape(true_class)
        counted, outside = self._counted(sample_weight, images)

        # 1. which pixels belong to a segment; images of weight 0 have none
        in_truth = ops.logical_and(true_class != self.void, counted)
        in_prediction = ops.logical_and(predicted_class != self.void, counted)
        crowd = ops.logical_and(in_truth, true_number == CROWD)
        sound_truth = self._sound(true_class, ops.where(crowd, 0, true_number))
        sound_prediction = self._sound(predicted_class, predicted_number)
        outside = outside + _number(ops.logical_and(in_truth, ops.logical_not(sound_truth)))
        outside = outside + _number(ops.logical_and(in_prediction, ops.logical_not(sound_prediction)))
        in_truth, in_prediction = (
            ops.logical_and(in_truth, sound_truth),
            ops.logical_and(in_prediction, sound_prediction),
        )
        same_class = ops.logical_and(ops.logical_and(in_truth, in_prediction), true_class == predicted_class)
        single = ops.logical_and(in_truth, ops.logical_not(crowd))

        # 2. pixels of every segment, and of every pair of segments of one class
        image = ops.reshape(ops.arange(images, dtype="int32"), (-1, 1, 1))
        true_cell = (image * classes + true_class) * number + true_number
        predicted_cell = (image * classes + predicted_class) * number + predicted_number
        shape = (images, classes, number)

        def pixels(cells, where):
            return ops.reshape(_counts(cells, where, images * classes * number), shape)

        true_area, predicted_area = pixels(true_cell, single), pixels(predicted_cell, in_prediction)
        on_void = pixels(predicted_cell, ops.logical_and(in_prediction, true_class == self.void))
        on_crowd = pixels(predicted_cell, ops.logical_and(same_class, crowd))
        both = _counts(
            true_cell * number + predicted_number, ops.logical_and(same_class, single), images * classes * number**2
        )
        both = ops.reshape(both, (*shape, number))

        # 3. matches and segments without a match, by comparing whole numbers, so that ½ is exact
        union = true_area[..., None] + (predicted_area - on_void)[..., None, :] - both
        matched = 2 * both > union
        iou = ops.where(matched, ops.cast(both, "float32") / ops.cast(ops.maximum(union, 1), "float32"), 0.0)
        missed = ops.logical_and(true_area > 0, ops.logical_not(ops.any(matched, axis=-1)))
        false = ops.logical_and(predicted_area > 0, ops.logical_not(ops.any(matched, axis=-2)))
        false = ops.logical_and(false, 2 * (on_void + on_crowd) <= predicted_area)
        low, high = in_units(iou, axis=(0, 2, 3))
        numbers = [_number(matched, (0, 2, 3)), _number(false, (0, 2)), _number(missed, (0, 2))]
        nothing = ops.zeros((3 * classes + 1,), "int32")
        self.add_counts(
            ops.concatenate([low, *numbers, ops.reshape(outside, (1,))]), high=ops.concatenate([high, nothing])
        )

    def sums(self):
        """float64 NumPy (C, 4), see `kseg.metrics.panoptic.SUMS`, outside of a graph."""
        table = self.exact_counts()[:-1].reshape(len(SUMS), self.num_classes).T.astype(float)
        table[:, 0] /= UNIT
        return table

    def result(self):
        """The mean so far, float32 ()."""
        counts = self.counts()
        iou, tp, fp, fn = ops.unstack(ops.reshape(counts[:-1], (len(SUMS), self.num_classes)), len(SUMS))
        iou = iou / float(UNIT)
        segments = tp + 0.5 * (fp + fn)
        numerator, denominator = {"pq": (iou, segments), "sq": (iou, tp), "rq": (tp, segments)}[self.kind]
        values = ops.where(denominator > 0, numerator / ops.where(denominator > 0, denominator, 1.0), 0.0)
        counted = ops.cast(segments > 0, "float32")
        if self.labels is not None:
            counted = counted * ops.sum(ops.one_hot(ops.array(self.labels, "int32"), self.num_classes), axis=0)
        sound = ops.logical_and(ops.sum(counted) > 0, counts[-1] == 0)
        return ops.where(sound, ops.sum(values * counted) / ops.maximum(ops.sum(counted), 1.0), float("nan"))

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "score": self.kind,
            "labels": self.labels,
            "max_instances": self.max_instances,
            "void": self.void,
        }

    def _segments(self, values, of: str):
        """int32 (N, H, W) each: classes and numbers of segments."""
        values = as_tensor(values)
        if len(values.shape) != 4 or values.shape[-1] != 2:
            raise UsageError(
                f"{self.name}: {of} is {keras.backend.standardize_dtype(values.dtype)} {tuple(values.shape)}; pass "
                "the class and the number of the segment of each pixel, (N, H, W, 2)"
            )
        return ops.unstack(class_ids(values), 2, axis=-1)

    def _counted(self, sample_weight, images):
        """bool (N, 1, 1): which images count; int32 (): the number of invalid weights."""
        if sample_weight is None:
            return ops.ones((images, 1, 1), "bool"), ops.zeros((), "int32")
        weight = ops.convert_to_tensor(sample_weight)
        if len(weight.shape) > 1:
            raise UsageError(f"{self.name}: sample_weight is {tuple(weight.shape)}; pass one weight per image, (N,)")
        weight = ops.broadcast_to(sound_weights(weight), (images,))
        return ops.reshape(weight != 0, (images, 1, 1)), _number(ops.isnan(weight))

    def _sound(self, classes, numbers):
        in_classes = ops.logical_and(classes >= 0, classes < self.num_classes)
        return ops.logical_and(in_classes, ops.logical_and(numbers >= 0, numbers < self.max_instances))


def _counts(cells, where, number):
    """int32 (number,): how often each of the `cells` (N, H, W) occurs where `where` is true."""
    return count_ids(ops.reshape(ops.where(where, cells, number), (-1,)), number + 1)[:number]


def _number(mask, axis=None):
    return ops.sum(ops.cast(mask, "int32"), axis=axis)
