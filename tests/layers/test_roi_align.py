"""RoIAlign and RoIPool: by hand, against torchvision's values, their gradient, and what rounding costs."""

import keras
import numpy as np
import pytest
from keras import ops

from kseg.layers import pyramid_level, roi_align, roi_pool


def array(x):
    return ops.convert_to_numpy(x)


def ramp(rows, columns):
    """The value of a pixel is 10·y + x of its center, so an interpolated value says where it was sampled."""
    y, x = np.mgrid[:rows, :columns] + 0.5
    return (10 * y + x)[None, ..., None].astype("float32")


def test_one_bin_samples_its_quarters_by_hand():
    # box 2..4 × 1..3, one bin, 2×2 samples at y = 2.5, 3.5 and x = 1.5, 2.5: their mean is at the middle (3, 2)
    assert array(roi_align(ramp(6, 6), [[[2.0, 1.0, 4.0, 3.0]]], size=1, scales=1.0)).item() == pytest.approx(32.0)
    # the first publication's rule samples half a pixel further: (3.5, 2.5)
    old = roi_align(ramp(6, 6), [[[2.0, 1.0, 4.0, 3.0]]], size=1, scales=1.0, aligned=False)
    assert array(old).item() == pytest.approx(37.5)


def test_a_map_of_stride_two_by_hand():
    # the box 4..8 × 2..6 of the image is 2..4 × 1..3 on the map
    found = array(roi_align(ramp(6, 6), [[[4.0, 2.0, 8.0, 6.0]]], size=2, scales=0.5))[0, 0, :, :, 0]
    np.testing.assert_allclose(found, [[10 * 2.5 + 1.5, 10 * 2.5 + 2.5], [10 * 3.5 + 1.5, 10 * 3.5 + 2.5]], rtol=1e-6)


def test_samples_beyond_the_border_are_clamped():
    # all samples lie above the first row and left of the first column of centers
    assert array(roi_align(ramp(4, 4), [[[-3.0, -3.0, 0.0, 0.0]]], size=1, scales=1.0)).item() == pytest.approx(5.5)


@pytest.mark.parametrize("aligned", [0, 1])
@pytest.mark.parametrize("sampling", [1, 2])
def test_equal_to_torchvision(oracles, aligned, sampling):
    maps, boxes = oracles["roi_features"].astype("float32"), oracles["roi_boxes_b_x1y1x2y2"]
    expected = oracles[f"roi_align_aligned{aligned}_sampling{sampling}"]
    image, yx = boxes[:, 0].astype(int), boxes[:, [2, 1, 4, 3]].astype("float32")
    # every box on both images, of which one is its own
    found = array(
        roi_align(
            maps, np.stack([yx, yx]), size=7, scales=float(oracles["roi_spatial_scale"]), sampling=sampling,
            aligned=bool(aligned),
        )
    )  # fmt: skip
    np.testing.assert_allclose(found[image, np.arange(len(boxes))], expected, atol=1e-5)


def test_levels_are_gathered_from_their_own_map():
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(2, side, side + 1, 3)).astype("float32") for side in (12, 6, 3)]
    boxes = np.sort(rng.uniform(0, 48, (2, 5, 2, 2)), axis=2).reshape(2, 5, 4).astype("float32")
    levels = rng.integers(0, 3, (2, 5)).astype("int32")
    scales = [1 / 4, 1 / 8, 1 / 16]
    together = array(roi_align(maps, boxes, size=2, scales=scales, levels=levels))
    apart = np.stack([array(roi_align(one, boxes, size=2, scales=s)) for one, s in zip(maps, scales, strict=True)])
    chosen = np.take_along_axis(apart, levels[None, :, :, None, None, None], axis=0)[0]
    np.testing.assert_allclose(together, chosen, atol=1e-6)
    assert np.unique(levels).size == 3


def test_the_gradient_is_the_transposed_map():
    """RoIAlign is linear in the map: ⟨w, align(f + g) − align(f)⟩ = ⟨gradient, g⟩ for every g."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the tape is TensorFlow's")
    import tensorflow as tf

    rng = np.random.default_rng(1)
    f, g = (rng.normal(size=(2, 5, 6, 2)).astype("float32") for _ in range(2))
    boxes = np.array([[[0.3, -1.0, 4.2, 5.0]], [[2.0, 2.0, 9.0, 6.5]]], "float32")
    w = rng.normal(size=(2, 1, 3, 3, 2)).astype("float32")
    x = tf.Variable(f)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(w * roi_align(x, boxes, size=3, scales=1.0))
    gradient = tf.convert_to_tensor(tape.gradient(value, x)).numpy()
    change = array(roi_align(f + g, boxes, size=3, scales=1.0)) - array(roi_align(f, boxes, size=3, scales=1.0))
    assert np.sum(gradient * g) == pytest.approx(np.sum(w * change), rel=1e-4)
    compiled = tf.function(lambda x: roi_align(x, boxes, size=3, scales=1.0), jit_compile=True)(x)
    np.testing.assert_allclose(compiled, roi_align(f, boxes, size=3, scales=1.0), atol=1e-5)


def test_roi_pool_by_hand():
    # box 0..3 × 0..3, ends included: 4×4 pixels, 2×2 bins, their largest value at the lower right
    f = np.arange(16.0).reshape(1, 4, 4, 1).astype("float32")
    assert array(roi_pool(f, [[[0.0, 0.0, 3.0, 3.0]]], size=2, scale=1.0)).ravel().tolist() == [5, 7, 13, 15]
    # outside of the map there is nothing
    assert array(roi_pool(f, [[[9.0, 9.0, 12.0, 12.0]]], size=1, scale=1.0)).item() == 0


def test_what_rounding_costs():
    """A box that moves by half a pixel of the map: RoIAlign moves along, RoIPool stays and then jumps."""
    moves = np.arange(0.0, 4.0, 0.5)
    box = np.array([4.0, 4.0, 20.0, 20.0], "float32")
    boxes = (box + moves[:, None]).astype("float32")[None]
    truth = 11 * moves / 4  # of the ramp, at stride 4
    aligned = array(roi_align(ramp(10, 10), boxes, size=3, scales=0.25))[0, :, 1, 1, 0]
    pooled = array(roi_pool(ramp(10, 10), boxes, size=3, scale=0.25))[0, :, 1, 1, 0]
    np.testing.assert_allclose(aligned - aligned[0], truth, atol=1e-4)
    assert np.abs(pooled - pooled[0] - truth).max() >= 11 * 0.25
    assert set(pooled - pooled[0]) == {0.0, 11.0}


def test_levels_by_hand():
    # k = ⌊4 + log2(side/224)⌋: 111 → 2, 112 → 3, 448 → 5, and beyond the pyramid its ends
    boxes = [[[0.0, 0.0, side, side] for side in (1.0, 111.0, 112.0, 223.0, 224.0, 448.0, 4000.0)]]
    assert array(pyramid_level(boxes, (4, 8, 16, 32))).tolist() == [[0, 0, 1, 1, 2, 3, 3]]


def test_levels_equal_torchvisions(detection_oracle):
    boxes = detection_oracle["proposals_x1y1x2y2"][None, :, [1, 0, 3, 2]]
    found = array(pyramid_level(boxes, (4, 8, 16, 32)))[0]
    np.testing.assert_array_equal(found + 2, detection_oracle["fpn_level_of_proposals"])
