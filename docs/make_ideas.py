"""The pictures of docs/ideas.md: ways to enlarge a map, a transposed convolution as a matrix, dilation, pyramid, boxes.

python docs/make_ideas.py docs
"""

import sys
from pathlib import Path

import keras
import matplotlib
import numpy as np

from kseg.datasets import data_options, open_dataset
from kseg.layers import AdaptiveAveragePooling2D, MaxPoolWithIndices, MaxUnpool, resize, roi_align, roi_pool

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


def quantization(path: Path) -> None:
    """An object and its box move right together, by parts of a pixel of the map: what is cut out should stay."""
    # 1. the features of a box that moves with its object
    shifts = np.linspace(0, 2, 65)
    cut = {"RoIAlign": roi_align, "RoIPool": roi_pool}
    features = {name: [cut_out(function, shift) for shift in shifts] for name, function in cut.items()}
    # 2. the box, exact and rounded
    figure, axes = plt.subplots(1, 4, figsize=(13, 3), width_ratios=(1, 1, 1, 1.6))
    shift = 0.45
    axes[0].imshow(bump(shift)[0, :, :, 0], cmap="Blues")
    top, left, bottom, right = box_at(shift) / STRIDE
    for (low, high), color, width in (
        ((left, right), "C1", 2.0),
        ((np.floor(left + 0.5), np.floor(right + 0.5) + 1), "C3", 1.0),
    ):
        rounded = (np.floor(top + 0.5), np.floor(bottom + 0.5) + 1) if color == "C3" else (top, bottom)
        corner = low - 0.5, rounded[0] - 0.5
        axes[0].add_patch(
            plt.Rectangle(corner, high - low, rounded[1] - rounded[0], fill=False, color=color, linewidth=width)
        )
    axes[0].set_title("box (orange), as RoIPool rounds it (red)", fontsize=9)
    axes[0].set_axis_off()
    # 3. the change of the features, cell by cell and over all shifts
    for place, (name, function) in zip(axes[1:3], cut.items(), strict=True):
        change = np.abs(cut_out(function, shift) - cut_out(function, 0))
        grid(place, change, f"{name}: change after {16 * shift:.0f} pixels", digits=2, most=0.5)
    for name, found in features.items():
        axes[3].plot(STRIDE * shifts, [np.abs(one - found[0]).mean() / found[0].mean() for one in found], label=name)
    axes[3].set_title("mean change of the features, of their mean", fontsize=9)
    axes[3].set_xlabel("pixels that object and box have moved", fontsize=8)
    axes[3].legend(fontsize=8)
    save(figure, path)


STRIDE = 16


def bump(shift: float) -> np.ndarray:
    """A map of 12×12 of a soft object in its middle, moved right."""
    y, x = np.mgrid[:12, :12]
    return map_of(np.exp(-((y - 5.5) ** 2 + (x - 5 - shift) ** 2) / 8))


def box_at(shift: float) -> np.ndarray:
    """y1, x1, y2, x2 around the object, in pixels of the image."""
    return STRIDE * np.array([3.0, 2.5 + shift, 9.0, 8.5 + shift])


def cut_out(function, shift: float) -> np.ndarray:
    """4×4 features of the box."""
    scale = {"scales": 1 / STRIDE} if function is roi_align else {"scale": 1 / STRIDE}
    boxes = box_at(shift)[None, None].astype(np.float32)
    return keras.ops.convert_to_numpy(function(bump(shift), boxes, size=4, **scale))[0, 0, :, :, 0]


def flat_colors(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)[0]


def save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": ""})
    plt.close(figure)


def main(folder: Path) -> None:
    for draw in (enlarging, matrix, dilation, pyramid, quantization):
        draw(folder / f"ideas-{draw.__name__}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
