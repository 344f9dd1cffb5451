"""Findings from the scores of panoptic answers, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kseg.wording import counted

LAG = 0.15
"""Difference between two scores that is worth a sentence."""


def remarks(scores: Mapping[str, Any], identity: str, mix_ups: Sequence[tuple[str, str, int]]) -> list[str]:
    """A few sentences, each derived from a number of `PanopticEvaluation.scores`.

    Args:
      identity: `PanopticTable.identity`, which every report shows.
      mix_ups: `PanopticEvaluation.mix_ups`.
    """
    # 1. the score and its interval
    sentences, (low, high) = [], scores["PQ_interval"].values()
    if not np.isnan(low):
        sentences.append(f"Other images of the same kind would give a PQ from {low:.3f} to {high:.3f} (95 %).")
    sentences.append(identity)
    # 2. mistakes
    segments, missed, misnamed, false = (scores[name] for name in ("segments", "missed", "misnamed", "false"))
    if segments:
        sentences.append(
            f"Of {counted(segments, 'segment')} {missed} {_are(missed)} missed and {misnamed} {_are(misnamed)} called "
            f"another class; {counted(false, 'predicted segment')} {'matches' if false == 1 else 'match'} no segment."
        )
    if mix_ups:
        truth, taken, times = mix_ups[0]
        sentences.append(f"The commonest confusion: {truth} is taken for {taken}, in {counted(times, 'segment')}.")
    # 3. scores that lie apart
    drawn, recognized = scores["SQ"], scores["RQ"]
    if drawn - recognized > LAG:
        sentences.append(
            f"Segments that are found are drawn well (SQ {drawn:.3f}), but too many are missed or made up "
            f"(RQ {recognized:.3f}): choose the thresholds of fusion on validation images."
        )
    things, stuff = scores["PQ_things"], scores["PQ_stuff"]
    if abs(things - stuff) > LAG:
        worse, better = ("things", "stuff") if things < stuff else ("stuff", "things")
        sentences.append(
            f"PQ of {worse} ({min(things, stuff):.3f}) is far below that of {better} ({max(things, stuff):.3f})."
        )
    outlines = scores["boundary_PQ"]
    if scores["PQ"] - outlines > LAG:
        sentences.append(f"Outlines are off (boundary PQ {outlines:.3f}): train at a larger size, or with finer masks.")
    # 4. the weakest class
    known = {name: value for name, value in scores["PQ_class"].items() if not np.isnan(value)}
    if len(known) > 1:
        weakest = min(known, key=known.__getitem__)
        sentences.append(f"The weakest class is {weakest} (PQ {known[weakest]:.3f}).")
    return sentences


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
