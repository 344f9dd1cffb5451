"""Boxes, anchors and suppression: by hand and against torchvision's values."""

import keras
import numpy as np
import pytest
from keras import ops

from kseg.layers import anchors, box_area, box_iou, clip_boxes, decode_boxes, encode_boxes, suppressed
from kseg.layers.boxes import HEAD_WEIGHTS, RPN_WEIGHTS


def array(x):
    return ops.convert_to_numpy(x)


def yx(boxes):
    return boxes[..., [1, 0, 3, 2]]


def test_area_and_iou_by_hand():
    boxes = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 4.0], [5.0, 5.0, 5.0, 7.0]], "float32")
    assert array(box_area(boxes)).tolist() == [4, 6, 0]
    # the first two share 1×1: 1/(4 + 6 − 1); the third is empty, and its union with itself too
    np.testing.assert_allclose(array(box_iou(boxes, boxes)), [[1, 1 / 9, 0], [1 / 9, 1, 0], [0, 0, 0]], rtol=1e-6)


def test_clipping_by_hand():
    boxes = [[-1.0, -2.0, 3.0, 9.0], [6.0, 1.0, 9.0, 2.0]]
    assert array(clip_boxes(boxes, 5, 8)).tolist() == [[0, 0, 3, 8], [5, 1, 5, 2]]


def test_deltas_by_hand():
    # reference: center (2, 2), 4×4. Box 1..5 × 2..4: center (3, 3), 4×2 → dy = 1/4, dx = 1/4, dh = 0, dw = log ½
    deltas = array(encode_boxes([[1.0, 2.0, 5.0, 4.0]], [[0.0, 0.0, 4.0, 4.0]], weights=HEAD_WEIGHTS))
    np.testing.assert_allclose(deltas, [[10 / 4, 10 / 4, 0, 5 * np.log(0.5)]], rtol=1e-6)
    back = array(decode_boxes(deltas, [[0.0, 0.0, 4.0, 4.0]], weights=HEAD_WEIGHTS))
    np.testing.assert_allclose(back, [[1, 2, 5, 4]], rtol=1e-6)


def test_boxes_of_no_area_and_wild_deltas_stay_finite():
    nothing = [[1.0, 1.0, 1.0, 1.0]]
    assert np.isfinite(array(encode_boxes(nothing, nothing))).all()
    grown = array(decode_boxes([[0.0, 0.0, 900.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]]))
    assert grown[0, 2] - grown[0, 0] == pytest.approx(1000 / 16)


@pytest.mark.parametrize("stage, weights", [("rpn", RPN_WEIGHTS), ("roi", HEAD_WEIGHTS)])
def test_deltas_equal_torchvisions(detection_oracle, stage, weights):
    proposals = yx(detection_oracle["proposals_x1y1x2y2"])
    decoded = array(decode_boxes(yx(detection_oracle[f"{stage}_deltas"]), proposals, weights=weights))
    np.testing.assert_allclose(decoded, yx(detection_oracle[f"{stage}_decoded_x1y1x2y2"]), atol=1e-4)


def test_overlaps_equal_torchvisions(detection_oracle):
    truth, proposals = (yx(detection_oracle[f"{name}_x1y1x2y2"]) for name in ("gt_boxes", "proposals"))
    np.testing.assert_allclose(array(box_iou(truth, proposals)), detection_oracle["box_iou_gt_proposals"], atol=1e-6)


def test_anchors_by_hand():
    # ratio 2 of 8²: 11.3 high, 5.7 wide; halves 5.66 and 2.83 are rounded to 6 and 3
    assert array(anchors(2, 1, 4, 8, ratios=(2.0,))).tolist() == [[-6, -3, 6, 3], [-2, -3, 10, 3]]


def test_anchors_of_a_pyramid_equal_torchvisions(detection_oracle):
    grids = [(320 // stride, 416 // stride) for stride in (4, 8, 16, 32, 64)]
    # torchvision's strides are image size over map size, 416 // 6 = 69 in the last level
    found = [
        array(anchors(rows, columns, (320 // rows, 416 // columns), size))
        for (rows, columns), size in zip(grids, (32, 64, 128, 256, 512), strict=True)
    ]
    np.testing.assert_array_equal(np.concatenate(found), yx(detection_oracle["anchors_x1y1x2y2"]))


@pytest.mark.parametrize("threshold", [0.5, 0.7])
def test_suppression_equals_the_loop(detection_oracle, threshold):
    order = np.argsort(-detection_oracle["nms_scores"], kind="stable")
    boxes = yx(detection_oracle["proposals_x1y1x2y2"])[order]
    keep = array(suppressed(boxes[None], threshold=threshold))[0]
    np.testing.assert_array_equal(order[keep], detection_oracle[f"nms_keep_{threshold}"])


def greedy(boxes, valid, groups, threshold):
    overlap, keep = array(box_iou(boxes, boxes)), []
    for j in np.flatnonzero(valid):
        if all(overlap[i, j] <= threshold or groups[i] != groups[j] for i in keep):
            keep.append(j)
    return keep


def test_suppression_of_long_chains():
    """Boxes in a row, each overlapping the next: every one depends on the one before, the worst case of the rounds."""
    start = np.arange(30.0)
    boxes = np.stack([start, 0 * start, start + 3, 0 * start + 1], axis=-1).astype("float32")
    valid, groups = np.ones(30, bool), np.zeros(30, int)
    keep = array(suppressed(boxes[None], threshold=0.4))[0]
    assert np.flatnonzero(keep).tolist() == greedy(boxes, valid, groups, 0.4) == list(range(0, 30, 2))


def test_suppression_of_random_boxes_with_classes_and_gaps():
    rng = np.random.default_rng(0)
    boxes = np.sort(rng.uniform(0, 12, (4, 60, 2, 2)), axis=2).reshape(4, 60, 4).astype("float32")
    valid, groups = rng.random((4, 60)) < 0.8, rng.integers(0, 3, (4, 60))
    keep = array(suppressed(boxes, threshold=0.3, valid=valid, groups=groups))
    for image in range(4):
        assert np.flatnonzero(keep[image]).tolist() == greedy(boxes[image], valid[image], groups[image], 0.3)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(lambda x: suppressed(x, threshold=0.3, valid=valid, groups=groups), jit_compile=True)
        np.testing.assert_array_equal(compiled(boxes), keep)
