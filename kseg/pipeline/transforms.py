"""Random changes of an example: pure functions of {"image", "label"} and an explicit generator.

What moves pixels moves image and label alike: labels by nearest, and what comes from outside is `VOID`. What changes
colours leaves labels alone.
"""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from kseg.conventions import VOID

Example = dict[str, np.ndarray]
"""{"image": uint8 (H, W, 3), "label": uint8 (H, W)}"""

Transform = Callable[[Example, np.random.Generator], Example]

MEAN_COLOUR = (124, 116, 104)
"""ImageNet's mean RGB: what stands outside an image, because it becomes about 0 in every network's preprocessing."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in the grey value (ITU-R BT.601)."""


def compose(transforms: Iterable[Transform]) -> Transform:
    """One transform that applies all of them in turn."""
    return partial(_apply_all, transforms=tuple(transforms))


def _apply_all(example: Example, rng: np.random.Generator, *, transforms: tuple[Transform, ...]) -> Example:
    for transform in transforms:
        example = transform(example, rng)
    return example


def flip(example: Example, rng: np.random.Generator) -> Example:
    """Mirrored left to right with probability 1/2."""
    if not is_flipped(rng):
        return example
    return {name: np.ascontiguousarray(array[:, ::-1]) for name, array in example.items()}


def is_flipped(rng: np.random.Generator) -> bool:
    """The coin that `flip` tosses."""
    return rng.random() >= 0.5


def scale(example: Example, rng: np.random.Generator, *, factors: tuple[float, float]) -> Example:
    """Resized (image bilinear, labels nearest) by a factor drawn uniformly between the two `factors`."""
    from kseg.datasets.images import resize_image, resize_labels

    factor = rng.uniform(*factors)
    h, w = (max(1, round(side * factor)) for side in example["label"].shape)
    return {"image": resize_image(example["image"], (h, w)), "label": resize_labels(example["label"], (h, w))}


def crop(example: Example, rng: np.random.Generator, *, size: tuple[int, int]) -> Example:
    """A window of `size` = (h, w) at a random place.

    An axis shorter than the window lies at a random place within it, surrounded by `MEAN_COLOUR` and `VOID`.
    """
    source, target = [], []
    for have, want in zip(example["label"].shape, size, strict=True):
        offset = int(rng.integers(abs(have - want) + 1))
        length = min(have, want)
        source.append(slice(offset, offset + length) if have > want else slice(0, length))
        target.append(slice(0, length) if have > want else slice(offset, offset + length))
    image = np.empty((*size, 3), np.uint8)
    image[:] = MEAN_COLOUR
    label = np.full(size, VOID, np.uint8)
    image[target[0], target[1]] = example["image"][source[0], source[1]]
    label[target[0], target[1]] = example["label"][source[0], source[1]]
    return {"image": image, "label": label}


def scale_and_crop(
    example: Example, rng: np.random.Generator, *, factors: tuple[float, float], size: tuple[int, int] | None
) -> Example:
    """`scale`, then `crop` to `size`, or to the size the image had: images of one batch must stay equal in size."""
    height, width = example["label"].shape
    return crop(scale(example, rng, factors=factors), rng, size=size or (height, width))


def colour(example: Example, rng: np.random.Generator, *, strength: float) -> Example:
    """Brightness, contrast and saturation each times a factor from [1 − strength, 1 + strength]; labels untouched.

        x ← b·x      x ← m + c·(x − m)      x ← g + s·(x − g)

    with m the mean grey of the image and g the grey of the pixel; clipped to 0..255 at the end.
    """
    brightness, contrast, saturation = rng.uniform(1 - strength, 1 + strength, size=3).astype(np.float32)
    x = example["image"].astype(np.float32) * brightness
    weights = np.asarray(LUMA, np.float32)
    mean = np.mean(x @ weights)
    x = mean + contrast * (x - mean)
    grey = (x @ weights)[..., None]
    x = grey + saturation * (x - grey)
    return {**example, "image": _to_uint8(x)}


def vertical_flip(example: Example, rng: np.random.Generator) -> Example:
    """Turned upside down with probability 1/2."""
    if rng.random() < 0.5:
        return example
    return {name: np.ascontiguousarray(array[::-1]) for name, array in example.items()}


def rotate(example: Example, rng: np.random.Generator, *, degrees: float) -> Example:
    """Turned about its center by an angle drawn uniformly from [−degrees, degrees]; the size stays.

    Image bilinear, labels nearest; what turns in from outside is `MEAN_COLOUR` and `VOID`.
    """
    from PIL import Image

    angle = float(rng.uniform(-degrees, degrees))
    image = Image.fromarray(example["image"]).rotate(angle, Image.Resampling.BILINEAR, fillcolor=MEAN_COLOUR)
    label = Image.fromarray(example["label"]).rotate(angle, Image.Resampling.NEAREST, fillcolor=VOID)
    return {"image": np.array(image), "label": np.array(label)}


def blur(example: Example, rng: np.random.Generator, *, sigma: float) -> Example:
    """A Gaussian whose standard deviation, in pixels, is drawn uniformly from [0, sigma]; labels untouched.

    The borders are mirrored: a constant color beyond them would darken the rim.
    """
    from scipy import ndimage

    drawn = float(rng.uniform(0.0, sigma))
    blurred = ndimage.gaussian_filter(example["image"].astype(np.float32), (drawn, drawn, 0), mode="mirror")
    return {**example, "image": _to_uint8(blurred)}


def noise(example: Example, rng: np.random.Generator, *, sigma: float) -> Example:
    """Independent Gaussian noise of every value, its standard deviation drawn uniformly from [0, sigma]; labels
    untouched."""
    drawn = float(rng.uniform(0.0, sigma))
    noisy = example["image"] + drawn * rng.standard_normal(example["image"].shape, dtype=np.float32)
    return {**example, "image": _to_uint8(noisy)}


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
