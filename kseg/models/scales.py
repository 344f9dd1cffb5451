"""Multi-scale inputs: one network sees the image at several sizes, and the maximum of its scores is taken.

    scores = max_s resampled(network(image at scale s))      s = 0.5, 0.75, 1 in DeepLab v2 and Kim et al. 2019

The maximum is taken on the network's own grid (`kseg.models.grid`), before the scores are upsampled to the image's
size.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import layers

from kseg.errors import UsageError
from kseg.layers import AuxiliaryScores, Rescale
from kseg.models.grid import Grid, made_by, own_grid

MAXIMUM = "maximum_of_scales"
"""Name of the layer that combines the scales."""

AUXILIARY = "auxiliary"

MOST = 4.0
"""Largest scale; an image has sixteen times as many pixels there."""


class Part(NamedTuple):
    """Scores with a loss of their own, beside others of the same image."""

    scores: Any
    """KerasTensor (N, h, w, C)"""
    lies: str
    """see `kseg.models.grid`"""
    pixels: float
    """pixels of the image per position, along each axis"""
    weight: float = 1.0
    """of the loss"""


def check_scales(scales: Sequence[float]) -> None:
    """Raises UsageError for scales out of range, and for scales without 1."""
    words = " ".join(f"{scale:g}" for scale in scales)
    if any(not 0 < scale <= MOST for scale in scales):
        raise UsageError(f"--scales is {words}; each scale must be above 0 and at most {MOST:g}")
    if scales and (1 not in scales or len(set(scales)) < max(2, len(scales))):
        raise UsageError(f"--scales is {words}; wanted two or more different scales including 1, such as 0.5 0.75 1")


def with_scales(network: keras.Model, scales: Sequence[float]) -> keras.Model:
    """A network of the same layers that sees the image at every scale.

    Args:
      network: functional, images (N, H, W, 3) to scores or probabilities (N, H, W, C).
      scales: factors of the image's size, including 1; the image at scale s has ⌈s·H⌉ rows. (): the network unchanged.
    Returns:
      a flat functional model of the same inputs, outputs and weights.
    Errors: UsageError for other scales, and for a network that already has several scales.
    Source: Chen et al. 2018, section 3.2 ("multi-scale inputs"); Kim et al. 2019, section 4. Deviations: none.
    """
    check_scales(scales)
    if not scales:
        return network
    if is_multi_scale(network):
        raise UsageError(f"{network.name} already sees the image at several scales; leave --scales out")
    grid = own_grid(network)
    image = network.inputs[0]
    front = keras.Model(network.input, grid.scores, name=network.name)
    aligned = grid.lies == "aligned"
    together = []
    for scale in sorted(scales):
        if scale == 1:
            together.append(grid.scores)
            continue
        smaller = Rescale(scale, aligned=aligned, name=f"image_at_{scale:g}")(image)
        scores = _called(front, smaller, scale)
        back = Rescale(None if grid.lies == "stretched" else 1 / scale, aligned=aligned, name=f"scores_at_{scale:g}")
        together.append(back([scores, grid.scores]))
    largest = layers.Maximum(name=MAXIMUM, dtype="float32")(together)
    return keras.Model(image, grid.completed(largest, image), name=network.name)


def _called(front: keras.Model, image: Any, scale: float) -> Any:
    """The scores of another image, by `front.call`, since `front(image)` would nest the model and hide its layers."""
    try:
        return front.call(image)
    except ValueError as error:
        height, width = image.shape[1:3]
        if height is None or width is None:
            raise
        raise UsageError(
            f"--scales {scale:g} makes images of {height}×{width} pixels, too small for {front.name}; leave small "
            "scales out, or feed larger images"
        ) from error


def is_multi_scale(network: keras.Model) -> bool:
    """Whether `with_scales` made it."""
    return any(layer.name == MAXIMUM for layer in network.layers)


def parts(network: keras.Model, *, on_grid: bool) -> list[Part]:
    """All scores with a loss: those at each scale, of an auxiliary head at each scale, and their maximum.

    Args:
      on_grid: give scores on the network's own grid; otherwise at the image's size at each scale.
    """
    grid = own_grid(network)
    several = _single_scales(network, grid)
    scaled_parts = [_part(grid, scores, image, scale, on_grid=on_grid) for scores, image, scale in several]
    for scores, image, scale in several or [(grid.scores, network.inputs[0], 1.0)]:
        if (second := auxiliary(scores)) is not None:
            part = _part(grid, second[0], image, scale, on_grid=on_grid, name=f"{AUXILIARY}_at_{scale:g}")
            scaled_parts.append(part._replace(weight=second[1]))
    whole = Part(grid.scores, grid.lies, grid.stride) if on_grid else Part(network.outputs[0], "centers", 1)
    return [*scaled_parts, whole]


def auxiliary(scores: Any) -> tuple[Any, float] | None:
    """The scores of the auxiliary head attached to scores on a network's grid, and the weight of their loss."""
    call = made_by(scores)
    if not isinstance(call.operation, AuxiliaryScores):
        return None
    return call.input_tensors[1], call.operation.weight


def _single_scales(network: keras.Model, grid: Grid) -> list[tuple[Any, Any, float]]:
    """(scores on the grid, the image, the scale) of each scale; [] for a network with a single scale."""
    if not is_multi_scale(network):
        return []
    image, branches = network.inputs[0], []
    for tensor in made_by(grid.scores).input_tensors:
        call = made_by(tensor)
        if not isinstance(call.operation, Rescale) or not call.operation.name.startswith("scores_at_"):
            branches.append((tensor, image, 1.0))
            continue
        smaller = network.get_layer(call.operation.name.replace("scores_at_", "image_at_"))
        branches.append((call.input_tensors[0], smaller.output, smaller.scale))
    return branches


def _part(grid: Grid, scores: Any, image: Any, scale: float, *, on_grid: bool, name: str = "") -> Part:
    if on_grid:
        return Part(scores, grid.lies, grid.stride / scale)
    unactivated = grid._replace(finish=())
    whole = unactivated.completed(scores, image, name=f"crop_{name or f'at_{scale:g}'}")
    return Part(whole, "aligned" if grid.lies == "aligned" else "centers", 1 / scale)
