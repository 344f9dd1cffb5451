"""Values of a loss on simple pictures: one pixel's logit varied, a disc shifted, a disc grown.

For losses of skeletons the disc is replaced by its outline, a ring, because the skeleton of a thick disc is a point.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from kseg.conventions import output_channels
from kseg.errors import UsageError
from kseg.losses.base import LOSSES, SegmentationLoss
from kseg.losses.compose import describe, parse

HEIGHT, WIDTH = 32, 72
CENTER = (HEIGHT - 1) / 2, (WIDTH - 1) / 2
RADIUS = 8.0
BAND = 27
"""With three classes, the rows from this one on are the third class."""
STEEPNESS, SURE, UNSURE = 2.0, 6.0, 2.0
"""Logits of a disc rise by 2 per pixel across its edge, up to ±6; up to ±2 where one pixel's logit is varied."""
OFF_BY = 4
"""How far the unsure disc is shifted, so that other pixels are wrong as well."""
PIXELS = {1: (16, 40), 0: (16, 25)}
"""Truth at a pixel → its (row, column): a pixel 5 inside the rim of the truth, and a pixel 2 outside."""

RING_PIXELS = {1: (16, 43), 0: (16, 25)}
"""Truth at a pixel → its (row, column), for the ring: a pixel on the ring, and a pixel outside."""
HALF_WIDTH = 1.5
"""Width of the ring in pixels."""

LOGITS = np.linspace(-8.0, 8.0, 129)
SHIFTS = np.linspace(-24.0, 24.0, 97)
RADII = np.linspace(0.0, 15.0, 61)


@dataclass(frozen=True)
class Curve:
    """The loss, and each weighted part of a sum, at every x."""

    x: np.ndarray
    total: np.ndarray
    parts: dict[str, np.ndarray]


@dataclass(frozen=True)
class Subject:
    """The loss to draw: its weighted parts, each giving one value per image, and the number of classes."""

    spec: str
    parts: dict[str, tuple[float, SegmentationLoss]]
    num_classes: int

    @property
    def scale(self) -> float:
        """Σ |weight|: a sum's values and their rounding errors are proportional to it."""
        return sum(abs(weight) for weight, _ in self.parts.values())

    @property
    def ring(self) -> bool:
        """Whether a ring is drawn instead of a disc."""
        return any(loss.thin_things for _, loss in self.parts.values())

    @property
    def shape(self) -> str:
        return "ring" if self.ring else "disc"

    @property
    def pixels(self) -> dict[int, tuple[int, int]]:
        """Truth at a pixel to its (row, column)."""
        return RING_PIXELS if self.ring else PIXELS

    @property
    def channel(self) -> int:
        """The disc's channel in a prediction."""
        return min(1, output_channels(self.num_classes) - 1)


def subject(spec: str, num_classes: int | None = None) -> Subject:
    """The loss that a line of text means; two classes unless a part of it takes only more.

    Raises:
      UsageError: unknown names or options, or a number of classes that a part does not take.
    """
    parts: dict[str, tuple[float, SegmentationLoss]] = {}
    for weight, name, options in parse(spec):
        loss = LOSSES[name](**{**options, "reduction": "none", "from_logits": True})
        label = ("" if weight == 1.0 else f"{weight:g}*") + describe(loss)
        while label in parts:
            label += " "  # the same part twice is still two parts
        parts[label] = weight, loss
    losses = [loss for _, loss in parts.values()]
    if num_classes is None:
        num_classes = 2 if all("binary" in loss.problems for loss in losses) else 3
    if num_classes not in (2, 3):
        raise UsageError(f"{num_classes} classes cannot be drawn; choose 2 or 3")
    problem = "binary" if num_classes == 2 else "multi-class"
    for loss in losses:
        if problem not in loss.problems:
            raise UsageError(f"loss {loss.registry_name!r} takes {loss.problems[0]} predictions, not {problem} ones")
    return Subject(spec, parts, num_classes)


