"""The pictures of docs/ideas.md: ways to enlarge a map, a transposed convolution as a matrix, dilation, a pyramid.

python docs/make_ideas.py docs
"""

import sys
from pathlib import Path

import keras
import matplotlib
import numpy as np

from kseg.datasets import data_options, open_dataset
from kseg.layers import AdaptiveAveragePooling2D, MaxPoolWithIndices, MaxUnpool, resize

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (after the choice of how to draw)

BINS = (1, 2, 3, 6)
RATES = (1, 2, 4)
DARK = 0.6
"""Share of the largest value from which numbers are written in white."""


def grid(axes, values, title, *, digits=0, numbers=True, most=None) -> None:
    """A map as cells, with its values in them."""
    most = most or float(np.abs(values).max()) or 1.0
    axes.imshow(values, cmap="Blues", vmin=0, vmax=most)
    for row, column in np.ndindex(values.shape) if numbers else ():
        color = "white" if values[row, column] > DARK * most else "black"
        axes.text(column, row, f"{values[row, column]:.{digits}f}", ha="center", va="center", color=color, fontsize=8)
    axes.set_title(title, fontsize=9)
    axes.set_xticks(np.arange(-0.5, values.shape[1]), [])
    axes.set_yticks(np.arange(-0.5, values.shape[0]), [])
    axes.tick_params(length=0)
    axes.grid(color="white", linewidth=0.5)


def map_of(values) -> np.ndarray:
    """(h, w) as (1, h, w, 1)."""
    return np.asarray(values, np.float32)[None, :, :, None]


def flat(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)[0, :, :, 0]


def transposed(small: np.ndarray, side: int) -> np.ndarray:
    """Stride 2, no padding, and a kernel that is largest in its middle, as bilinear enlargement has it."""
    line = 1 - np.abs(np.arange(side) - (side - 1) / 2) / ((side + 1) / 2)
    kernel = np.outer(line, line).astype(np.float32)[:, :, None, None]
    return flat(keras.ops.conv_transpose(map_of(small), kernel, strides=2, padding="valid"))


def enlarging(path: Path) -> None:
    """Four ways from 2×2 to more."""
    large = np.array([[1, 2, 0, 1], [0, 3, 8, 1], [5, 0, 1, 0], [1, 2, 3, 6]], np.float32)
    pooled, indices = MaxPoolWithIndices()(map_of(large))
    small = flat(pooled)
    figure, axes = plt.subplots(1, 6, figsize=(13, 2.6))
    most = float(large.max())
    grid(axes[0], large, "a map of 4×4", most=most)
    grid(axes[1], small, "max pooling: 2×2", most=most)
    grid(axes[2], flat(resize(pooled, (4, 4), method="nearest")), "nearest", most=most)
    grid(axes[3], flat(resize(pooled, (4, 4))), "bilinear", digits=1, most=most)
    grid(axes[4], flat(MaxUnpool()([pooled, indices])), "max-unpooling", most=most)
    grid(axes[5], transposed(small, 3), "transposed, k 3, s 2: 5×5", digits=1)
    save(figure, path)


def matrix(path: Path) -> None:
    """A convolution of a line as a matrix W, and its transpose."""
    kernel, stride, inputs = (1, 2, 3), 2, 5
    outputs = (inputs - len(kernel)) // stride + 1
    weights = np.zeros((outputs, inputs))
    for row in range(outputs):
        weights[row, row * stride : row * stride + len(kernel)] = kernel
    small = np.array([[1.0], [10.0]])
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), width_ratios=(5, 2.5, 1, 1))
    grid(axes[0], weights, "W: 5 → 2, k 3, s 2")
    grid(axes[1], weights.T, "Wᵀ: 2 → 5")
    grid(axes[2], small, "x")
    grid(axes[3], weights.T @ small, "Wᵀx")
    save(figure, path)


def dilation(path: Path) -> None:
    """3×3 kernels of rates 1, 2, 4, and how often a pixel reaches the middle through all three in turn."""
    side = 17
    figure, axes = plt.subplots(1, 4, figsize=(11, 3))
    for place, rate in zip(axes, RATES, strict=False):
        kernel = np.zeros((side, side))
        steps = side // 2 + rate * np.arange(-1, 2)
        kernel[np.ix_(steps, steps)] = 1
        grid(place, kernel, f"3×3 at rate {rate}: {2 * rate + 1}×{2 * rate + 1}", numbers=False)
    grid(axes[3], paths(side), f"rates 1, 2, 4 in turn: {reached(paths(side))}", numbers=False)
    save(figure, path)


def paths(side: int) -> np.ndarray:
    """The gradient of the middle output of three convolutions of ones: ways from each pixel to it."""
    line = np.zeros(side)
    line[side // 2] = 1
    for rate in RATES:
        line = line + np.roll(line, rate) + np.roll(line, -rate)
    return np.outer(line, line)


def reached(ways: np.ndarray) -> str:
    return "×".join(str(np.count_nonzero(ways.any(axis))) for axis in (1, 0))


def pyramid(path: Path) -> None:
    """The means that PSPNet puts beside a feature; a picture stands for it."""
    dataset = open_dataset(data_options("synthetic", synthetic_size=96))
    image = dataset.image(dataset.records("test")[0]).astype(np.float32)
    figure, axes = plt.subplots(1, 1 + len(BINS), figsize=(11, 2.5))
    shown = {"the map": image} | {
        f"{bins}×{bins} means": flat_colors(AdaptiveAveragePooling2D(bins)(image[None])) for bins in BINS
    }
    for place, (title, picture) in zip(axes, shown.items(), strict=True):
        place.imshow(picture.astype(np.uint8))
        place.set_title(title, fontsize=9)
        place.set_axis_off()
    save(figure, path)


def flat_colors(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)[0]


def save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": ""})
    plt.close(figure)


def main(folder: Path) -> None:
    for draw in (enlarging, matrix, dilation, pyramid):
        draw(folder / f"ideas-{draw.__name__}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
