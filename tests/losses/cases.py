"""What the contract tests run every registered loss on: options worth trying, and small batches with traps in them."""

import functools

import numpy as np

from kseg.losses import LOSSES, get

VOID = 255

of_logits = functools.partial(get, from_logits=True)
"""`get`, for predictions that are logits, as a network in training has them."""

OPTIONS = {
    "bce": [{}, {"pooling": "batch"}, {"label_smoothing": 0.1}, {"class_weights": (1.0, 3.0)}],
    "ce": [{}, {"pooling": "batch"}, {"label_smoothing": 0.1}],
    "iou": [{}, {"pooling": "batch"}, {"classes": "all", "smooth": 1.0}],
    "dice": [{}, {"pooling": "batch", "smooth": 0.1}, {"squared": True, "classes": "all"}],
    "log_cosh_dice": [{}, {"pooling": "batch"}],
    "gdice": [{}, {"pooling": "batch"}],
    "jaccard_distance": [{}, {"pooling": "batch"}],
    "jml": [{}, {"variant": "jml2"}, {"pooling": "batch"}],
    "tversky": [{}, {"alpha": 0.8, "beta": 0.1, "smooth": 0.5}, {"pooling": "batch"}],
    "focal_tversky": [{}, {"gamma": 1.0, "smooth": 1.0}, {"pooling": "batch"}],
    "focal": [{}, {"gamma": 0.5}, {"pooling": "batch"}],
    "poly_ce": [{}, {"epsilon": -1.0}, {"pooling": "batch"}],
    "topk_ce": [{}, {"fraction": 1.0}, {"threshold": 0.7}, {"pooling": "batch", "fraction": 0.1}],
    "loss_max_pooling": [{}, {"p": 3.0}, {"pooling": "batch", "fraction": 0.6}],
    "unified_focal": [{}, {"symmetric": True, "gamma": 0.3}, {"pooling": "batch"}],
    "combo": [{}, {"alpha": 0.2, "beta": 0.8}, {"pooling": "batch"}],
    "sensitivity_specificity": [{}, {"weight": 0.6}, {"pooling": "batch"}],
    "level_set": [{}, {"heaviside": "ahf", "normalize": "mean"}, {"heaviside": "hf"}],
    "lovasz": [{}, {"pooling": "batch"}, {"classes": "all"}],
    "adaptive": [{}, {"radius": 2, "sigma": 0.7, "power": 1.0}, {"pooling": "batch"}],
    "hausdorff": [{}, {"power": 1.0}],
    "boundary": [{}],
    "mumford_shah": [{}, {"length": 0.1}],
    "cldice": [{}, {"iterations": 1, "smooth": 0.5}],
    "rmi": [{"pool": 1}, {"pool": 1, "size": 2, "ridge": 0.01}],
}
CHANNELS = {"binary": 1, "multi-class": 4}


def every_case(*, every_option=False):
    """(name, problem, options) of every registered loss: its defaults, or all options worth trying."""
    return [
        (name, problem, options)
        for name in LOSSES
        for problem in LOSSES[name].problems
        for options in (OPTIONS[name] if every_option else OPTIONS[name][:1])
    ]


def once():
    """Every loss once, where compiling takes its time: several classes if it can, and the Lovász hinge."""
    return [case for case in every_case() if case[1] == LOSSES[case[0]].problems[-1] or case[0] == "lovasz"]


def case_id(value):
    return ",".join(f"{k}={v}" for k, v in value.items()) or "-" if isinstance(value, dict) else str(value)


@functools.cache
def batch(problem, seed=0, size=(5, 6), images=4):
    """Labels (N, H, W) uint8 and logits (N, H, W, C) float64.

    Image 0 is ordinary, image 1 has void, image 2 lacks the last class (binary: an empty truth), image 3 is all void.
    """
    rng = np.random.default_rng(seed)
    channels = CHANNELS[problem]
    labels = rng.integers(0, max(2, channels), (images, *size)).astype("uint8")
    labels[1, :2, 1:4] = VOID
    labels[2] = np.where(labels[2] == max(2, channels) - 1, 0, labels[2])
    if images > 3:
        labels[3] = VOID
    return labels, 2.0 * rng.normal(size=(images, *size, channels))


def confident(labels, channels, margin=12.0):
    """Logits that say the truth, `margin` above everything else; 0 under void."""
    if channels == 1:
        return np.where(labels == VOID, 0.0, np.where(labels == 1, margin, -margin))[..., None]
    return margin * (labels[..., None] == np.arange(channels))
