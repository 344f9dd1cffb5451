"""Maps that a loss reads beside the label, by NumPy and SciPy: distances to boundaries, and U-Net's pixel weights."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from kseg.conventions import VOID

REACH = 6.0
"""Reach of border weights in σ; beyond it they are below w0·e⁻¹⁸."""


def distance_maps(label: np.ndarray, channels: int) -> np.ndarray:
    """`kseg.losses.distance.signed_distance` of every channel of a prediction, float32 (H, W, K), in pixels.

    Args:
      label: (H, W), class ids and VOID.
      channels: K; 1 is the foreground, otherwise one channel per class.
    """
    from kseg.losses.distance import signed_distance  # loads Keras, for which --help must not wait

    classes = (1,) if channels == 1 else range(channels)
    valid = label != VOID
    return np.stack([signed_distance(label == c, valid, _distance) for c in classes], axis=-1).astype(np.float32)


def _distance(mask: np.ndarray) -> np.ndarray:
    """Euclidean distance to the nearest pixel of the mask; 0 everywhere if it is empty."""
    return ndimage.distance_transform_edt(~mask) if mask.any() else np.zeros(mask.shape)


@dataclass(frozen=True)
class PixelWeights:
    """Weights of the pixels of a label map.

        w = w_c + w0·exp(−(d1 + d2)²/2σ²)

    where w_c balances the classes, and d1 and d2 are the Euclidean distances in pixels to the borders of the nearest
    and the second nearest object. An object is a connected component (by its sides) of a class other than 0, and its
    border is its pixels that touch other pixels.

    Args:
      classes: w_c of every class id.
      border: w0; 0 leaves the second term out.
      sigma: σ, in pixels at training size.
    Empty-set rule: the second term is 0 with fewer than two objects. Void pixels weigh 0.
    Source: Ronneberger et al. 2015 eq. 2, w0 = 10, σ ≈ 5. Deviations: the term is left out where it is below w0·e⁻¹⁸;
      the paper's objects are the cells of its data, here they are components of the label map.
    """

    classes: tuple[float, ...]
    border: float = 0.0
    sigma: float = 5.0

    def __call__(self, label: np.ndarray) -> np.ndarray:
        """float32 (H, W) for a label map (H, W)."""
        table = np.zeros(256, np.float64)
        table[: len(self.classes)] = self.classes
        weights = table[label]
        if self.border:
            weights += self.border * closeness(label, self.sigma)
        return np.where(label == VOID, 0.0, weights).astype(np.float32)


def closeness(label: np.ndarray, sigma: float) -> np.ndarray:
    """exp(−(d1 + d2)²/2σ²), float64 (H, W), of the two nearest objects."""
    reach = int(np.ceil(REACH * sigma))
    nearest = np.full((2, *label.shape), np.inf)
    for window, mask in objects(label, margin=reach):
        border = mask & ~ndimage.binary_erosion(mask, border_value=1)
        # An object that fills the image has no border, so no pixel is close to it.
        far = ndimage.distance_transform_edt(~border) if border.any() else np.full(mask.shape, np.inf)
        first, second = nearest[0][window], nearest[1][window]
        nearest[1][window] = np.minimum(second, np.maximum(first, far))
        nearest[0][window] = np.minimum(first, far)
    total = nearest.sum(axis=0)
    return np.exp(-np.square(np.where(total > reach, np.inf, total)) / (2.0 * sigma**2))


def objects(label: np.ndarray, *, margin: int) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """(window, mask in it) of every connected component of every class but background and void, `margin` around it."""
    for class_id in np.unique(label):
        if class_id not in (0, VOID):
            parts, _ = ndimage.label(label == class_id)
            for number, (rows, columns) in enumerate(ndimage.find_objects(parts), start=1):
                window = (
                    slice(max(0, rows.start - margin), rows.stop + margin),
                    slice(max(0, columns.start - margin), columns.stop + margin),
                )
                yield window, parts[window] == number


def balancing_weights(pixels: np.ndarray) -> tuple[float, ...]:
    """w_c = n / (K·n_c), which gives every class the same total weight; the mean over all pixels is 1.

    Args:
      pixels: n_c, (C,), pixels of every class in the training images.
    n is the sum of n_c, and K the number of classes that occur; a class that does not occur weighs 1.
    Source: Ronneberger et al. 2015, "to balance the class frequencies"; the paper gives no formula.
    """
    occurring = max(1, int(np.count_nonzero(pixels)))
    weights = pixels.sum() / (occurring * np.maximum(pixels, 1))
    return tuple(np.where(pixels > 0, weights, 1.0).tolist())
