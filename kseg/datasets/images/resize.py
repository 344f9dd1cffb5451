"""Resizing with half-pixel centres: images antialiased, labels by nearest neighbour, probabilities bilinear."""

import numpy as np
from PIL import Image


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3) to uint8 (h, w, 3), bilinear; shrinking averages over what it covers (antialiased)."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) to (h, w): each pixel takes the label under its centre, so no label is invented."""
    if labels.shape[:2] == tuple(size):
        return labels
    rows, columns = (_centres_under(old, new) for old, new in zip(labels.shape[:2], size, strict=True))
    return labels[rows[:, None], columns[None, :]]


def resize_probabilities(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W, C) to (h, w, C), bilinear between pixel centres, edges clamped; stays within 0..1."""
    resized = np.asarray(probabilities, dtype=np.float32)
    for axis, new in enumerate(size):
        resized = _interpolate(resized, new, axis)
    return resized


def _centres_under(old: int, new: int) -> np.ndarray:
    # floor((i + ½)·old/new) in integers, so that no rounding moves a label.
    return (2 * np.arange(new) + 1) * old // (2 * new)


def _interpolate(values: np.ndarray, new: int, axis: int) -> np.ndarray:
    old = values.shape[axis]
    if old == new:
        return values
    position = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, old - 1)
    weight_shape = [1] * values.ndim
    weight_shape[axis] = new
    weight = (position - below).astype(np.float32).reshape(weight_shape)
    low, high = values.take(below, axis), values.take(above, axis)
    return low + (high - low) * weight
