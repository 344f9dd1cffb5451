"""A paper's claims, and whether they hold for our results: held, did not hold, or cannot be judged.

The rules are the same for every claim. They stand here, so that the author of a report does not decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kseg.errors import UsageError
from kseg.lab.statistics.correlation import rank_correlation
from kseg.lab.statistics.paired_tests import Comparison, compare
from kseg.lab.statistics.words import numbers, shown

Verdict = Literal["held", "did not hold", "cannot be judged"]

ALPHA = 0.05

TITLE = "What held of the paper's claims"

RULES = (
    "A difference held where p < 0.05 (paired t-test) with the paper's sign; it did not hold where that is not so and "
    "the 95 % interval ends below the paper's own mean difference. “Alike” did not hold where p < 0.05 or "
    "where one pair is further apart than the paper says; it held where otherwise the interval lies within that. “No "
    "conclusion” held where p ≥ 0.05. “Grows” held where the 95 % interval of Spearman's ρ lies above 0; it did not "
    "hold where that lies below 0. “The same loss” held where it is so in every pair. What remains cannot be judged."
)


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper against our figures."""

    subject: str
    statement: str
    """the paper's sentence, with its figures"""
    evidence: str
    """our figures, with p, effect and interval"""
    verdict: Verdict


def larger(
    subject: str, statement: str, of: str, first: Sequence[float], second: Sequence[float], paper: float
) -> Claim:
    """The paper says that the first is larger, by `paper` in the mean; `of` names the difference, "big minus small".

    Held: the mean difference is above 0 with p < 0.05 (paired t-test). Did not hold: otherwise, where the 95 %
    interval of the mean difference ends below the paper's. Cannot be judged: all else, because the data exclude neither
    a difference of 0 nor the paper's; and fewer than two pairs.
    """
    result = _compared(first, second)
    if isinstance(result, str):
        return Claim(subject, statement, result, "cannot be judged")
    if result.mean > 0 and result.p < ALPHA:
        return Claim(subject, statement, numbers(of, result), "held")
    return Claim(
        subject, statement, numbers(of, result), "did not hold" if result.interval.high < paper else "cannot be judged"
    )


def alike(
    subject: str, statement: str, of: str, first: Sequence[float], second: Sequence[float], margin: float
) -> Claim:
    """The paper finds no difference between the two.

    Did not hold: p < 0.05, or a single pair is further apart than `margin`. Held: otherwise, where the 95 %
    interval of the mean difference lies within ± `margin`. Cannot be judged: all else.
    """
    result = _compared(first, second)
    if isinstance(result, str):
        return Claim(subject, statement, result, "cannot be judged")
    furthest = float(np.abs(np.subtract(first, second)).max())
    evidence = f"{numbers(of, result)}; furthest apart {furthest:.4f}"
    if result.p < ALPHA or furthest > margin:
        return Claim(subject, statement, evidence, "did not hold")
    within = -margin <= result.interval.low and result.interval.high <= margin
    return Claim(subject, statement, evidence, "held" if within else "cannot be judged")


def inconclusive(subject: str, statement: str, of: str, first: Sequence[float], second: Sequence[float]) -> Claim:
    """The paper says that no conclusion can be drawn from its figures: held where p ≥ 0.05 here too."""
    result = _compared(first, second)
    if isinstance(result, str) or np.isnan(result.p):
        return Claim(
            subject, statement, result if isinstance(result, str) else numbers(of, result, 2), "cannot be judged"
        )
    return Claim(subject, statement, numbers(of, result, 2), "did not hold" if result.p < ALPHA else "held")


def growing(subject: str, statement: str, x: Sequence[float], y: Sequence[float]) -> Claim:
    """The paper says that y grows with x.

    Held: the 95 % interval of Spearman's ρ lies above 0 (or ρ = 1 with p < 0.05). Did not hold: it lies below 0 (or
    ρ = −1 with p < 0.05). Cannot be judged: all else, and fewer than four points.
    """
    try:
        correlation = rank_correlation(x, y)
    except UsageError as error:
        return Claim(subject, statement, str(error), "cannot be judged")
    perfect = abs(correlation.value) > 1 - 1e-9 and correlation.p < ALPHA
    low, high = (correlation.value, correlation.value) if perfect else (correlation.low, correlation.high)
    interval = f"[{shown(correlation.low, '+.2f')}, {shown(correlation.high, '+.2f')}]"
    text = f"Spearman's ρ = {shown(correlation.value, '+.2f')} {interval} over {correlation.n} categories"
    text += f", p = {shown(correlation.p, '.2g')}"
    return Claim(subject, statement, text, "held" if low > 0 else "did not hold" if high < 0 else "cannot be judged")


def _compared(first: Sequence[float], second: Sequence[float]) -> Comparison | str:
    try:
        return compare(first, second)
    except UsageError as error:
        return str(error)
