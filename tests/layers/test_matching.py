"""Who is to find whom, and who is drawn: by hand."""

import numpy as np
import pytest
from keras import ops

from kseg.layers import box_iou, matched, sampled
from kseg.layers.matching import Matches, gathered, share_inside

FAR = [90.0, 90.0, 99.0, 99.0]
ANCHORS = {"positive": 0.7, "negative": 0.3, "best_of_each": True}
ROIS = {"positive": 0.5, "negative": 0.5}


def lists(found):
    return [np.asarray(ops.convert_to_numpy(part))[0].tolist() for part in found]


def of_one_image(boxes, objects, *, there=None, crowd=None, **bounds):
    there = [1.0] * len(objects) if there is None else there
    crowd = [0.0] * len(objects) if crowd is None else crowd
    return lists(matched(np.array(boxes), np.array([objects]), there=[there], crowd=[crowd], **bounds))


def test_anchors_by_hand():
    # The object is 10×10. Overlaps: 8/10 → positive; 5/10 → neither; 2/10 → negative; none → negative.
    boxes = [[0.0, 0.0, 10.0, 8.0], [0.0, 0.0, 10.0, 5.0], [0.0, 0.0, 10.0, 2.0], FAR]
    objects, positive, negative = of_one_image(boxes, [[0.0, 0.0, 10.0, 10.0]], **ANCHORS)
    assert objects == [0, 0, 0, 0]
    assert positive == [True, False, False, False]
    assert negative == [False, False, True, True]


def test_the_best_anchors_of_an_object_are_positive_however_small_their_overlap():
    # Object 1 has 2/10 with boxes 1 and 2 and no better one: both are positive. Of boxes that overlap nothing none is.
    boxes = [[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 2.0], [20.0, 8.0, 30.0, 10.0], FAR]
    objects = [[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0], [50.0, 50.0, 60.0, 60.0]]
    whose, positive, negative = of_one_image(boxes, objects, **ANCHORS)
    assert positive == [True, True, True, False] and negative == [False, False, False, True]
    assert whose[:3] == [0, 1, 1]
    assert of_one_image(boxes, objects, **{**ANCHORS, "best_of_each": False})[1] == [True, False, False, False]


def test_rois_by_hand():
    # 5/10 is enough, 4/10 is background: a box is one or the other
    boxes = [[0.0, 0.0, 10.0, 5.0], [0.0, 0.0, 10.0, 4.0]]
    _, positive, negative = of_one_image(boxes, [[0.0, 0.0, 10.0, 10.0]], **ROIS)
    assert (positive, negative) == ([True, False], [False, True])


def test_a_box_matches_the_object_that_it_overlaps_most():
    boxes, objects = [[0.0, 0.0, 10.0, 10.0]], [[0.0, 0.0, 10.0, 6.0], [0.0, 1.0, 10.0, 10.0]]
    assert of_one_image(boxes, objects, **ROIS)[0] == [1]


def test_an_image_without_an_object_is_background():
    _, positive, negative = of_one_image([FAR, FAR], [[0.0] * 4, [0.0] * 4], there=[0.0, 0.0], **ANCHORS)
    assert (positive, negative) == ([False, False], [True, True])


def test_a_crowd_has_to_be_found_by_nobody_and_nobody_is_wrong_in_it():
    # Of box 0 all lies in the crowd, of box 1 half, of box 2 a quarter.
    boxes = [[0.0, 0.0, 10.0, 10.0], [0.0, 5.0, 10.0, 15.0], [0.0, 7.5, 10.0, 17.5]]
    _, positive, negative = of_one_image(boxes, [[0.0, 0.0, 10.0, 10.0]], crowd=[1.0], **ANCHORS)
    assert positive == [False, False, False]
    assert negative == [False, False, True]
    # An object within the crowd is found all the same.
    both = [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 10.0]]
    assert of_one_image(boxes, both, crowd=[1.0, 0.0], **ANCHORS)[1] == [True, False, False]


def test_the_share_inside_by_hand():
    boxes = [[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 1.0, 1.0]]
    assert ops.convert_to_numpy(share_inside(boxes, [[0.0, 0.0, 2.0, 2.0]]))[:, 0].tolist() == [1.0, 0.25, 0.0]


@pytest.mark.parametrize(
    ("positive", "negative", "places", "kinds", "there"),
    [
        # of three positives two are drawn, those with .9 and .5, then the negatives .8 and .4
        ([1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1], [1, 2, 4, 5], [1, 1, 0, 0], [1, 1, 1, 1]),
        # one positive: more negatives take the place of others
        ([1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1], [0, 1, 4, 2], [1, 0, 0, 0], [1, 1, 1, 1]),
        # nothing to find
        ([0] * 6, [1] * 6, [1, 4, 2, 5], [0, 0, 0, 0], [1, 1, 1, 1]),
        # too few boxes: what is neither is there and does not count
        ([0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0], [1, 4], [1, 0, 0, 0], [1, 1, 0, 0]),
    ],
    ids=["enough", "few positives", "no positives", "too few"],
)
def test_sampling_by_hand(positive, negative, places, kinds, there):
    chance = np.array([[0.3, 0.9, 0.5, 0.1, 0.8, 0.4]])
    found = Matches(np.zeros((1, 6), "int32"), np.array([positive], bool), np.array([negative], bool))
    sample = sampled(found, chance, count=4, positives=2)
    drawn, positive, counts = lists(sample)
    assert drawn[: len(places)] == places
    assert (positive, counts) == (kinds, there)


def test_fewer_boxes_than_are_to_be_drawn():
    found = Matches(np.zeros((1, 2), "int32"), np.array([[True, False]]), np.array([[False, True]]))
    assert lists(sampled(found, [[0.5, 0.5]], count=8, positives=4)) == [[0, 1], [1, 0], [1, 1]]


def test_gathering_keeps_images_apart():
    values = np.arange(12.0).reshape(2, 3, 2)
    places = np.array([[2, 0], [1, 1]])
    expected = np.take_along_axis(values, places[..., None], axis=1)
    np.testing.assert_array_equal(ops.convert_to_numpy(gathered(values, places)), expected)


def test_overlaps_of_random_boxes_agree_with_the_matches():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 50, (40, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], -1)
    iou = np.asarray(ops.convert_to_numpy(box_iou(boxes[:30], boxes[30:])))
    whose, positive, _ = of_one_image(boxes[:30], boxes[30:].tolist(), **ROIS)
    assert positive == (iou.max(1) >= 0.5).tolist()
    assert [iou[i, m] for i, m in enumerate(whose)] == pytest.approx(iou.max(1))