def truth(num_classes: int, *, ring: bool = False) -> np.ndarray:
    """(H, W) label map: a disc or ring of class 1 on background; with three classes, a band of class 2 below it."""
    labels = (_depth(RADIUS, ring=ring) >= 0.0).astype("uint8")
    if num_classes > 2:
        labels[BAND:] = 2
    return labels


def disc(
    num_classes: int, *, shift: float = 0.0, radius: float = RADIUS, sure: float = SURE, ring: bool = False
) -> np.ndarray:
    """(H, W, C) logits that predict a disc or a ring."""
    logits = np.clip(STEEPNESS * _depth(radius, shift, ring=ring), -sure, sure)[..., None]
    if num_classes == 2:
        return logits
    band = np.where(np.arange(HEIGHT) >= BAND, sure, -sure)[:, None, None]
    return np.concatenate([np.zeros_like(logits), logits, np.broadcast_to(band, logits.shape)], axis=-1)


def against_logit(loss: Subject, at: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient as the disc's logit at one pixel runs through `LOGITS`; its other logits are 0."""
    pictures = np.repeat(disc(loss.num_classes, shift=OFF_BY, sure=UNSURE, ring=loss.ring)[None], len(LOGITS), axis=0)
    pictures[:, at[0], at[1], :] = 0.0
    pictures[:, at[0], at[1], loss.channel] = LOGITS
    values, gradients = np.zeros(len(LOGITS)), np.zeros(pictures.shape)
    for weight, part in loss.parts.values():
        value, gradient = _values(part, loss, pictures, with_gradient=True)
        values += weight * value
        gradients += weight * gradient
    return values, gradients[:, at[0], at[1], loss.channel]


def against_shift(loss: Subject) -> Curve:
    return _curve(loss, SHIFTS, [disc(loss.num_classes, shift=shift, ring=loss.ring) for shift in SHIFTS])


def against_radius(loss: Subject) -> Curve:
    return _curve(loss, RADII, [disc(loss.num_classes, radius=radius, ring=loss.ring) for radius in RADII])


def _depth(radius: float, shift: float = 0.0, *, ring: bool) -> np.ndarray:
    """How far every pixel is inside the edge of the disc, or of the ring; negative outside."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = radius - np.hypot(rows - CENTER[0], columns - CENTER[1] - shift)
    return HALF_WIDTH - np.abs(inside) if ring else inside


def _curve(loss: Subject, x: np.ndarray, pictures: list[np.ndarray]) -> Curve:
    parts = {label: weight * _values(part, loss, np.stack(pictures))[0] for label, (weight, part) in loss.parts.items()}
    return Curve(x, np.sum(list(parts.values()), axis=0), parts)


def _values(part: SegmentationLoss, of: Subject, pictures: np.ndarray, *, with_gradient: bool = False):
    """One value per picture, and their gradients or None."""
    # A loss pooled over the batch would see the pictures as one.
    together = 1 if part.get_config().get("pooling") == "batch" else len(pictures)
    values, gradients = [], []
    for start in range(0, len(pictures), together):
        some = pictures[start : start + together].astype("float32")
        labels = np.repeat(truth(of.num_classes, ring=of.ring)[None], len(some), axis=0)
        if with_gradient:
            value, gradient = value_and_gradient(partial(part, labels), some)
            gradients.append(gradient)
        else:
            value = ops.convert_to_numpy(part(labels, some))
        values.append(value)
    return np.concatenate(values), np.concatenate(gradients) if with_gradient else None


def value_and_gradient(function: Callable[[Any], Any], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of `function` at x and the gradient of their sum, by the backend at hand."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        def total(z):
            values = function(z)
            return values.sum(), values

        (_, values), slope = jax.value_and_grad(total, has_aux=True)(jax.numpy.asarray(x))
        return np.asarray(values), np.asarray(slope)
    if backend == "torch":
        import torch

        scores = torch.tensor(x, requires_grad=True)
        values = function(scores)
        (gradient,) = torch.autograd.grad(values.sum(), scores)
        return values.detach().numpy(), gradient.numpy()
    import tensorflow as tf

    scores = tf.Variable(x)
    with tf.GradientTape() as tape:
        values = function(scores)
    return values.numpy(), tape.gradient(values, scores).numpy()
