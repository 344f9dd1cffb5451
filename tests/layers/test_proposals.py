"""Proposals, detections and masks of a class: by hand, in any size of image, and compiled."""

import keras
import numpy as np
import pytest
from keras import ops

from kseg.layers import Chance, Detections, ImageSize, MaskOfClass, Proposals, PyramidAnchors

IMAGE = np.zeros((1, 20, 30, 3), "float32")


def array(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_proposals_by_hand():
    """The best of each level, cut at the border; box 1 overlaps the better box 0 by 8/10 and goes."""
    fine = np.array([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 8.0], [0.0, 12.0, 10.0, 22.0]], "float32")
    coarse = np.array([[-10.0, 0.0, 10.0, 10.0]], "float32")
    logits = [np.array([[3.0, 2.0, 1.0]], "float32"), np.array([[2.5]], "float32")]
    deltas = [np.zeros((1, 3, 4), "float32"), np.zeros((1, 1, 4), "float32")]
    found = array(Proposals(4, 3)([IMAGE, fine, coarse, *logits, *deltas]))[0].tolist()
    # the coarse box is the fine one once it is cut; levels do not suppress each other
    assert found == [[0, 0, 10, 10], [0, 0, 10, 10], [0, 12, 10, 22], [0, 0, 0, 0]]


def test_only_the_candidates_of_a_level_are_looked_at_and_more_in_training():
    boxes = np.array([[10.0 * i, 0.0, 10.0 * i + 5, 5.0] for i in range(2)] + [[0.0, 9.0, 5.0, 14.0]], "float32")
    inputs = [IMAGE, boxes, np.array([[1.0, 3.0, 2.0]], "float32"), np.zeros((1, 3, 4), "float32")]
    layer = Proposals(3, 1, training_candidates=2)
    assert array(layer(inputs))[0].tolist() == [boxes[1].tolist(), [0] * 4, [0] * 4]
    assert array(layer(inputs, training=True))[0].tolist() == [boxes[1].tolist(), boxes[2].tolist(), [0] * 4]


def test_a_box_beyond_the_border_is_no_proposal():
    outside = np.array([[25.0, 0.0, 35.0, 10.0]], "float32")
    inputs = [IMAGE, outside, np.ones((1, 1), "float32"), np.zeros((1, 1, 4), "float32")]
    assert not array(Proposals(2, 1)(inputs)).any()


def test_detections_by_hand():
    proposals = np.array([[[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [10.0, 10.0, 20.0, 20.0], [0.0] * 4]])
    # classes: background, a, b. Boxes 0 and 1 are surely a, the second less; box 2 is a or b, the last is no box.
    logits = np.log([[[0.1, 0.8, 0.1], [0.3, 0.6, 0.1], [0.2, 0.3, 0.5], [0.0001, 0.9, 0.1]]])
    boxes, scores, classes, valid = (
        array(part)[0]
        for part in Detections(6)(
            [IMAGE, proposals.astype("float32"), logits.astype("float32"), np.zeros((1, 4, 3, 4))]
        )
    )
    # box 1 as a is suppressed by box 0 (IoU .9); as b, box 0 and box 1 are equal, and the first stays
    assert scores[:4] == pytest.approx([0.8, 0.5, 0.3, 0.1], abs=1e-6)
    assert classes.tolist() == [1, 2, 1, 2, 0, 0] and valid.tolist() == [1, 1, 1, 1, 0, 0]
    assert boxes[:2].tolist() == [[0, 0, 10, 10], [10, 10, 20, 20]] and not boxes[4:].any()


def test_unsure_detections_are_none():
    proposals = np.array([[[0.0, 0.0, 10.0, 10.0]]], "float32")
    logits = np.log([[[0.96, 0.04]]]).astype("float32")
    assert not array(Detections(2)([IMAGE, proposals, logits, np.zeros((1, 1, 2, 4))])[3]).any()


def test_deltas_of_the_own_class_move_a_box():
    proposals = np.array([[[4.0, 4.0, 8.0, 8.0]]], "float32")
    deltas = np.zeros((1, 1, 3, 4), "float32")
    deltas[0, 0, 2, 0] = 5.0  # of class 2: half a side down, with weights of 10
    boxes, _, classes, _ = Detections(1)([IMAGE, proposals, np.array([[[0.0, 0.0, 3.0]]], "float32"), deltas])
    assert (array(boxes)[0, 0].tolist(), array(classes).tolist()) == ([6, 4, 10, 8], [[2]])


def test_masks_are_of_the_own_class():
    logits = np.zeros((1, 2, 1, 1, 3), "float32")
    logits[..., 2] = np.log(3)
    masks = array(MaskOfClass()([logits, np.array([[2, 1]], "int32"), np.array([[1.0, 0.0]], "float32")]))
    assert masks.ravel() == pytest.approx([0.75, 0.0])


def test_anchors_of_a_pyramid_of_odd_sides():
    """Sides 4·5 = 20 and 3: the stride of the second map is ⌊20/3⌋, as torchvision's weights were trained."""
    fine, coarse = PyramidAnchors(8)([np.zeros((1, 5, 5, 1), "float32"), np.zeros((1, 3, 3, 1), "float32")])
    squares = array(coarse)[1::3]
    assert array(fine)[1].tolist() == [-4, -4, 4, 4]
    assert squares[0].tolist() == [-8, -8, 8, 8] and squares[4].tolist() == [-2, -2, 14, 14]


def test_chance_is_another_in_every_training_step_and_the_same_otherwise():
    layer = Chance(2, seed=3)
    x = np.zeros((2, 50, 4), "float32")
    first, second = (array(layer(x, training=True)) for _ in range(2))
    assert first.shape == (2, 50) and (first != second).all()
    assert first.min() >= 0 and first.max() < 1
    np.testing.assert_array_equal(array(layer(x)), array(layer(x)))
    assert len(set(array(layer(x))[0].tolist())) == 50


@pytest.mark.parametrize("size", [None, (20, 30)])
def test_a_known_size_takes_the_place_of_the_image(size):
    other = np.zeros((1, 3, 3, 7), "float32") if size else IMAGE
    outside = np.array([[15.0, 25.0, 35.0, 55.0]], "float32")
    inputs = [other, outside, np.ones((1, 1), "float32"), np.zeros((1, 1, 4), "float32")]
    assert array(Proposals(1, 1, image_size=size)(inputs)).tolist() == [[[15, 25, 20, 30]]]
    assert array(ImageSize(size)(other)).tolist() == [[20, 30]]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA through TensorFlow")
def test_one_xla_program_gives_the_same():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 20, (40, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], -1).astype("float32")
    inputs = [IMAGE, boxes, rng.normal(size=(1, 40)).astype("float32"), rng.normal(size=(1, 40, 4)).astype("float32")]
    layer = Proposals(10, 30)
    compiled = tf.function(layer, jit_compile=True)([tf.constant(one) for one in inputs])
    np.testing.assert_allclose(compiled, layer(inputs), atol=1e-5)
