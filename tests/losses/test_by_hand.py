"""Values a person can check: the arithmetic is the explanation."""

import math

import numpy as np
import pytest
from pytest import approx

from kseg.losses import LOSSES, get
from losses.cases import of_logits


def one(name, p, y, /, **options):
    """The loss of one row of foreground probabilities."""
    y_pred = np.asarray(p, "float32")[None, None, :, None]
    return float(get(name, **options)(np.asarray(y)[None, None], y_pred))


def grid(name, p, y, /, **options):
    """The loss of one small image of foreground probabilities."""
    return float(get(name, **options)(np.asarray(y)[None], np.asarray(p, "float32")[None, ..., None]))


P, Y = [0.8, 0.4], [1, 0]  # TP = .8, FP = .4, FN = .2, TN = .6
LINE = np.eye(5)[2] * np.ones((5, 1))
ln = math.log

HAND = {
    "bce": lambda: (one("bce", P, Y), -(ln(0.8) + ln(0.6)) / 2),
    "ce": lambda: (one("ce", P, Y, class_weights=(1, 3)), -(3 * ln(0.8) + ln(0.6)) / (3 + 1)),
    "iou": lambda: (one("iou", P, Y), 1 - 0.8 / (0.8 + 1 - 0.8 + 0.4)),
    "dice": lambda: (one("dice", P, Y), 1 - (2 * 0.8 + 1) / (0.8 + 0.4 + 1 + 1)),
    "log_cosh_dice": lambda: (one("log_cosh_dice", P, Y), ln(math.cosh(1 - 2.6 / 3.2))),
    # two classes of one pixel each weigh the same: 1 − 2(.8 + .6) / ((1.2 + 1) + (.8 + 1))
    "gdice": lambda: (one("gdice", P, Y), 1 - 2 * 1.4 / 4.0),
    "jaccard_distance": lambda: (one("jaccard_distance", P, Y), 1 - 0.8 / (1 + 0.64 + 0.16 - 0.8)),
    # |p − y| = .2 + .4; |p| + |y| = 2.2
    "jml": lambda: (one("jml", P, Y), 1 - (2.2 - 0.6) / (2.2 + 0.6)),
    "tversky": lambda: (one("tversky", P, Y, alpha=0.3, beta=0.7), 1 - 0.8 / (0.8 + 0.3 * 0.4 + 0.7 * 0.2)),
    "focal_tversky": lambda: (one("focal_tversky", P, Y, gamma=2.0), (1 - 0.8 / (0.8 + 0.12 + 0.14)) ** 0.5),
    "focal": lambda: (one("focal", P, Y), -(0.2**2 * ln(0.8) + 0.4**2 * ln(0.6)) / 2),
    "poly_ce": lambda: (one("poly_ce", P, Y), (-ln(0.8) + 0.2 - ln(0.6) + 0.4) / 2),
    "topk_ce": lambda: (one("topk_ce", P, Y, fraction=0.5), -ln(0.6)),
    # p = q = 2, m = 1: w = ℓ/‖ℓ‖·n^(−1/2), so L = ‖ℓ‖/√2
    "loss_max_pooling": lambda: (
        one("loss_max_pooling", P, Y, p=2.0, fraction=0.5), math.hypot(ln(0.8), ln(0.6)) / math.sqrt(2)),
    "unified_focal": lambda: (
        one("unified_focal", P, Y, weight=0.5, delta=0.6, gamma=0.5),
        0.5 * (-0.6 * ln(0.8) - 0.4 * 0.4**0.5 * ln(0.6)) / 2
        + 0.5 * ((1 - 0.6 / (0.6 + 0.6 * 0.4 + 0.4 * 0.2)) + (1 - 0.8 / (0.8 + 0.6 * 0.2 + 0.4 * 0.4)) ** 0.5) / 2),
    "combo": lambda: (
        one("combo", P, Y, alpha=0.3, beta=0.8), 0.3 * -(0.8 * ln(0.8) + 0.2 * ln(0.6)) / 2 + 0.7 * (1 - 2.6 / 3.2)),
    "sensitivity_specificity": lambda: (one("sensitivity_specificity", P, Y), 0.05 * 0.2**2 + 0.95 * 0.4**2),
    # the step calls pixels 0, 1 and 2 inside; truth is pixels 0 and 3: c1 = 1/3, c2 = 1/2,
    # E = (2/3)² + 2·(1/3)² + 2·(1/2)² = 2/3 + 1/2
    "level_set": lambda: (one("level_set", [0.9, 0.8, 0.7, 0.1, 0.2], [1, 0, 0, 1, 0], heaviside="hf"), 2 / 3 + 1 / 2),
    # logits of P are ln 4 and −ln 1.5: errors 1 − 1.386 → 0 and 1 − .405 = .595; alone wrong it makes J = 1 − 1/2
    "lovasz": lambda: (one("lovasz", P, Y), (1 - ln(1.5)) * 0.5),
    # both pixels are alone with their class: k-th power mean of the two cross-entropies
    "adaptive": lambda: (one("adaptive", P, Y, power=2.0), math.sqrt((ln(0.8) ** 2 + ln(0.6) ** 2) / 2)),
    # row of 4, truth the left half: φ = −1 0 1 2
    "boundary": lambda: (one("boundary", [0.9, 0.6, 0.3, 0.2], [1, 1, 0, 0]), (-0.9 + 0.0 + 0.3 + 2 * 0.2) / 4),
    # truth's distances 2 1 1 2, prediction's (left three) 3 2 1 1
    "hausdorff": lambda: (
        one("hausdorff", [0.9, 0.8, 0.6, 0.1], [1, 1, 0, 0]),
        (0.1**2 * (4 + 9) + 0.2**2 * (1 + 4) + 0.6**2 * (1 + 1) + 0.1**2 * (4 + 1)) / 4),
    # p = 1, 0: each region is even in the one-hot image; what remains is one border, of both classes
    "mumford_shah": lambda: (one("mumford_shah", [1.0, 0.0], [1, 0], length=0.1), 0.1 * 2 / 2),
    # a line of 5 is its own skeleton, at p = ½ too: Tprec = 1, Tsens = (5·½ + 1)/(5 + 1)
    "cldice": lambda: (grid("cldice", 0.5 * LINE, LINE), 1 - 2 * (3.5 / 6) / (1 + 3.5 / 6)),
    # single pixels (d = 1): M = var Y + ε − cov²/(var P + ε) with Y = 1 0, P = .8 .4
    "rmi": lambda: (
        one("rmi", P, Y, size=1, pool=1, ridge=0.01), ln(0.25 + 0.01 - (0.5 * 0.2) ** 2 / (0.2**2 + 0.01)) / 2),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LOSSES))
