"""Losses that look at neighborhoods, again in float64 and plain loops over pixels; nothing of kseg.

Each takes labels (N, H, W), logits (N, H, W, C) and the loss's options, and returns one number per image.
"""

import math

import numpy as np

VOID = 255


def log_softmax(z):
    """Log-probabilities of all classes of one pixel; two for a single logit."""
    if len(z) == 1:
        z = [0.0, z[0]]
    top = max(z)
    total = top + math.log(sum(math.exp(v - top) for v in z))
    return [v - total for v in z]


class Grid:
    """One image: where pixels are valid, and probabilities and truths of its classes."""

    def __init__(self, labels, logits):
        self.height, self.width = labels.shape
        self.places = [(i, j) for i in range(self.height) for j in range(self.width) if labels[i, j] != VOID]
        self.y = {(i, j): int(labels[i, j]) for i, j in self.places}
        binary = logits.shape[-1] == 1
        self.z = {(i, j): [0.0, logits[i, j, 0]] if binary else list(logits[i, j]) for i, j in self.places}
        self.log_p = {place: log_softmax(z) for place, z in self.z.items()}
        self.every = range(2 if binary else logits.shape[-1])
        self.channels = [1] if binary else list(self.every)
        self.counting = [1] if binary else [c for c in self.every if c in self.y.values()]

    def p(self, c):
        return {place: math.exp(log_p[c]) for place, log_p in self.log_p.items()}

    def truth(self, c):
        return {place: float(y == c) for place, y in self.y.items()}

    def mean(self, losses):
        return sum(losses) / len(losses) if losses and self.places else 0.0


def per_image(function):
    def oracle(labels, logits, pooling="image", **options):
        assert pooling == "image"
        return [function(Grid(labels[n], logits[n]), **options) for n in range(len(labels))]

    return oracle


def adaptive(labels, logits, pooling="image", radius=1, sigma=1.0, power=5.0):
    images = []
    for n in range(len(labels)):
        grid, losses = Grid(labels[n], logits[n]), []
        for i, j in grid.places:
            total, weights = [0.0 for _ in grid.every], 0.0
            for di in range(-radius, radius + 1):
                for dj in range(-radius, radius + 1):
                    if grid.y.get((i + di, j + dj)) == grid.y[i, j]:
                        weight = math.exp(-(max(abs(di), abs(dj)) ** 2) / (2 * sigma**2))
                        total = [t + weight * v for t, v in zip(total, grid.z[i + di, j + dj], strict=True)]
                        weights += weight
            losses.append(-log_softmax([t / weights for t in total])[grid.y[i, j]])
        images.append(losses)
    rows = images if pooling == "image" else [sum(images, [])]
    return [(sum(v**power for v in row) / len(row)) ** (1 / power) if row else 0.0 for row in rows]


def nearest(place, places):
    """Euclidean distance to the nearest of `places`; 0 if there are none."""
    return min((math.dist(place, other) for other in places), default=0.0)


@per_image
def boundary(grid):
    total = 0.0
    for c in grid.channels:
        p, inside = grid.p(c), {place for place, y in grid.y.items() if y == c}
        outside = set(grid.places) - inside
        for place in grid.places:
            phi = nearest(place, inside) - max(0.0, nearest(place, outside) - 1) * (place in inside)
            total += phi * p[place]
    return total / len(grid.places) if grid.places else 0.0


@per_image
def hausdorff(grid, power=2.0):
    losses = []
    for c in grid.counting:
        p, y, total = grid.p(c), grid.truth(c), 0.0
        sets = [{u for u in grid.places if y[u]}, {u for u in grid.places if p[u] > 0.5}]
        for place in grid.places:
            field = 0.0
            for members in sets:
                other = set(grid.places) - members if place in members else members
                field += nearest(place, other) ** power
            total += (p[place] - y[place]) ** 2 * field
        losses.append(total / max(1, len(grid.places)))
    return grid.mean(losses)


@per_image
def mumford_shah(grid, length=1e-3):
    energy = 0.0
    for c in grid.every:
        p = grid.p(c)
        for band in grid.every:
            x = grid.truth(band)
            mean = sum(x[u] * p[u] for u in grid.places) / sum(p.values()) if grid.places else 0.0
            energy += sum((x[u] - mean) ** 2 * p[u] for u in grid.places)
        for i, j in grid.places:
            energy += sum(length * abs(p[v] - p[i, j]) for v in ((i + 1, j), (i, j + 1)) if v in p)
    return energy / len(grid.places) if grid.places else 0.0


def soft_skeleton(x, iterations):
    def eroded(v):
        plus = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
        return {(i, j): min(v.get((i + a, j + b), 1.0) for a, b in plus) for i, j in v}

    def dilated(v):
        return {(i, j): max(v.get((i + a, j + b), 0.0) for a in (-1, 0, 1) for b in (-1, 0, 1)) for i, j in v}

    def left(v):
        opened = dilated(eroded(v))
        return {u: max(0.0, v[u] - opened[u]) for u in v}

    skeleton = left(x)
    for _ in range(iterations):
        x = eroded(x)
        more = left(x)
        skeleton = {u: skeleton[u] + max(0.0, more[u] - skeleton[u] * more[u]) for u in x}
    return skeleton


@per_image
def cldice(grid, iterations=3, smooth=1.0):
    losses = []
    for c in grid.counting:
        p, y = grid.p(c), grid.truth(c)
        thin_p, thin_y = soft_skeleton(p, iterations), soft_skeleton(y, iterations)
        precision = (sum(thin_p[u] * y[u] for u in y) + smooth) / (sum(thin_p.values()) + smooth)
        sensitivity = (sum(thin_y[u] * p[u] for u in y) + smooth) / (sum(thin_y.values()) + smooth)
        losses.append(1 - 2 * precision * sensitivity / (precision + sensitivity))
    return grid.mean(losses)


@per_image
def rmi(grid, size=3, pool=4, ridge=1e-3):
    """With NumPy's own inverse and determinant. A cell is the mean of its valid pixels, if it has any and is whole."""
    losses, d = [], size * size
    rows, columns = grid.height // pool, grid.width // pool
    members = {
        (i, j): [u for u in grid.places if (u[0] // pool, u[1] // pool) == (i, j)]
        for i in range(rows)
        for j in range(columns)
    }
    for c in grid.counting:
        p, y, ps, ys = grid.p(c), grid.truth(c), [], []
        for i in range(rows - size + 1):
            for j in range(columns - size + 1):
                around = [members[i + a, j + b] for a in range(size) for b in range(size)]
                if all(around):
                    ps.append([sum(p[u] for u in cell) / len(cell) for cell in around])
                    ys.append([sum(y[u] for u in cell) / len(cell) for cell in around])
        if not ps:
            losses.append(0.0)
            continue
        a, b = np.array(ps) - np.mean(ps, axis=0), np.array(ys) - np.mean(ys, axis=0)
        n = len(ps)
        cross, inverse = b.T @ a / n, np.linalg.inv(a.T @ a / n + ridge * np.eye(d))
        left = b.T @ b / n + ridge * np.eye(d) - cross @ inverse @ cross.T
        losses.append(math.log(np.linalg.det(left)) / (2 * d))
    return grid.mean(losses)


SPATIAL = {
    "adaptive": adaptive, "boundary": boundary, "hausdorff": hausdorff, "mumford_shah": mumford_shah, "cldice": cldice,
    "rmi": rmi,
}  # fmt: skip
