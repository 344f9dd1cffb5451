"""Does one number grow with another? Rank correlation with its interval, for as few points as a paper has."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy import stats

from kseg.errors import UsageError

EXACT_UP_TO = 7
"""Up to this number of points all orders are tried: 7! = 5,040."""


@dataclass(frozen=True)
class Correlation:
    """The rank correlation of n points."""

    n: int
    value: float
    """Spearman's ρ, −1 … 1"""
    low: float
    high: float
    """interval of ρ; nan where |ρ| = 1, for which the formula has no interval"""
    p: float
    """two-sided, of ρ = 0"""


def rank_correlation(x: Sequence[float], y: Sequence[float], *, confidence: float = 0.95) -> Correlation:
    """Spearman's rank correlation of n pairs.

        ρ = Pearson's correlation of the ranks (ties share their mean rank)
        interval: tanh(artanh ρ ± z·√((1 + ρ²/2)/(n − 3)))

    Args:
      x, y: (n,) finite numbers.
      confidence: of the interval.
    p is the share of the n! orders with a |ρ| as large, up to 7 points; from 8 points on it is that of Student's t.
    Errors: fewer than 4 pairs, lists of different lengths, a constant list.
    Source: Spearman 1904; the interval's variance of Bonett & Wright 2000.
    """
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 4 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UsageError(f"a correlation needs at least 4 pairs of numbers, received {a.size} and {b.size}")
    first, second = stats.rankdata(a), stats.rankdata(b)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        raise UsageError("a correlation needs numbers that differ, received one and the same for all points")
    first, second = (ranks - ranks.mean() for ranks in (first, second))
    scale = math.sqrt((first @ first) * (second @ second))
    value = float(first @ second) / scale
    if len(a) <= EXACT_UP_TO:
        others = np.array(list(permutations(second))) @ first / scale
        p = float(np.mean(np.abs(others) >= abs(value) - 1e-12))
    else:
        p = float(stats.spearmanr(a, b).pvalue)
    low = high = math.nan
    if abs(value) < 1 - 1e-12:
        spread = stats.norm.ppf((1 + confidence) / 2) * math.sqrt((1 + value**2 / 2) / (len(a) - 3))
        low, high = (math.tanh(math.atanh(value) + side * spread) for side in (-1, 1))
    return Correlation(len(a), value, low, high, p)