def test_by_hand(name):
    found, expected = HAND[name]()
    assert found == approx(expected, rel=1e-5, abs=1e-6)


def test_iou_pools_over_images_or_over_the_batch():
    y = [[[1, 0]], [[0, 1]]]
    p = np.array([[[[0.8], [0.4]]], [[[0.5], [1.0]]]], "float32")
    image = 1 - (0.8 / 1.4 + 1.0 / 1.5) / 2
    assert float(get("iou")(np.array(y), p)) == approx(image)
    assert float(get("iou", reduction="sum")(np.array(y), p)) == approx(2 * image)
    assert float(get("iou", pooling="batch")(np.array(y), p)) == approx(1 - 1.8 / 2.9)


def test_iou_of_several_classes_averages_those_present():
    # class 2 is not in the truth: its mass .1 + .2 costs the others, but it has no IoU of its own
    p = np.array([[[[0.7, 0.2, 0.1], [0.3, 0.5, 0.2]]]], "float32")
    expected = 1 - (0.7 / (1 + 0.3) + 0.5 / (1 + 0.2)) / 2
    assert float(get("iou")(np.array([[[0, 1]]]), p)) == approx(expected)


def test_iou_of_an_empty_truth_is_one_and_teaches_nothing():
    import tensorflow as tf

    z = tf.Variable(np.ones((1, 2, 2, 1), "float32"))
    with tf.GradientTape() as tape:
        loss = of_logits("iou")(np.zeros((1, 2, 2), "uint8"), z)
    assert float(loss) == 1.0
    assert not tape.gradient(loss, z).numpy().any()


