"""Sorting and choosing against NumPy: ties, zeros, rows of different kinds, lengths that are known late."""

import numpy as np
import pytest
from keras import ops
from scipy.ndimage import distance_transform_edt

from kseg.losses.distance import distance
from kseg.losses.loss_max_pooling import shared_level
from kseg.losses.order import by_rank, kth_largest
from losses.cases import of_logits

ROWS = np.array([[0.5, 0.0, 2.0, 1e-30, 1e30], [0.25, 0.25, 0.25, 0.0, 0.25], [0.0] * 5], "float32")


def running_sum(values, of_row):
    return of_row + ops.cumsum(values, axis=-1)


def test_results_by_rank_stand_where_their_keys_came_from():
    values, of_row = np.arange(15, dtype="float32").reshape(3, 5), np.array([[100.0], [0.0], [0.0]], "float32")
    found = ops.convert_to_numpy(by_rank(ops.array(ROWS), ops.array(values), ops.array(of_row), running_sum))
    # falling order of row 0 is 4 2 0 3: sums 4, 4 + 2, 4 + 2 + 0, 4 + 2 + 0 + 3, on top of 100; the 0 has no result
    np.testing.assert_array_equal(found[0], [106, 0, 106, 109, 104])
    assert found[1, 3] == 0
    assert found[1].max() == 5 + 6 + 7 + 9  # in whatever order the equals came
    np.testing.assert_array_equal(found[2], 0)


@pytest.mark.parametrize("k", [1, 2, 4, 5])
def test_kth_largest(k):
    found = ops.convert_to_numpy(kth_largest(ops.array(ROWS[:, None]), ops.full((3, 1, 1), float(k)), "image"))
    np.testing.assert_array_equal(found[:, 0, 0], np.sort(ROWS, axis=-1)[:, -k])
    found = ops.convert_to_numpy(kth_largest(ops.array(ROWS[:, None]), ops.full((1, 1, 1), float(k)), "batch"))
    np.testing.assert_array_equal(found, np.sort(ROWS, axis=None)[-k])


def test_the_shared_level_meets_its_sum():
    h = np.random.default_rng(0).uniform(size=(4, 5, 10)).astype("float32") ** 6
    total = np.array([1.0, 3.0, 10.0, 40.0], "float32").reshape(4, 1, 1)
    level = ops.convert_to_numpy(shared_level(ops.array(h), ops.array(total), "image"))
    np.testing.assert_allclose(np.minimum(1.0, level * h).sum(axis=(1, 2), keepdims=True), total, rtol=1e-5)


def test_one_wrong_pixel_among_certain_ones_is_worth_the_largest_weight():
    # ℓ = 8 at one of 16 pixels and 0 at the others: w ≤ m^(−1/p)·n^(−1/q) with m = 4, p = q = 2, so L = 8/√4/√16
    logits, labels = np.full((1, 4, 4, 1), -1e4, "float32"), np.zeros((1, 4, 4), "uint8")
    logits[0, 0, 0] = 8.0
    found = float(of_logits("loss_max_pooling", p=2.0, fraction=0.25)(labels, logits))
    assert found == pytest.approx(np.log1p(np.exp(8.0)) / 8.0, rel=1e-5)


def test_equal_losses_share_the_places_of_the_hardest():
    import tensorflow as tf

    z = tf.zeros((1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = of_logits("topk_ce", fraction=0.5)(np.zeros((1, 2, 2), "uint8"), z)
    assert float(loss) == pytest.approx(np.log(2.0))
    np.testing.assert_allclose(tape.gradient(loss, z), 0.5 / 4)


def test_distances_equal_scipys_at_sizes_known_late():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    traced = tf.function(distance, input_signature=[tf.TensorSpec((None, None, None, 2), tf.bool)])
    for shape, share in (((1, 33, 50, 2), 0.004), ((2, 1, 9, 2), 0.3), ((1, 9, 1, 2), 0.3)):
        mask = rng.random(shape) < share
        found = traced(tf.constant(mask)).numpy()
        for n, k in np.ndindex(shape[0], shape[3]):
            expected = distance_transform_edt(~mask[n, ..., k]) if mask[n, ..., k].any() else 0.0
            np.testing.assert_allclose(found[n, ..., k], expected, rtol=1e-6)
