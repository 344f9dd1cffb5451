"""Pixel scores as plain float64 loops over single pixels; knows nothing of confusion matrices and nothing of kseg."""

import math


def pairs(truth, prediction, void):
    """The (truth, prediction) of every valid pixel of one image or of many."""
    return [(int(t), int(p)) for t, p in zip(truth.ravel(), prediction.ravel(), strict=True) if t != void]


def matrix(truth, prediction, num_classes, void):
    counts = [[0] * num_classes for _ in range(num_classes)]
    for t, p in pairs(truth, prediction, void):
        counts[t][p] += 1
    return counts


def accuracy(pixels):
    return sum(t == p for t, p in pixels) / len(pixels) if pixels else math.nan


def outcomes(pixels, label):
    hits = sum(t == label and p == label for t, p in pixels)
    missed = sum(t == label and p != label for t, p in pixels)
    false = sum(t != label and p == label for t, p in pixels)
    return hits, missed, false


def divide(a, b):
    return a / b if b else math.nan


def iou(pixels, label):
    hits, missed, false = outcomes(pixels, label)
    return divide(hits, hits + missed + false)


def f_beta(pixels, label, beta):
    hits, missed, false = outcomes(pixels, label)
    p, r = divide(hits, hits + false), divide(hits, hits + missed)
    if hits + missed + false == 0:
        return math.nan
    if hits == 0:
        return 0.0
    return (1 + beta**2) * p * r / (beta**2 * p + r)


def precision(pixels, label):
    hits, _, false = outcomes(pixels, label)
    return divide(hits, hits + false)


def recall(pixels, label):
    hits, missed, _ = outcomes(pixels, label)
    return divide(hits, hits + missed)


def mean(values):
    values = [value for value in values if not math.isnan(value)]
    return divide(sum(values), len(values))


def headline(score, pixels, num_classes):
    """The foreground's score of a binary problem, else the mean over classes."""
    if num_classes > 2:
        return mean([score(pixels, c) for c in range(num_classes)])
    value = score(pixels, 1)
    return 1.0 if math.isnan(value) and pixels else value


def frequency_weighted_iou(pixels, num_classes):
    if not pixels:
        return math.nan
    total = 0.0
    for c in range(num_classes):
        share = sum(t == c for t, _ in pixels) / len(pixels)
        if share:
            total += share * iou(pixels, c)
    return total


def kappa(pixels, num_classes):
    if not pixels:
        return math.nan
    n = len(pixels)
    chance = 0.0
    for c in range(num_classes):
        chance += sum(t == c for t, _ in pixels) / n * sum(p == c for _, p in pixels) / n
    return (accuracy(pixels) - chance) / (1 - chance) if chance != 1 else math.nan


def calibration_error(truth, probability, bins, fine, void):
    """ECE of the foreground's probability, every probability moved to the middle of its fine bin."""
    pixels = [(int(t), float(p)) for t, p in zip(truth.ravel(), probability.ravel(), strict=True) if t != void]
    error = 0.0
    for b in range(bins):
        inside = [(t, p) for t, p in pixels if b / bins <= p < (b + 1) / bins or (p == 1 and b == bins - 1)]
        if inside:
            frequency = sum(t for t, _ in inside) / len(inside)
            confidence = sum((min(math.floor(p * fine), fine - 1) + 0.5) / fine for _, p in inside) / len(inside)
            error += len(inside) / len(pixels) * abs(frequency - confidence)
    return error
