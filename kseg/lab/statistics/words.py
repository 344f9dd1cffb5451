"""Results of tests in words and digits."""

from collections.abc import Sequence

import numpy as np

from kseg.errors import UsageError
from kseg.lab.statistics.paired_tests import Comparison, mean_error_reduction, total_error_reduction
from kseg.wording import DASH, counted


def difference(result: Comparison, digits: int = 4) -> tuple[str, str]:
    """The mean difference and its interval."""
    low, high = result.interval.low, result.interval.high
    return shown(result.mean, f"+.{digits}f"), f"[{shown(low, f'+.{digits}f')}, {shown(high, f'+.{digits}f')}]"


def shown(value: float, form: str) -> str:
    """A number as text: differences with a minus sign, 3e-7 instead of 3e-07, a dash for nan."""
    if np.isnan(value):
        return DASH
    return f"{value:{form}}".replace("-", "−") if form.endswith("f") else f"{value:{form}}".replace("e-0", "e-")


def error_reduction(first: Sequence[float], baseline: Sequence[float]) -> str:
    """A sentence on the share of the baseline's error that is gone; empty where the share has no meaning."""
    try:
        total, mean = total_error_reduction(first, baseline), mean_error_reduction(first, baseline)
    except UsageError:
        return ""
    return (
        f"{100 * abs(total):.1f} % {'less' if total >= 0 else 'more'} error in all "
        f"({100 * abs(mean):.1f} % {'less' if mean >= 0 else 'more'} in the mean over the pairs)"
    )


def numbers(of: str, result: Comparison, digits: int = 4) -> str:
    """Difference, interval, p, effect and count in one line."""
    mean, interval = difference(result, digits)
    tested = (
        "all differences the same"
        if np.isnan(result.p)
        else f"p = {shown(result.p, '.2g')}, d_z = {shown(result.effect, '.2f')}"
    )
    return f"{of} {mean} {interval} over {counted(result.n, 'pair')}, {tested}, above 0 in {result.wins}"
