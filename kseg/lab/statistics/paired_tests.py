"""Does one loss beat the other? Paired tests, effect sizes, intervals, and the correction for many tests.

All functions take two equally long lists of scores that belong together pair by pair: the same setting, seed or image
under the first and the second loss. Scores that cannot be paired are refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from kseg.errors import UsageError
from kseg.metrics.intervals import Interval, bootstrap_mean

FEW = 10
"""A 95 % percentile bootstrap of eight normal values covers the mean in 89 % of cases, one of two values in half."""


@dataclass(frozen=True)
class Comparison:
    """First minus second, over n pairs."""

    n: int
    mean: float
    """mean difference"""
    interval: Interval
    """of the mean difference over the pairs: bootstrap, or Student's t for fewer than `FEW` pairs"""
    t: float
    p: float
    """two-sided paired t-test; nan where all differences are the same"""
    effect: float
    """Cohen's d_z, the mean difference in standard deviations of the differences; nan where they are all the same"""
    wilcoxon: float
    """p of the signed-rank test, two-sided; 1 where no pair differs"""
    wins: int
    ties: int

    def __str__(self) -> str:
        return (
            f"{self.mean:+.4f} [{self.interval.low:+.4f}, {self.interval.high:+.4f}], t({self.n - 1}) = {self.t:.2f}, "
            f"p = {self.p:.2g}, d_z = {self.effect:.2f}, Wilcoxon p = {self.wilcoxon:.2g}, "
            f"better in {self.wins} of {self.n}"
        )


def compare(first, second, *, confidence: float = 0.95, seed: int = 0) -> Comparison:
    """Paired comparison of scores, where more is better.

        d = first − second      t = mean(d)·√n / std(d)      d_z = mean(d) / std(d)

    Args:
      first, second: (n,) scores, pair by pair; std has n − 1 degrees of freedom.
      confidence: of the interval; seed: of the bootstrap.
    Errors: lists of different lengths, nan, fewer than two pairs.
    Source: Student's paired t-test as in van Beers et al. 2019, section 5; Cohen 1988 (d_z); Wilcoxon 1945, with
      differences of zero left out (SciPy's "wilcox").
    """
    a, b = paired(first, second)
    d = a - b
    spread = float(d.std(ddof=1))
    constant = spread <= 1e-12 * max(1.0, float(np.abs(d).max()))
    t, p = (float("nan"), float("nan")) if constant else map(float, stats.ttest_rel(a, b))
    return Comparison(
        n=len(d),
        mean=float(d.mean()),
        interval=bootstrap_mean(d, confidence=confidence, seed=seed) if len(d) >= FEW else of_few(d, confidence),
        t=t,
        p=p,
        effect=float("nan") if constant else float(d.mean()) / spread,
        wilcoxon=float(stats.wilcoxon(d).pvalue) if np.any(d != 0) else 1.0,
        wins=int(np.count_nonzero(d > 0)),
        ties=int(np.count_nonzero(d == 0)),
    )


def of_few(differences: np.ndarray, confidence: float) -> Interval:
    """mean ± t_{n−1}·std/√n, which assumes normal differences."""
    mean, error = float(differences.mean()), float(stats.sem(differences))
    half = error * float(stats.t.ppf((1 + confidence) / 2, len(differences) - 1))
    return Interval(mean, mean - half, mean + half, confidence)


def paired(first, second) -> tuple[np.ndarray, np.ndarray]:
    """Two float64 arrays that can be compared. Raises: UsageError where they cannot."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.ndim != 1 or b.ndim != 1 or len(a) != len(b):
        raise UsageError(
            f"a paired test needs one score of each loss per pair, received {a.size} and {b.size}; "
            "compare only what was run with both"
        )
    if len(a) < 2:
        raise UsageError(f"a paired test needs at least 2 pairs, received {len(a)}; run more settings or --seeds")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UsageError("a paired test needs numbers; leave out pairs of which one has no score")
    return a, b


def paired_by_key(first: Mapping, second: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Scores by image or setting, put in the same order.

    Errors: keys that one of them lacks.
    """
    missing = set(first) ^ set(second)
    if missing:
        raise UsageError(
            f"{len(missing)} scores have no partner, such as {sorted(map(str, missing))[0]}; "
            "compare only what was run with both"
        )
    keys = list(first)
    return paired([first[key] for key in keys], [second[key] for key in keys])


def mean_error_reduction(better, baseline) -> float:
    """The share of the baseline's error that is gone, mean over the pairs.

        mean ((1 − baseline) − (1 − better)) / (1 − baseline)

    Errors: as of `compare`; a baseline of 1 has no error to reduce.
    """
    a, b = paired(better, baseline)
    if np.any(b >= 1):
        raise UsageError("a baseline score of 1 leaves no error to reduce; leave that pair out")
    return float(np.mean((a - b) / (1 - b)))


def total_error_reduction(better, baseline) -> float:
    """Share of the baseline's mean error that is gone; pairs with large errors count for more.

        Σ (better − baseline) / Σ (1 − baseline) = 1 − mean error / mean error of the baseline

    Errors: as of `compare`; a baseline without any error.
    Source: "on average over all cases the error margin is reduced by 17.5 %", van Beers et al. 2019, section 5, whose
      16 pairs give 17.5 % by this formula and 17.1 % by that of `mean_error_reduction`.
    """
    a, b = paired(better, baseline)
    if np.all(b >= 1):
        raise UsageError("a baseline whose scores are all 1 leaves no error to reduce; compare other pairs")
    return float(np.sum(a - b) / np.sum(1 - b))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of several tests, adjusted so that a false alarm among all of them is as rare as in one test.

        p'_(k) = max_{j ≤ k} min(1, (m − j + 1)·p_(j))      p_(1) ≤ … ≤ p_(m)

    nan (a test that could not be made) stays nan and does not count in m.
    Source: Holm 1979.
    """
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted.tolist()
