"""Truth with bands behind the label: what the pipeline computes once per image, and which loss reads what of it.

A packed y_true is (N, H, W, 1 + B), float32: the label, then the bands of every kind that some part of the loss reads,
in the order of `BANDS`. A loss says which kind it reads by `packed_truth`; metrics read the label alone.

distance    one per channel of the prediction: signed distance in pixels to the boundary of its class
            (`kseg.losses.boundary.signed_distance`)
image       the image itself, divided by 255
"""

from collections.abc import Iterable

from keras import ops

from kseg.losses.pixels import Tensor

BANDS = ("distance", "image")


def bands_read(kinds: Iterable[str | None]) -> tuple[str, ...]:
    """The kinds of bands that losses read together, in the order in which they are packed."""
    read = set(kinds)
    return tuple(kind for kind in BANDS if kind in read)


def own_truth(y_true: Tensor, y_pred: Tensor, packed: tuple[str, ...], wanted: str | None) -> Tensor:
    """What a loss that reads `wanted` bands (None: none) is given of a y_true that holds the kinds `packed`.

    A truth that is not packed, (N, H, W) or (N, H, W, 1), passes through, as does any if nothing is `packed`.
    """
    if not packed or len(y_true.shape) != 4 or y_true.shape[-1] == 1:
        return y_true
    if wanted is None:
        return y_true[..., 0]
    distances = y_pred.shape[-1] if "distance" in packed else 0
    first, last = (1, 1 + distances) if wanted == "distance" else (1 + distances, y_true.shape[-1])
    if (first, last) == (1, y_true.shape[-1]):
        return y_true
    return ops.concatenate([y_true[..., :1], y_true[..., first:last]], axis=-1)
