"""Threshold sweep, precision-recall and calibration against direct counts; bootstrap against SciPy."""

import numpy as np
import pytest
from oracles import metrics_pixels as oracle
from scipy import stats

import kseg.metrics as m
from kseg.errors import UsageError


def sample(seed=0, n=600, void_share=0.1):
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.3).astype(np.uint8)
    probability = np.clip(0.5 * truth + rng.normal(0.3, 0.25, n), 0, 1).astype(np.float32)
    probability[:20] = np.linspace(0, 1, 20)
    probability[20:60] = np.arange(40) / 256  # on the edges of the bins
    truth[rng.random(n) < void_share] = 255
    return truth, probability


def test_the_sweep_is_exact_at_every_threshold():
    truth, probability = sample()
    thresholds, matrices = m.threshold_sweep(m.probability_histogram(truth, probability))
    assert thresholds[127] == 0.5 and len(thresholds) == 255
    for threshold, matrix in zip(thresholds, matrices, strict=True):
        np.testing.assert_array_equal(matrix, m.confusion_matrix(truth, probability >= threshold, 2))


def test_histograms_add_up_and_ignore_void():
    truth, probability = sample()
    halves = [m.probability_histogram(truth[i::2], probability[i::2]) for i in (0, 1)]
    np.testing.assert_array_equal(sum(halves), m.probability_histogram(truth, probability))
    scrambled = np.where(truth == 255, np.float32(np.nan), probability)
    np.testing.assert_array_equal(m.probability_histogram(truth, scrambled), sum(halves))
    assert sum(halves).sum() == np.sum(truth != 255)


def test_workers_histograms_merge_to_the_whole():
    truth, probability = sample()
    parts = [m.ProbabilityHistogram(bins=64).update(truth[i::3], probability[i::3]) for i in range(3)]
    merged = m.ProbabilityHistogram.merge(parts)
    whole = m.probability_histogram(truth, probability, bins=64)
    np.testing.assert_array_equal(merged.histogram, whole)
    assert parts[0].histogram.sum() < whole.sum()  # the parts keep their own
    assert merged.average_precision() == m.average_precision(whole)
    assert merged.calibration_error(bins=8) == m.expected_calibration_error(whole, bins=8)
    assert np.isnan(m.ProbabilityHistogram().average_precision())
    for other, words in (
        (m.ProbabilityHistogram(), "bins=64.*bins=256"),
        (m.ProbabilityHistogram(bins=64, void=None), "void=255.*void=None"),
        (whole, "ndarray"),
    ):
        with pytest.raises(UsageError, match=words):
            merged += other
    with pytest.raises(UsageError, match="at least one"):
        m.ProbabilityHistogram.merge([])
    with pytest.raises(UsageError, match="power of two"):
        m.ProbabilityHistogram(bins=100)


def test_best_threshold_is_the_best():
    truth, probability = sample()
    histogram = m.probability_histogram(truth, probability)
    threshold, iou = m.best_threshold(histogram)
    tried = [m.iou_dataset(m.confusion_matrix(truth, probability >= t, 2)) for t in np.arange(1, 256) / 256]
    assert iou == max(tried) == m.iou_dataset(m.confusion_matrix(truth, probability >= threshold, 2))
    # certain and right: all thresholds are equal, and the middle one is the answer
    assert m.best_threshold(m.probability_histogram([0, 1], np.array([0.0, 1.0]))) == (0.5, 1.0)
    threshold, iou = m.best_threshold(m.probability_histogram([0, 0], np.array([0.0, 1.0])))
    assert threshold == 0.5 and np.isnan(iou)


