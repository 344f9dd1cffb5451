"""The outputs of a semantic network, probabilities (H, W, C), and checks of them."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from kseg.conventions import output_channels
from kseg.datasets.images import Streamed
from kseg.errors import Failure, UsageError
from kseg.wording import counted

ROUNDING = 1e-3
"""Half precision may put a probability this far outside of [0, 1]."""


def misfit(outputs: Any, classes: Sequence[str]) -> str:
    """Why a model with these outputs cannot tell the classes apart; "" where it can."""
    shapes = [tuple(tensor.shape) for tensor in outputs or ()]
    if [len(shape) for shape in shapes] != [4] or shapes[0][-1] is None:
        return f"it should give (N, H, W, C) with a fixed number of classes, it gives {shapes}"
    channels, needed = shapes[0][-1], output_channels(len(classes))
    if len(classes) >= 2 and channels in (needed, len(classes)):
        return ""
    return (
        f"{counted(channels, 'output channel')} do not fit the classes {', '.join(classes) or '(none)'}, "
        f"which need {needed}; two classes take one channel, more take one each"
    )


def checked(probabilities: np.ndarray) -> np.ndarray:
    """float32 (N, H, W, C) within [0, 1].

    Raises:
      Failure: nan or infinity.
      UsageError: values outside of [0, 1].
    """
    lowest, highest = float(probabilities.min()), float(probabilities.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise Failure("the model gives nan or infinity: its weights are not finite; take an earlier or another model")
    if lowest < -ROUNDING or highest > 1 + ROUNDING:
        raise UsageError(
            f"the model gives values from {lowest:.3g} to {highest:.3g} where probabilities in [0, 1] are wanted; "
            "if it gives logits, add a sigmoid or softmax"
        )
    return np.clip(probabilities, 0, 1)


Kind = TypeVar("Kind", np.ndarray, Streamed)


def in_order(probabilities: Kind, order: Sequence[int]) -> Kind:
    """(H, W, C) with the channels of the classes in another order; C = 1 is the second of two classes."""
    if isinstance(probabilities, Streamed):
        return probabilities.mapped(lambda piece: in_order(piece, order))
    if list(order) == sorted(order):
        return probabilities
    return 1 - probabilities if probabilities.shape[-1] == 1 else probabilities[..., list(order)]
