"""A square canvas with soft-edged shapes: each stroke changes the picture and, optionally, the part labels.

Coordinates run from −1 to 1, x to the right and y down, at any size in pixels. A shape is a signed distance field:
negative inside, positive outside. All arrays are float32.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from PIL import Image

Window = tuple[slice, slice]
Color = Sequence[float] | np.ndarray

EVERYWHERE: Window = (slice(None), slice(None))

NOBODY = 0
"""In `Canvas.owners`: a pixel of the surroundings."""
HELD = 255
"""In `Canvas.owners`: a pixel of something held, which belongs neither to a person nor to the surroundings."""


class Canvas:
    """`rgb` (n, n, 3) in 0..1, `parts` and `owners` (n, n); `x` and `y` are the coordinates of the pixel centers.

    `owners` gives the owner of a pixel: the number of a person, from 1 on, `NOBODY` or `HELD`. It changes together with
    `parts`, so later strokes hide earlier ones in both.
    """

    def __init__(self, size: int, color: Color):
        self.size = size
        self.rgb = np.empty((size, size, 3), dtype=np.float32)
        self.rgb[:] = np.asarray(color, dtype=np.float32)
        self.parts = np.zeros((size, size), dtype=np.uint8)
        self.owners = np.zeros((size, size), dtype=np.uint8)
        self._owner = NOBODY
        centers = ((np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1).astype(np.float32)
        self.x, self.y = np.broadcast_to(centers, (size, size)), np.broadcast_to(centers[:, None], (size, size))

        self.scale, self._center = 1.0, (0.0, 0.0)

    @contextmanager
    def smaller(self, scale: float, x: float, y: float) -> Iterator[None]:
        """Context in which strokes are `scale` times their size and centered on (x, y) instead of (0, 0)."""
        before = self.x, self.y, self.scale, self._center
        self.x, self.y = (self.x - np.float32(x)) / np.float32(scale), (self.y - np.float32(y)) / np.float32(scale)
        self.scale, self._center = scale, (x, y)
        yield
        self.x, self.y, self.scale, self._center = before

    @contextmanager
    def owned_by(self, owner: int) -> Iterator[None]:
        """Context in which strokes with a part belong to `owner`."""
        before, self._owner = self._owner, owner
        yield
        self._owner = before

    def window(self, x: float, y: float, half_width: float, half_height: float) -> Window:
        """The pixels of a box around (x, y), at least one."""
        (x0, y0), scale = self._center, self.scale
        return (
            _span(y0 + y * scale, half_height * scale, self.size),
            _span(x0 + x * scale, half_width * scale, self.size),
        )

    def paint(
        self,
        field: np.ndarray,
        color: Color,
        *,
        part: int | None = None,
        window: Window = EVERYWHERE,
        softness: float = 1.0,
        opacity: float = 1.0,
    ) -> None:
        """Fills the inside of `field` with a color (3,) or (h, w, 3); pixels more than half covered become `part`.

        `softness` is the width of the edge in pixels.
        """
        coverage = np.clip(0.5 - field * (self.size * self.scale / (2 * softness)), 0, 1)
        touched = _box_of(coverage)
        if touched is None:
            return
        coverage, target = coverage[touched], self.rgb[window][touched]
        color = np.asarray(color, dtype=np.float32)
        blend = np.subtract(color[touched] if color.ndim == 3 else color, target)
        blend *= (coverage * np.float32(opacity))[..., None]
        target += blend
        if part is not None:
            inside = coverage > 0.5
            self.parts[window][touched][inside] = part
            self.owners[window][touched][inside] = self._owner

    def to_uint8(self) -> np.ndarray:
        return np.rint(np.clip(self.rgb, 0, 1) * 255).astype(np.uint8)


class Frame:
    """Coordinates (u, v) of a window, turned by `angle` and centered on (x, y)."""

    def __init__(self, canvas: Canvas, window: Window, x: float, y: float, angle: float = 0.0):
        dx, dy = canvas.x[window] - x, canvas.y[window] - y
        if angle:
            cosine, sine = math.cos(angle), math.sin(angle)
            dx, dy = dx * cosine + dy * sine, dy * cosine - dx * sine
        self.u, self.v = dx, dy


def ellipse(u: np.ndarray, v: np.ndarray, a: float, b: float) -> np.ndarray:
    """Field of an ellipse with half axes a and b."""
    return (np.sqrt((u / a) ** 2 + (v / b) ** 2) - 1) * min(a, b)


def box(u: np.ndarray, v: np.ndarray, a: float, b: float, rounding: float = 0.0) -> np.ndarray:
    """Field of a rectangle with half sides a and b and rounded corners."""
    outside_u, outside_v = np.abs(u) - (a - rounding), np.abs(v) - (b - rounding)
    inside = np.minimum(np.maximum(outside_u, outside_v), 0)
    return np.hypot(np.maximum(outside_u, 0), np.maximum(outside_v, 0)) + inside - rounding


def capsule(u: np.ndarray, v: np.ndarray, start: Sequence[float], end: Sequence[float], radius: float) -> np.ndarray:
    """Field of a thick line from `start` to `end` with round ends."""
    du, dv = end[0] - start[0], end[1] - start[1]
    along = np.clip(((u - start[0]) * du + (v - start[1]) * dv) / (du * du + dv * dv + 1e-9), 0, 1)
    return np.hypot(u - start[0] - along * du, v - start[1] - along * dv) - radius


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """float32 (size, size), about −1..1, with blobs `size / cells` pixels wide."""
    coarse = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))


def _span(center: float, half: float, size: int) -> slice:
    low = math.floor((center - half + 1) * size / 2)
    high = math.ceil((center + half + 1) * size / 2)
    low = min(max(low, 0), size - 1)
    return slice(low, min(max(high, low + 1), size))


def _box_of(coverage: np.ndarray) -> Window | None:
    """The smallest box around all covered pixels: most shapes are far smaller than their window."""
    rows = np.flatnonzero(coverage.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(coverage[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
