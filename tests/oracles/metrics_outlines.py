"""Scores of outlines by looking at every pixel and every pair of pixels; imports nothing of kseg."""

import math


def outline(mask, valid, border=True):
    """Pixels of the mask with a valid 4-neighbor outside it (or the image's edge)."""
    height, width = mask.shape
    points = []
    for y in range(height):
        for x in range(width):
            if not (mask[y, x] and valid[y, x]):
                continue
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= v < height and 0 <= u < width
                if (not inside and border) or (inside and valid[v, u] and not mask[v, u]):
                    points.append((y, x))
                    break
    return points


def nearest(points, others, spacing=(1, 1)):
    return [
        min(math.hypot((y - v) * spacing[0], (x - u) * spacing[1]) for v, u in others) if others else math.inf
        for y, x in points
    ]


def percentile(values, percent):
    """Linear interpolation between the sorted values, as NumPy's default."""
    values = sorted(values)
    position = (len(values) - 1) * percent / 100
    below = math.floor(position)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (position - below)


def hausdorff(a, b, percent, spacing=(1, 1)):
    return max(percentile(nearest(a, b, spacing), percent), percentile(nearest(b, a, spacing), percent))


def average_surface(a, b, spacing=(1, 1)):
    distances = nearest(a, b, spacing) + nearest(b, a, spacing)
    return sum(distances) / len(distances)


def surface_dice(a, b, tolerance, spacing=(1, 1)):
    near = [d <= tolerance for d in nearest(a, b, spacing) + nearest(b, a, spacing)]
    return sum(near) / len(near)


def outline_f(a, b, tolerance):
    p = sum(d <= tolerance for d in nearest(b, a)) / len(b)
    r = sum(d <= tolerance for d in nearest(a, b)) / len(a)
    return 2 * p * r / (p + r) if p + r else 0.0


def band(mask, valid, width):
    """Valid pixels of the mask with a valid pixel outside it, or the edge of the image, within a square of ±width."""
    height, columns = mask.shape
    points = set()
    for y in range(height):
        for x in range(columns):
            if not (mask[y, x] and valid[y, x]):
                continue
            for v in range(y - width, y + width + 1):
                for u in range(x - width, x + width + 1):
                    inside = 0 <= v < height and 0 <= u < columns
                    if not inside or (valid[v, u] and not mask[v, u]):
                        points.add((y, x))
    return points


def band_iou(true_mask, predicted_mask, valid, width):
    a, b = band(true_mask, valid, width), band(predicted_mask, valid, width)
    return len(a & b) / len(a | b) if a | b else 1.0