def test_precision_recall_by_hand():
    # p: .1 background, .4 foreground, .6 background, .9 foreground
    histogram = m.probability_histogram([0, 1, 0, 1], np.array([0.1, 0.4, 0.6, 0.9]))
    thresholds, precision, recall = m.precision_recall_curve(histogram)
    at = {t: np.searchsorted(thresholds, t) for t in (0.0, 0.25, 0.5, 0.75, 0.95)}
    assert [precision[i] for i in at.values()] == [2 / 4, 2 / 3, 1 / 2, 1 / 1, 1]
    assert [recall[i] for i in at.values()] == [1, 1, 1 / 2, 1 / 2, 0]
    # recall ½ at precision 1, the other ½ at precision 2/3
    assert m.average_precision(histogram) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_f_beta_at_every_threshold(beta):
    truth, probability = sample()
    thresholds, scores = m.f_beta_curve(m.probability_histogram(truth, probability), beta=beta)
    direct = [m.f_beta(m.confusion_matrix(truth, probability >= t, 2), beta=beta)[1] for t in thresholds]
    assert scores.tolist() == direct
    assert 0 < np.argmax(scores) < 254


def test_average_precision_of_distinct_bins_is_the_area_over_all_probabilities():
    rng = np.random.default_rng(1)
    probability = (rng.permutation(256)[:100] + 0.5) / 256
    truth = (rng.random(100) < probability).astype(int)
    order = np.argsort(-probability)
    precision = np.cumsum(truth[order]) / np.arange(1, 101)
    assert m.average_precision(m.probability_histogram(truth, probability)) == pytest.approx(
        np.sum(precision * truth[order]) / truth.sum(), rel=1e-12
    )


@pytest.mark.parametrize("bins", [1, 4, 16])
def test_calibration_error_equals_the_loops(bins):
    truth, probability = sample()
    histogram = m.probability_histogram(truth, probability)
    expected = oracle.calibration_error(truth, probability, bins, 256, 255)
    assert m.expected_calibration_error(histogram, bins=bins) == pytest.approx(expected, rel=1e-12)
    assert m.reliability(histogram, bins=bins).pixels.sum() == np.sum(truth != 255)


def test_calibration_of_the_calibrated():
    rng = np.random.default_rng(0)
    probability = rng.random(200_000)
    truth = (rng.random(200_000) < probability).astype(np.uint8)
    assert m.expected_calibration_error(m.probability_histogram(truth, probability)) < 0.01
    overconfident = m.probability_histogram(truth, np.round(probability))
    assert m.expected_calibration_error(overconfident) == pytest.approx(0.25, abs=0.01)  # says 0 or 1, right in 3 of 4
    assert np.isnan(m.expected_calibration_error(np.zeros((2, 256), int)))


@pytest.mark.parametrize(
    ("truth", "probability", "words"),
    [
        ([0, 1], [0.5, 1.5], "outside"),
        ([0, 1], [0.5, np.nan], "outside"),
        ([0, 2], [0.5, 0.5], r"\{2\}"),
        ([0, 1], [0, 1], "floats"),
        ([0.7, 1.0], [0.5, 0.5], "truth holds float64, not class ids"),
        ([0, 1], [0.5], "different shapes"),
    ],
)
def test_what_is_no_probability_is_refused(truth, probability, words):
    with pytest.raises(UsageError, match=words):
        m.probability_histogram(np.array(truth), np.array(probability))


def test_bins_that_float32_cannot_hit_are_refused():
    with pytest.raises(UsageError, match="power of two"):
        m.probability_histogram([0], np.array([0.5]), bins=100)
    with pytest.raises(UsageError, match="divisor"):
        m.reliability(np.zeros((2, 256), int), bins=15)


def test_the_bootstrap_agrees_with_scipy():
    values = np.random.default_rng(0).beta(8, 2, 80)
    ours = m.bootstrap_mean(values, resamples=20_000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    # two percentiles of 20,000 draws: their own error is some 2 % of the interval's width
    width = theirs.high - theirs.low
    assert abs(ours.low - theirs.low) < 0.05 * width and abs(ours.high - theirs.high) < 0.05 * width
    assert ours == m.bootstrap_mean(values, resamples=20_000)  # seeded


def test_images_without_score_do_not_count():
    values = np.array([0.2, np.nan, 0.8, np.nan])
    interval = m.bootstrap_mean(values)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.5, 0.2, 0.8))
    with pytest.raises(UsageError, match="no image"):
        m.bootstrap_mean([np.nan])


