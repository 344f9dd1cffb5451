"""The search for a CRF's parameters tries every combination of its grid and finds the best one, counted by hand."""

import itertools

import numpy as np
import pytest

from kseg.errors import UsageError
from kseg.inference.axes import finer
from kseg.inference.crf_search import search
from kseg.metrics.confusion import confusion_matrix
from kseg.metrics.scores import iou_dataset
from kseg.postprocess import CrfParameters, dense_crf
from kseg.structures import LabelMap

AXES = {"w1": [3.0], "sigma1": [1.0], "w2": [1.0, 8.0], "sigma_alpha": [4.0, 12.0], "sigma_beta": [8.0, 40.0]}


def noisy(seed, classes):
    """A bright field on a dark one, whose probabilities are noisy, and a void corner."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((14, 18), np.uint8)
    labels[3:11, 5:13] = 1
    image = np.clip(rng.normal(60, 12, (14, 18, 3)) + 110 * labels[..., None], 0, 255).astype(np.uint8)
    p = np.clip(0.25 + 0.5 * labels + rng.normal(0, 0.3, labels.shape), 0.01, 0.99)
    labels[:3, :3] = 255
    probabilities = p[..., None] if classes == 1 else np.stack([1 - p, p], axis=-1)
    return image, probabilities.astype(np.float32), LabelMap(labels)


def by_hand(examples, parameters):
    return float(iou_dataset(sum(
        confusion_matrix(truth.ids, dense_crf(image, p, parameters)[..., -1] >= 0.5, 2) for image, p, truth in examples
    )))  # fmt: skip


@pytest.mark.parametrize("classes", [1, 2])
def test_the_best_of_all_combinations_by_hand(classes):
    examples = [noisy(seed, classes) for seed in range(3)]
    found = search(lambda: examples, AXES, num_classes=2, iterations=4, rounds=1)
    wanted = {
        (parameters := CrfParameters(*values, iterations=4)): by_hand(examples, parameters)
        for values in itertools.product(*AXES.values())
    }
    assert found.tried == pytest.approx(wanted)
    assert found.after.value == wanted[found.best] == max(wanted.values()) > found.before.value
    assert found.change.value == pytest.approx(found.after.value - found.before.value)


def test_further_rounds_are_finer_around_the_best():
    def sharper(image, p, parameters, *, kernels):
        """All is right at w2 = 5.3 and σβ = 3, and less the farther from there."""
        wrong = min(1.0, (abs(parameters.w2 - 5.3) + abs(parameters.sigma_beta - 3)) / 8)
        q = (truth.ids == 1)[..., None].astype(np.float32)
        q[: round(wrong * len(q))] = 1 - q[: round(wrong * len(q))]
        return q

    labels = np.zeros((80, 4), np.uint8)
    labels[:, 2:] = 1
    image, p, truth = np.zeros((80, 4, 3), np.uint8), np.full((80, 4, 1), 0.5, np.float32), LabelMap(labels)
    axes = {"w1": [3], "sigma1": [1], "w2": [3, 4, 5, 6], "sigma_alpha": [50], "sigma_beta": [3, 4]}
    values = []
    for rounds in (1, 2, 3):
        found = search(lambda: [(image, p, truth)], axes, num_classes=2, rounds=rounds, refine=sharper)
        values.append((found.best.w2, found.best.sigma_beta, len(found.tried)))
    assert values == [(5, 3, 8), (5.5, 3, 8 + 5), (5.25, 3, 8 + 5 + 3)]


def test_the_finest_step_of_one_value_is_that_value():
    assert finer({"w1": [3.0]}, CrfParameters(w1=3)) == {"w1": [3.0]}


def test_truth_that_is_void_throughout_is_refused():
    image, p, _ = noisy(0, 1)
    void = LabelMap(np.full(image.shape[:2], 255, np.uint8))
    with pytest.raises(UsageError, match="no pixel of these images has a truth"):
        search(lambda: [(image, p, void)], {"w2": [1.0]}, num_classes=2)
