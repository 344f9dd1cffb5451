"""More scores of `kseg.metrics.scores` as Keras metrics, each a formula over the streaming matrix."""

from keras import ops

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.metrics.counting import CountingMetric, MatrixMetric, in_range, number_of, registered
from kseg.metrics.exact_counts import UNIT, in_units
from kseg.metrics.whole import class_count, class_label


@registered("mean_accuracy")
class MeanAccuracy(MatrixMetric):
    """`mean_accuracy`: mean recall of the classes in the truth.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = MeanAccuracy(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)  # of 1/1 and 1/2
    0.75
    """

    def __init__(self, num_classes: int, *, name="mean_accuracy", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        present = ops.sum(matrix, axis=1)
        recall = ops.diagonal(matrix) / ops.maximum(present, 1.0)
        return ops.sum(recall) / ops.sum(ops.cast(present > 0, "float32"))


@registered("frequency_weighted_iou")
class FrequencyWeightedIoU(MatrixMetric):
    """`frequency_weighted_iou`: IoU of each class, weighted by its share of the truth.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = FrequencyWeightedIoU(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)
    0.5
    """

    def __init__(self, num_classes: int, *, name="frequency_weighted_iou", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        hits, present = ops.diagonal(matrix), ops.sum(matrix, axis=1)
        union = present + ops.sum(matrix, axis=0) - hits
        return ops.sum(present * hits / ops.maximum(union, 1.0)) / ops.sum(matrix)


@registered("kappa")
class CohenKappa(MatrixMetric):
    """`cohens_kappa`: agreement beyond chance; nan where truth and prediction only hold one and the same class.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = CohenKappa(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)
    0.4
    """

    def __init__(self, num_classes: int, *, name="kappa", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        share = matrix / ops.sum(matrix)
        agreement = ops.sum(ops.diagonal(share))
        chance = ops.sum(ops.sum(share, axis=0) * ops.sum(share, axis=1))
        # with one class the shares are 1 and 0, so chance is exactly 1
        return ops.where(chance < 1.0, (agreement - chance) / ops.where(chance < 1.0, 1.0 - chance, 1.0), float("nan"))


class _OfOneClass(MatrixMetric):
    """A score of the class `label`, the foreground by default."""

    def __init__(self, num_classes: int, *, label: int = 1, **options):
        super().__init__(num_classes, **options)
        self.label = class_label(label, self.num_classes, self.name)

    def outcomes(self, matrix):
        """TP, FN and FP of the class."""
        hits = matrix[self.label, self.label]
        return hits, ops.sum(matrix[self.label]) - hits, ops.sum(matrix[:, self.label]) - hits

    def get_config(self):
        return {**super().get_config(), "label": self.label}


@registered("iou_class")
class ClassIoU(_OfOneClass):
    """`iou_class` of the class `label`; nan where neither truth nor prediction hold it.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = ClassIoU(2)
    >>> metric.update_state(y_true, y_pred)
    >>> float(metric.result())  # of class 1, the foreground
    0.5
    """

    def __init__(self, num_classes: int, *, name="iou_class", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        hits, missed, false = self.outcomes(matrix)
        return _ratio(hits, hits + missed + false)


@registered("precision")
class Precision(_OfOneClass):
    """`precision` of the class `label`; nan where it was never predicted.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = Precision(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)
    1.0
    """

    def __init__(self, num_classes: int, *, name="precision", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        hits, _, false = self.outcomes(matrix)
        return _ratio(hits, hits + false)


@registered("recall")
class Recall(_OfOneClass):
    """`recall` of the class `label`; nan where it is not in the truth.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = Recall(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)
    0.5
    """

    def __init__(self, num_classes: int, *, name="recall", **options):
        super().__init__(num_classes, name=name, **options)

    def score(self, matrix):
        hits, missed, _ = self.outcomes(matrix)
        return _ratio(hits, hits + missed)


@registered("f_beta")
class FBeta(_OfOneClass):
    """`f_beta` of the class `label`; nan where neither truth nor prediction hold it.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = FBeta(2, beta=2.0)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)
    0.5556
    """

    def __init__(self, num_classes: int, *, beta: float = 1.0, name="f_beta", **options):
        super().__init__(num_classes, name=name, **options)
        if not beta > 0:
            raise UsageError(f"beta of the F score must be positive, received {beta}")
        self.beta = beta

    def score(self, matrix):
        hits, missed, false = self.outcomes(matrix)
        weighted = (1 + self.beta**2) * hits
        return _ratio(weighted, weighted + self.beta**2 * missed + false)

    def get_config(self):
        return {**super().get_config(), "beta": self.beta}


@registered("iou_image")
class ImageIoU(CountingMetric):
    """Mean over images of `iou_image` without images that have no valid pixel; nan if no image has one.

    Each image's IoU is counted in units of 2⁻²⁰, so the mean is accurate to 5e-7 without drift over any number of
    images.

    >>> y_true, y_pred = [[[1, 1], [0, 255]]], [[[[0.9], [0.4]], [[0.2], [0.7]]]]
    >>> metric = ImageIoU(2)
    >>> metric.update_state(y_true, y_pred)
    >>> round(float(metric.result()), 4)
    0.5
    """

    def __init__(self, num_classes: int, *, from_logits=False, threshold=0.5, void=VOID, name="iou_image", dtype=None):
        super().__init__(3, from_logits=from_logits, threshold=threshold, void=void, name=name, dtype=dtype)
        self.num_classes = class_count(num_classes, least=2)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts the images of one batch, which must be whole images."""
        truth, prediction, valid = self.pixels(y_true, y_pred, sample_weight, self.num_classes)
        scores, counted = [], []
        for label in range(1, 2) if self.num_classes == 2 else range(self.num_classes):
            true, predicted = (ops.logical_and(ids == label, valid) for ids in (truth, prediction))
            both, either = _per_image(ops.logical_and(true, predicted)), _per_image(ops.logical_or(true, predicted))
            scores.append(ops.cast(both, "float32") / ops.cast(ops.maximum(either, 1), "float32"))
            counted.append(ops.cast(either > 0, "float32"))
        number = sum(counted)
        iou = sum(scores) / ops.maximum(number, 1.0)
        if self.num_classes == 2:
            iou = ops.where(number > 0, iou, 1.0)  # neither truth nor prediction has foreground
        has_pixels = _per_image(valid) > 0
        outside = ops.logical_and(valid, ops.logical_not(in_range(truth, prediction, self.num_classes)))
        low, high = in_units(ops.where(has_pixels, iou, 0.0))
        self.add_counts(ops.stack([low, number_of(has_pixels), number_of(outside)]), high=ops.stack([high, 0, 0]))

    def result(self):
        """The mean so far, float32 ()."""
        units, images, outside = ops.unstack(self.counts(), 3)
        sound = ops.logical_and(images > 0, outside == 0)
        return ops.where(sound, units / float(UNIT) / ops.maximum(images, 1.0), float("nan"))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


def _per_image(mask):
    return ops.sum(ops.cast(mask, "int32"), axis=(1, 2))


def _ratio(numerator, denominator):
    return ops.where(denominator > 0, numerator / ops.where(denominator > 0, denominator, 1.0), float("nan"))
