"""Soft labels against the formulas written down once more, for fractions of foreground and for several classes."""

import math

import numpy as np
import pytest

from kseg.errors import UsageError
from kseg.losses import LOSSES, get

N = 7
RNG = np.random.default_rng(0)
OPTIONS = {"loss_max_pooling": {"p": 2.0, "fraction": 1 / N}, "rmi": {"size": 1, "pool": 1, "ridge": 0.01}}


def skeleton(x, iterations=3):
    """Of a row of pixels: what each erosion loses to an opening, united."""

    def over(pick, v):
        return np.array([pick(v[max(0, i - 1) : i + 2]) for i in range(len(v))])

    def lost(v):
        return np.maximum(0.0, v - over(max, over(min, v)))

    found = lost(x)
    for _ in range(iterations):
        x = over(min, x)
        found = found + np.maximum(0.0, lost(x) - found * lost(x))
    return found


def tversky(p, y, a=0.3, b=0.7):
    return 1 - np.sum(p * y) / np.sum(p * y + a * p * (1 - y) + b * (1 - p) * y)


def dice(p, y):
    return 1 - (2 * np.sum(p * y) + 1) / (np.sum(p + y) + 1)


def cldice(p, y):
    precision = (np.sum(skeleton(p) * y) + 1) / (np.sum(skeleton(p)) + 1)
    sensitivity = (np.sum(skeleton(y) * p) + 1) / (np.sum(skeleton(y)) + 1)
    return 1 - 2 * precision * sensitivity / (precision + sensitivity)


def rmi(p, y, e=0.01):
    return math.log(np.var(y) + e - np.mean((p - p.mean()) * (y - y.mean())) ** 2 / (np.var(p) + e)) / 2


PER_CLASS = {
    "iou": lambda p, y: 1 - np.sum(p * y) / np.sum(p + y - p * y),
    "dice": dice,
    "jaccard_distance": lambda p, y: 1 - np.sum(p * y) / np.sum(y**2 + p**2 - p * y),
    "jml": lambda p, y: 1 - np.sum(p + y - abs(p - y)) / np.sum(p + y + abs(p - y)),
    "tversky": tversky,
    "focal_tversky": lambda p, y: tversky(p, y) ** 0.75,
    "sensitivity_specificity": lambda p, y: (
        0.05 * np.sum((y - p) ** 2 * y) / np.sum(y) + 0.95 * np.sum((y - p) ** 2 * (1 - y)) / np.sum(1 - y)
    ),
    "cldice": cldice,
    "rmi": rmi,
}
"""Of a class's probabilities and truth; the loss is the mean over classes, the foreground alone for one channel."""


def averaged(function, p, y):
    return np.mean([function(p[:, c], y[:, c]) for c in range(p.shape[1])])


def entropies(p, y):
    return -np.sum(y * np.log(p), axis=1)


def unified_focal(p, y):
    d = np.array([0.4, *[0.6] * (p.shape[1] - 1)])
    g = np.array([0.5, *[0.0] * (p.shape[1] - 1)])
    focal = np.mean(-np.sum(d * y * (1 - p) ** g * np.log(p), axis=1))
    areas = [tversky(p[:, c], y[:, c], 0.4, 0.6) ** (0.5 if c else 1.0) for c in range(p.shape[1])]
    return 0.5 * focal + 0.5 * np.mean(areas)


def generalized_dice(p, y):
    w = 1 / np.sum(y, axis=0) ** 2
    return 1 - 2 * np.sum(w * np.sum(p * y, axis=0)) / np.sum(w * np.sum(p + y, axis=0))


WHOLE = {
    "ce": lambda p, y: np.mean(entropies(p, y)),
    "bce": lambda p, y: np.mean(entropies(p, y)),
    "focal": lambda p, y: np.mean(-np.sum(y * (1 - p) ** 2 * np.log(p), axis=1)),
    "poly_ce": lambda p, y: np.mean(entropies(p, y) + 1 - np.sum(y * p, axis=1)),
    "topk_ce": lambda p, y: np.mean(np.sort(entropies(p, y))[-math.ceil(N / 4) :]),
    # p = q = 2 and m = 1: no weight meets its bound, so L = ‖ℓ‖·n^(−1/2)
    "loss_max_pooling": lambda p, y: np.linalg.norm(entropies(p, y)) / math.sqrt(N),
    "unified_focal": unified_focal,
    "gdice": generalized_dice,
}
"""Of the probabilities and truths of all classes, background first also where there is one channel."""


def expected(name, p, y, channels):
    shown = slice(1, 2) if channels == 1 else slice(None)
    if name in PER_CLASS:
        return averaged(PER_CLASS[name], p[:, shown], y[:, shown])
    if name == "log_cosh_dice":
        return math.log(math.cosh(averaged(dice, p[:, shown], y[:, shown])))
    if name == "combo":  # β = ½: every class has the price ½
        return 0.5 * np.mean(0.5 * entropies(p, y)) + 0.5 * averaged(dice, p[:, shown], y[:, shown])
    return WHOLE[name](p, y)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        (name, channels)
        for name, loss in LOSSES.items()
        for channels, problem in ((1, "binary"), (3, "multi-class"))
        if loss.soft_labels and problem in loss.problems
    ],
)
def test_soft_labels_equal_the_formula(name, channels):
    """A row of pixels, behind it one that is void."""
    classes = max(2, channels)
    p, y = RNG.dirichlet(np.ones(classes), N), RNG.dirichlet(0.5 * np.ones(classes), N)
    scores, truth = (p[:, 1:], y[:, 1]) if channels == 1 else (p, y)
    scores = np.concatenate([scores, np.full((1, channels), 0.7)])
    truth = np.concatenate([truth, np.full((1, *truth.shape[1:]), 255.0)])
    loss = get(name, from_logits=False, **OPTIONS.get(name, {}))
    found = float(loss(truth[None, None].astype("float32"), scores[None, None].astype("float32")))
    assert found == pytest.approx(expected(name, p, y, channels), rel=1e-4)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if not loss.soft_labels])
def test_losses_without_soft_labels_say_so(name):
    with pytest.raises(UsageError, match="takes no soft labels"):
        get(name)(np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 4, 3), "float32"))
    half = np.full((1, 4, 4), 0.5, "float32")
    assert math.isnan(float(get(name)(half, np.zeros((1, 4, 4, 1), "float32"))))
