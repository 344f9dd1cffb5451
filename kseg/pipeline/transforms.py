"""Random changes of an example: pure functions of {"image", "truth"} and an explicit generator.

Geometric transforms move the image bilinearly and call the truth's own method (`Structure`), which also decides what
pixels from outside become. Color transforms leave the truth unchanged.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypedDict

import numpy as np

from kseg.conventions import LUMA
from kseg.structures import Structure


class Example(TypedDict):
    """An image and its truth, both of one size."""

    image: np.ndarray
    """uint8 (H, W, 3)"""
    truth: Structure


Transform = Callable[[Example, np.random.Generator], Example]

MEAN_COLOR = (124, 116, 104)
"""ImageNet's mean RGB, used outside an image because every network's preprocessing maps it to about 0."""


def compose(transforms: Iterable[Transform]) -> Transform:
    """One transform that applies all of them in turn."""
    return partial(_apply_all, transforms=tuple(transforms))


def _apply_all(example: Example, rng: np.random.Generator, *, transforms: tuple[Transform, ...]) -> Example:
    for transform in transforms:
        example = transform(example, rng)
    return example


def flip(example: Example, rng: np.random.Generator) -> Example:
    """Mirrors left to right with probability 1/2."""
    if not is_flipped(rng):
        return example
    return {"image": np.ascontiguousarray(example["image"][:, ::-1]), "truth": example["truth"].flipped()}


def is_flipped(rng: np.random.Generator) -> bool:
    """The random decision of `flip`."""
    return rng.random() >= 0.5


def scale(example: Example, rng: np.random.Generator, *, factors: tuple[float, float]) -> Example:
    """Resizes by a factor drawn uniformly between the two `factors`."""
    from kseg.datasets.images import resize_image

    factor = rng.uniform(*factors)
    height, width = (max(1, round(side * factor)) for side in example["truth"].size)
    return {
        "image": resize_image(example["image"], (height, width)),
        "truth": example["truth"].resized((height, width)),
    }


def crop(example: Example, rng: np.random.Generator, *, size: tuple[int, int]) -> Example:
    """Cuts out a window of `size` = (h, w) at a random place.

    An image shorter than the window along an axis lies at a random place within it, padded with `MEAN_COLOR`.
    """
    have = example["truth"].size
    offsets = [int(rng.integers(abs(side - wanted) + 1)) for side, wanted in zip(have, size, strict=True)]
    # Each axis is either cropped or padded.
    top, left = (offset if side > wanted else 0 for offset, side, wanted in zip(offsets, have, size, strict=True))
    at_row, at_column = (0 if side > wanted else at for at, side, wanted in zip(offsets, have, size, strict=True))
    height, width = (min(side, wanted) for side, wanted in zip(have, size, strict=True))
    window = example["image"][top : top + height, left : left + width]
    truth = example["truth"].cropped((top, left, top + height, left + width)).padded(size, at=(at_row, at_column))
    return {"image": pad(window, size, at=(at_row, at_column)), "truth": truth}


def pad(image: np.ndarray, size: tuple[int, int], *, at: tuple[int, int] = (0, 0)) -> np.ndarray:
    """uint8 (*size, 3): the image with its upper left corner `at` this row and column, `MEAN_COLOR` around it."""
    height, width = image.shape[:2]
    padded = np.empty((*size, 3), np.uint8)
    padded[:] = MEAN_COLOR
    padded[at[0] : at[0] + height, at[1] : at[1] + width] = image
    return padded


def scale_and_crop(
    example: Example, rng: np.random.Generator, *, factors: tuple[float, float], size: tuple[int, int] | None
) -> Example:
    """`scale`, then `crop` to `size` or to the image's old size, since images of one batch must have equal sizes."""
    return crop(scale(example, rng, factors=factors), rng, size=size or example["truth"].size)


def color(example: Example, rng: np.random.Generator, *, strength: float) -> Example:
    """Changes brightness, contrast and saturation, each by a factor from [1 − strength, 1 + strength].

        x ← b·x      x ← m + c·(x − m)      x ← g + s·(x − g)

    with m the mean gray of the image and g the gray of the pixel; clipped to 0..255 at the end.
    """
    brightness, contrast, saturation = rng.uniform(1 - strength, 1 + strength, size=3).astype(np.float32)
    x = example["image"].astype(np.float32) * brightness
    weights = np.asarray(LUMA, np.float32)
    mean = np.mean(x @ weights)
    x = mean + contrast * (x - mean)
    gray = (x @ weights)[..., None]
    x = gray + saturation * (x - gray)
    return {"image": _to_uint8(x), "truth": example["truth"]}


def vertical_flip(example: Example, rng: np.random.Generator) -> Example:
    """Turns upside down with probability 1/2."""
    if rng.random() < 0.5:
        return example
    return {"image": np.ascontiguousarray(example["image"][::-1]), "truth": example["truth"].flipped(vertical=True)}


def rotate(example: Example, rng: np.random.Generator, *, degrees: float) -> Example:
    """Rotates about the center by an angle drawn uniformly from [−degrees, degrees]; the size stays.

    Pixels from outside the image are `MEAN_COLOR`.
    """
    from PIL import Image

    angle = float(rng.uniform(-degrees, degrees))
    image = Image.fromarray(example["image"]).rotate(angle, Image.Resampling.BILINEAR, fillcolor=MEAN_COLOR)
    return {"image": np.array(image), "truth": example["truth"].rotated(angle)}


def blur(example: Example, rng: np.random.Generator, *, sigma: float) -> Example:
    """Gaussian blur with a standard deviation, in pixels, drawn uniformly from [0, sigma].

    The borders are mirrored, since a constant color beyond them would darken the rim.
    """
    from scipy import ndimage

    drawn = float(rng.uniform(0.0, sigma))
    blurred = ndimage.gaussian_filter(example["image"].astype(np.float32), (drawn, drawn, 0), mode="mirror")
    return {"image": _to_uint8(blurred), "truth": example["truth"]}


def noise(example: Example, rng: np.random.Generator, *, sigma: float) -> Example:
    """Adds Gaussian noise to every value, with a standard deviation drawn uniformly from [0, sigma]."""
    drawn = float(rng.uniform(0.0, sigma))
    noisy = example["image"] + drawn * rng.standard_normal(example["image"].shape, dtype=np.float32)
    return {"image": _to_uint8(noisy), "truth": example["truth"]}


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
