"""Objects and classes joined into one answer, by cases whose answer is known by looking at them."""

import numpy as np
import pytest

from kseg.datasets import data_options, open_dataset
from kseg.errors import UsageError
from kseg.structures import FusionOptions, Instances, LabelMap, fuse
from kseg.structures.panoptic import Segment

SKY, GRASS, PERSON, DOG = 0, 1, 2, 3
THINGS = {PERSON, DOG}
ALL = FusionOptions(stuff_area=0)


def row(*masks, classes, scores=None, crowd=None):
    return Instances.of(np.array([[list(mask)] for mask in masks], bool), classes, scores=scores, crowd=crowd)


def labels(*ids):
    return LabelMap(np.array([ids], np.uint8))


def shown(panoptic):
    return panoptic.ids[0].tolist(), [(one.class_id, one.thing) for one in panoptic.segments]


def test_the_surer_object_lies_in_front():
    masks = [(1, 1, 1, 0, 0, 0), (0, 0, 1, 1, 1, 1)]
    for scores, ids, classes in (([0.9, 0.8], [1, 1, 1, 2, 2, 2], [2, 3]), ([0.8, 0.9], [2, 2, 1, 1, 1, 1], [3, 2])):
        fused = fuse(row(*masks, classes=[PERSON, DOG], scores=scores), labels(0, 0, 0, 0, 0, 0), THINGS, ALL)
        assert shown(fused) == (ids, [(class_id, True) for class_id in classes])


@pytest.mark.parametrize(("behind", "stays"), [(2, True), (3, False)])
def test_an_object_mostly_behind_others_is_dropped(behind, stays):
    """Of its four pixels two or three are taken: one half may be lost, and no more."""
    front = [1] * behind + [0] * (6 - behind)
    objects = row(front, (1, 1, 1, 1, 0, 0), classes=[PERSON, DOG], scores=[0.9, 0.8])
    ids, _ = shown(fuse(objects, labels(*[GRASS] * 6), THINGS, ALL))
    assert (ids[3] == 2 and ids[4] == 3) if stays else ids[3] == ids[4] == 2
    lenient = FusionOptions(overlap=0.75, stuff_area=0)
    assert shown(fuse(objects, labels(*[GRASS] * 6), THINGS, lenient))[0][3] == 2


def test_unsure_objects_and_crowds_are_left_out():
    masks = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    objects = row(*masks, classes=[PERSON] * 3, scores=[0.49, 0.5, 0.9], crowd=[False, False, True])
    assert shown(fuse(objects, labels(SKY, SKY, SKY), THINGS, ALL)) == ([2, 1, 2], [(PERSON, True), (SKY, False)])


def test_a_thing_that_only_the_label_map_sees_is_void():
    fused = fuse(row((1, 0, 0, 0), classes=[DOG]), labels(PERSON, PERSON, GRASS, 255), THINGS, ALL)
    assert shown(fused) == ([1, 0, 2, 0], [(DOG, True), (GRASS, False)])


def test_little_stuff_is_void():
    semantic = LabelMap(np.repeat(np.array([[SKY] * 63 + [GRASS]], np.uint8), 64, axis=0))
    nothing = Instances.of(np.zeros((0, 64, 64), bool), [])
    fused = fuse(nothing, semantic, THINGS, FusionOptions(stuff_area=64))
    assert fused.segments == (Segment(SKY, thing=False), Segment(GRASS, thing=False))
    assert fuse(nothing, semantic, THINGS, FusionOptions(stuff_area=65)).segments == (Segment(SKY, thing=False),)
    assert fuse(nothing, semantic, THINGS).segments == ()  # the paper's 4096, and there are 4032 of sky


def test_objects_without_a_pixel_left_are_no_segments():
    objects = row((1, 1, 0), (1, 1, 0), (0, 0, 0), classes=[PERSON] * 3, scores=[0.9, 0.8, 0.7])
    loose = FusionOptions(overlap=1, stuff_area=0)
    assert shown(fuse(objects, labels(SKY, SKY, SKY), THINGS, loose)) == ([1, 1, 2], [(PERSON, True), (SKY, False)])


def test_the_truth_of_a_scene_taken_apart_is_put_together_again():
    dataset = open_dataset(data_options(synthetic_size=64, people=3)).for_task("panoptic")
    things = set()
    for record in dataset.records("test")[:5]:
        truth = dataset.truth(record)
        things |= {one.class_id for one in truth.segments if one.thing}
        fused = fuse(truth.instances(), truth.semantic(), things, ALL)
        assert fused.semantic() == truth.semantic()
        np.testing.assert_array_equal(fused.instances().id_map(), truth.instances().id_map())


def test_what_means_nothing_is_refused():
    with pytest.raises(UsageError, match=r"objects are of \(1, 2\) pixels, the label map of \(1, 3\)"):
        fuse(row((1, 0), classes=[PERSON]), labels(0, 0, 0), THINGS)
    with pytest.raises(UsageError, match="an object has the class 1, which is stuff"):
        fuse(row((1, 0), classes=[GRASS]), labels(0, 0), THINGS)
    with pytest.raises(UsageError, match="--overlap is 1.5"):
        FusionOptions(overlap=1.5)