def test_one_image_is_no_certainty():
    """Resampling one image gives that image every time, which would be an interval of no width."""
    for interval in (
        m.bootstrap_mean([0.5]),
        m.bootstrap_mean([0.5, np.nan]),
        m.bootstrap_score(np.array([[[1, 0], [1, 1]]]), m.iou_dataset),
        m.bootstrap_score(np.array([[[1, 0], [1, 1]], [[0, 0], [0, 0]]]), m.iou_dataset),
    ):
        assert interval.value == 0.5 and np.isnan(interval.low) and np.isnan(interval.high)
        assert str(interval) == "0.5000"
    assert str(m.bootstrap_mean([0.5, 0.5])) == "0.5000 [0.5000, 0.5000]"


@pytest.mark.filterwarnings("error")
def test_infinite_scores_have_an_interval():
    # HD95 is inf where a surface is missing: 1 − (2/3)³ = 70 % of the resamples draw it, in the rest the mean is 1 … 2
    interval = m.bootstrap_mean([1, 2, np.inf])
    assert (interval.value, interval.low, interval.high) == (np.inf, 1.0, np.inf)
    interval = m.bootstrap_mean([1, 2, -np.inf])
    assert (interval.value, interval.low, interval.high) == (-np.inf, -np.inf, 2.0)
    with pytest.raises(UsageError, match="both inf and -inf"):
        m.bootstrap_mean([np.inf, -np.inf])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.bootstrap_mean([1, 2], resamples=10.5), r"whole number, received 10\.5"),
        (lambda: m.bootstrap_mean([1, 2], resamples=0), "resamples is at least 1"),
        (lambda: m.bootstrap_mean([1, 2], confidence=95), "confidence"),
        (lambda: m.bootstrap_mean([1], confidence=95), "confidence"),
        (lambda: m.bootstrap_score(np.ones((3, 2, 2), int), m.iou_class), r"one number.*\(2000, 2\)"),
        (lambda: m.bootstrap_score(np.ones((2, 2), int), m.iou_dataset), "one matrix per image"),
    ],
)
def test_what_cannot_be_resampled_is_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()


def test_the_interval_of_a_dataset_score():
    rng = np.random.default_rng(0)
    matrices = rng.integers(1, 50, (40, 2, 2))
    interval = m.bootstrap_score(matrices, m.iou_dataset, resamples=500, seed=3)
    draws = np.random.default_rng(3).multinomial(40, np.full(40, 1 / 40), size=500)
    direct = [m.iou_dataset(np.repeat(matrices, times, axis=0).sum(0)) for times in draws]
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(direct, [0.025, 0.975])), rel=1e-12)
    assert interval.value == m.iou_dataset(matrices.sum(0))
    assert interval.low < interval.value < interval.high


def test_the_worst_images():
    values = [0.9, np.nan, 0.1, 0.5, 0.1]
    assert m.worst_images(values, 3).tolist() == [2, 4, 3]
    assert m.worst_images(values, 10).tolist() == [2, 4, 3, 0]
    assert m.worst_mean(values, fraction=0.5) == pytest.approx((0.1 + 0.1) / 2)
    assert m.worst_mean(values, fraction=0.01) == 0.1
    assert np.isnan(m.worst_mean([np.nan]))
    assert m.worst_mean(range(100), fraction=0.29) == pytest.approx(np.mean(range(29)))
    distances = [2.0, np.inf, np.nan, 7.0]
    assert m.worst_images(distances, 2, larger_is_worse=True).tolist() == [1, 3]
    assert m.worst_mean([2.0, 9.0, 7.0, np.nan], fraction=0.7, larger_is_worse=True) == (9 + 7) / 2
    for call in (
        lambda: m.worst_images(values, 0),
        lambda: m.worst_images(values, 1.5),
        lambda: m.worst_mean(values, fraction=0),
    ):
        with pytest.raises(UsageError):
            call()