def test_iou_gradient_is_rahman_and_wangs_equation_8():
    """∂L/∂p = −1/U where y = 1, I/U² elsewhere, over the whole batch."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    p, y = rng.uniform(size=(3, 4, 5)), rng.integers(0, 2, (3, 4, 5))
    intersection, union = np.sum(p * y), np.sum(p + y - p * y)
    z = tf.Variable(p[..., None].astype("float32"))
    with tf.GradientTape() as tape:
        loss = get("iou", pooling="batch")(y, z)
    expected = np.where(y == 1, -1 / union, intersection / union**2)
    np.testing.assert_allclose(tape.gradient(loss, z).numpy()[..., 0], expected, rtol=1e-5)


def test_level_set_cannot_choose_the_sign():
    y = np.array([1, 1, 0, 0, 0])
    p = np.array([0.9, 0.7, 0.4, 0.6, 0.2])
    assert one("level_set", p, y) == approx(one("level_set", 1 - p, y), rel=1e-5)


def test_level_set_of_one_channel_is_half_of_equation_4():
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 2, (1, 5, 6)), rng.normal(size=(1, 5, 6, 1)).astype("float32")
    both = np.concatenate([np.zeros_like(z), z], axis=-1)
    assert 2.0 * float(of_logits("level_set")(y, z)) == approx(float(of_logits("level_set")(y, both)), rel=1e-5)


def test_focal_tversky_weighs_what_is_nearly_right():
    """dL/dTI = −(1 − TI)^(1/γ − 1)/γ, of one pixel whose p is its TI: steeper at .9 than at .5 if γ > 1."""
    slopes = {}
    for gamma in (4 / 3, 0.5):
        for p in (0.5, 0.9):
            below, above = (one("focal_tversky", [p + h], [1], alpha=1, beta=1, gamma=gamma) for h in (-1e-2, 1e-2))
            slopes[gamma, p] = (above - below) / 2e-2
            assert slopes[gamma, p] == approx(-((1 - p) ** (1 / gamma - 1)) / gamma, rel=1e-2)
    assert abs(slopes[4 / 3, 0.9]) > abs(slopes[4 / 3, 0.5])
    assert abs(slopes[0.5, 0.9]) < abs(slopes[0.5, 0.5])


def test_level_set_gradient_is_kims_equation_7():
    """∂E/∂φ = δ(φ)·[(G − c1)² − (G − c2)²], as if c1 and c2 were constants."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    p, g, eps = rng.uniform(0.3, 0.7, size=(1, 6, 7)), rng.integers(0, 2, (1, 6, 7)), 0.05
    h = 0.5 * (1 + np.tanh((p - 0.5) / eps))
    c1, c2 = np.sum(g * h) / np.sum(h), np.sum(g * (1 - h)) / np.sum(1 - h)
    delta = (1 - np.tanh((p - 0.5) / eps) ** 2) / (2 * eps)
    z = tf.Variable(p[..., None].astype("float32"))
    with tf.GradientTape() as tape:
        loss = get("level_set")(g, z)
    expected = delta * ((g - c1) ** 2 - (g - c2) ** 2)
    np.testing.assert_allclose(tape.gradient(loss, z).numpy()[..., 0], expected, rtol=1e-4, atol=1e-4)


def test_jml_is_zero_at_a_soft_truth_where_iou_is_not():
    soft = [0.3, 0.9]
    assert one("jml", soft, soft) == approx(0.0, abs=1e-6)
    assert one("jml", soft, soft, variant="jml2") == approx(0.0, abs=1e-6)
    assert one("iou", soft, soft) > 0.1


def test_soft_labels_of_several_classes():
    # −Σ q·log p, and void where the first channel is void
    q = np.array([[[[0.2, 0.5, 0.3], [255, 255, 255]]]], "float32")
    p = np.array([[[[0.3, 0.3, 0.4], [0.9, 0.1, 0.0]]]], "float32")
    expected = -(0.2 * ln(0.3) + 0.5 * ln(0.3) + 0.3 * ln(0.4))
    assert float(get("ce")(q, p)) == approx(expected)


def test_pixel_weights_in_a_mean_and_in_a_quotient():
    y, p, w = np.array([[Y]]), np.array(P, "float32")[None, None, :, None], np.array([[[2.0, 0.5]]])
    # a mean divides by pixels, not by weights; a quotient of sums weighs both
    assert float(get("bce")(y, p, w)) == approx(-(2 * ln(0.8) + 0.5 * ln(0.6)) / 2)
    assert float(get("iou")(y, p, w)) == approx(1 - 1.6 / (2.0 * 1.0 + 0.5 * 0.4))


def test_boundary_reads_the_distance_maps_of_the_pipeline():
    labels = np.array([[[1, 1, 0, 0], [1, 255, 0, 0]]], "float32")
    logits = np.random.default_rng(0).normal(size=(1, 2, 4, 1)).astype("float32")
    maps = np.array([[[-1.0, 0.0, 1.0, 2.0], [-1.0, 9e9, 1.4142135, 2.236068]]], "float32")
    for name in ("boundary", "hausdorff"):
        found = float(of_logits(name)({"label": labels, "distance": maps[..., None]}, logits))
        assert found == approx(float(of_logits(name)(labels, logits)), rel=1e-5)


def test_mumford_shah_prefers_the_partition_of_the_image():
    image = np.zeros((1, 4, 6, 3), "float32")
    image[:, :, 3:] = (0.9, 0.5, 0.1)
    targets = {"label": np.zeros((1, 4, 6), "uint8"), "image": image}
    split, other = np.full((2, 1, 4, 6, 1), -9.0, "float32")
    split[:, :, 3:], other[:, :2] = 9.0, 9.0
    assert float(of_logits("mumford_shah")(targets, split)) < 0.01 < float(of_logits("mumford_shah")(targets, other))
