"""The statistics against SciPy's own, by hand, and against what the paper says of its 16 settings."""

import numpy as np
import pytest
from pytest import approx
from scipy import stats

from kseg.errors import UsageError
from kseg.lab.recipes.rahman2016.printed import CAMVID, PRINTED_MEANS, VOC_2010, VOC_2011
from kseg.lab.recipes.vanbeers2019.printed import CLAIMS, TABLES, face, pairs
from kseg.lab.statistics.paired_tests import (
    FEW,
    compare,
    holm,
    mean_error_reduction,
    paired_by_key,
    total_error_reduction,
)
from kseg.metrics.intervals import bootstrap_mean


def test_the_paper_s_16_pairs_give_the_paper_s_p_values():
    iou, accuracy, epochs = (compare(*pairs(figure)) for figure in ("iou", "accuracy", "epochs"))
    assert iou.n == accuracy.n == epochs.n == len(TABLES) == 16
    assert float(f"{iou.p:.1e}") == CLAIMS["iou p"]
    assert round(accuracy.p, 2) == CLAIMS["accuracy p"]
    assert round(epochs.p, 3) == CLAIMS["epochs p"]
    assert epochs.mean < 0  # "the average training time for IoU is lower"
    assert iou.wins == CLAIMS["iou wins"]
    # "score higher on accuracy in 56.25% and 37.5% of the cases"
    assert (accuracy.wins / 16, (16 - accuracy.wins - accuracy.ties) / 16) == (0.5625, 0.375)


def test_the_one_setting_in_which_bce_is_ahead():
    # "IoU performs better in 15 out of 16 test cases": all but FCResNet on small LFW with hair.
    worse = [setting for setting, cell in TABLES.items() if cell["iou"].iou <= cell["bce"].iou]
    assert worse == [face("fcresnet", "lfw", "small", "hair")]


def test_the_paper_s_error_reduction_is_that_of_the_mean_error():
    # Mean errors 1 − .8375 = .1625 (IoU loss) and .19694 (BCE): 1 − .1625/.19694 = 17.5 %, as printed.
    # The mean of the 16 reductions, each relative to its own error, is 17.1 %.
    iou, bce = map(np.array, pairs("iou"))
    assert (iou.mean(), bce.mean()) == (approx(0.8375, abs=1e-4), approx(0.8031, abs=1e-4))
    assert round(total_error_reduction(iou, bce), 3) == CLAIMS["error reduction"]
    assert total_error_reduction(iou, bce) == approx(1 - (1 - iou.mean()) / (1 - bce.mean()))
    assert round(mean_error_reduction(iou, bce), 3) == 0.171


def test_a_comparison_by_hand():
    # d = [1, 2, 3]: mean 2, std 1, t = 2·√3/1, d_z = 2
    result = compare([2, 4, 6], [1, 2, 3])
    assert (result.mean, result.effect, result.t) == (approx(2), approx(2), approx(2 * 3**0.5))
    # two-sided p of Student's t with 2 degrees of freedom: 1 − t/√(2 + t²)
    assert result.p == approx(1 - result.t / (2 + result.t**2) ** 0.5)
    assert result.wilcoxon == approx(0.25)  # all three signs alike: 2·(1/2)³
    assert result.interval.low <= 2 <= result.interval.high
    assert "better in 3 of 3" in str(result)


def test_the_interval_of_few_pairs_is_student_s():
    first, second = [0.7, 0.9, 0.8, 0.75], [0.6, 0.85, 0.81, 0.7]
    expected = stats.ttest_rel(first, second).confidence_interval(0.9)
    found = compare(first, second, confidence=0.9).interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    many = np.random.default_rng(0).normal(size=(2, FEW))
    assert compare(*many).interval == bootstrap_mean(many[0] - many[1])


def test_differences_that_are_all_the_same_have_no_t():
    same, shifted = compare([1, 2], [1, 2]), compare([2, 3, 4], [1, 2, 3])
    assert np.isnan([same.p, same.effect, shifted.t, shifted.effect]).all()
    assert (same.wilcoxon, same.ties, shifted.wins) == (1.0, 2, 3)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ([1, 2, 3], [1, 2], "received 3 and 2"),
        ([1], [1], "at least 2 pairs, received 1"),
        ([], [], "at least 2 pairs, received 0"),
        ([1, float("nan")], [1, 2], "needs numbers"),
    ],
)
def test_what_cannot_be_paired_is_refused(first, second, sentence):
    with pytest.raises(UsageError, match=sentence):
        compare(first, second)


def test_scores_are_paired_by_their_keys():
    first, second = paired_by_key({"a": 1, "b": 2}, {"b": 20, "a": 10})
    assert (first.tolist(), second.tolist()) == ([1, 2], [10, 20])
    with pytest.raises(UsageError, match="1 scores have no partner, such as c"):
        paired_by_key({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2})


def test_error_reduction_by_hand():
    # errors .5 → .25 (half of it gone) and .1 → .1 (nothing): mean ¼; all errors .6 → .35
    assert mean_error_reduction([0.75, 0.9], [0.5, 0.9]) == approx(0.25)
    assert total_error_reduction([0.75, 0.9], [0.5, 0.9]) == approx(0.25 / 0.6)
    with pytest.raises(UsageError, match="no error to reduce"):
        mean_error_reduction([1, 1], [1, 0.5])


def test_holm_by_hand():
    # sorted .01 .02 .04: ·3 = .03, ·2 = .04, ·1 = .04; never less than the one before
    assert holm([0.04, 0.01, 0.02]) == approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    adjusted = holm([0.02, float("nan"), 0.03])
    assert adjusted[0] == approx(0.04) and np.isnan(adjusted[1]) and adjusted[2] == approx(0.04)
    assert holm([]) == []


def test_rahman_and_wang_s_tables():
    # "outperforms FCN_acc in almost all categories": all but person of table 1; 15 of the 20 of table 3
    assert [name for name, value in VOC_2010["iou"].items() if value <= VOC_2010["acc"][name]] == ["person"]
    ahead = [name for name, value in VOC_2011["iou"].items() if value > VOC_2011["acc"][name]]
    assert len(ahead) == 15
    # Table 3 prints 63.18 and 63.82 as means; its 20 columns give these:
    means = {loss: sum(values.values()) / 20 for loss, values in VOC_2011.items()}
    assert means == {"acc": approx(66.1625), "iou": approx(67.1585)}
    assert means["acc"] - PRINTED_MEANS["acc"] == approx(2.98, abs=0.01)
    # Table 4: "outperforms FCN_acc in all 5 categories", on both splits
    assert all(ours > theirs for row in CAMVID.values() for ours, theirs in zip(row["iou"], row["acc"], strict=True))
