"""Small panoptic maps drawn at random, with void, crowds and near misses of every rule."""

import numpy as np

CLASSES = 3


def maps(rng):
    """A true and a predicted id map, {id: (class, crowd)} and {id: class}; ids are anything up to 2²⁴ − 1."""
    height, width = rng.integers(3, 9, 2)
    blocks = rng.integers(0, 6, ((height + 1) // 2, (width + 1) // 2))
    truth = blocks.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    prediction = np.where(
        rng.random(truth.shape) < rng.choice([0.05, 0.25, 0.5]), rng.integers(0, 6, truth.shape), truth
    )
    true_segments = {int(i): (int(rng.integers(CLASSES)), bool(rng.random() < 0.25)) for i in np.unique(truth) if i}
    predicted_segments = {
        int(i): true_segments[i][0] if i in true_segments and rng.random() < 0.8 else int(rng.integers(CLASSES))
        for i in np.unique(prediction)
        if i
    }
    return *_renamed(rng, truth, true_segments), *_renamed(rng, prediction, predicted_segments)


def _renamed(rng, ids, segments):
    names = np.concatenate([[0], rng.choice(2**24 - 1, 5, replace=False) + 1])
    order = [int(i) for i in rng.permutation(list(segments))]
    return names[ids], {int(names[i]): segments[i] for i in order}
