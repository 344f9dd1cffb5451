"""Panoptic answers: segments as targets, outputs as an answer, and the thresholds that decide."""

import numpy as np
import pytest

from kseg.conventions import VOID
from kseg.errors import Failure, UsageError
from kseg.structures import Panoptic, Segment
from kseg.tasks import TASKS
from kseg.tasks.panoptic.kinds import Kinds

TASK = TASKS["panoptic"]
SKY, DOG, GRASS, CAT = range(4)
THINGS = (DOG, CAT)
SIZE = (12, 16)


def scene(*, void=False):
    """A dog and a cat on grass, under the sky; one pixel of void."""
    ids = np.full(SIZE, 4, np.uint16)
    ids[:6] = 3
    ids[4:10, 1:6], ids[3:9, 8:14] = 1, 2
    if void:
        ids[0, 0] = 0
    segments = (Segment(DOG, True), Segment(CAT, True), Segment(SKY, False), Segment(GRASS, False))
    return Panoptic(ids, segments)


def targets_of(truth, **options):
    return TASK.targets(4, things=THINGS, **options)(truth, None)


def outputs_of(truth):
    return TASK.perfect_outputs(targets_of(truth), 4)


def test_objects_and_pixels_have_numbers_of_their_own():
    """Objects are 1 … T, as 0 is no object, even for things of class 0; pixels are 0 … S − 1, and S for any thing."""
    kinds = Kinds.told(4, (0, 3))
    assert kinds.object_label.tolist() == [1, 0, 0, 2] and kinds.pixel_label[[0, 1, 2, 3, 9]].tolist() == [
        2, 0, 1, 2, VOID,
    ]  # fmt: skip
    assert kinds.class_of_pixel.tolist() == [1, 2, VOID]
    assert Kinds.told(3, None).things.tolist() == [1, 2]


def test_targets_by_hand():
    targets = targets_of(scene(void=True))
    assert targets["classes"][:3].tolist() == [1, 2, 0] and targets["valid"].sum() == 2
    assert targets["label"][[0, 0, 11, 5, 5], [0, 1, 0, 2, 9]].tolist() == [VOID, 0, 1, 2, 2]
    assert targets["things"].tolist() == [0, 1, 0, 1]
    truth = Panoptic(np.ones((2, 2), np.uint16), (Segment(GRASS, True),))
    with pytest.raises(UsageError, match=r"an object of class 2, which is stuff; things are \[1, 3\]"):
        targets_of(truth)
    with pytest.raises(UsageError, match="reads 'colors', which is no target"):
        TASK.targets(4, reads=("colors",))


def test_a_truth_comes_back_void_and_all():
    truth = scene(void=True)
    assert TASK.decode(outputs_of(truth)) == truth
    assert TASK.decode(outputs_of(truth), (24, 32)) == truth.resized((24, 32))


def test_the_thresholds_that_outputs_carry_decide_unless_another_is_asked_for():
    """The cat has a score of 0.6; grass has 6·16 less 4·5 of the dog and 3·6 of the cat, 58."""
    outputs = outputs_of(scene())
    outputs["scores"] = np.where(outputs["classes"] == CAT, 0.6, outputs["scores"]).astype(np.float32)

    def kinds(fusion, **asked):
        answer = TASK.decode({**outputs, "fusion": np.array(fusion, np.float32)}, **asked)
        return [one.class_id for one in answer.segments]

    assert kinds([0.5, 0.5, 0]) == [DOG, CAT, SKY, GRASS]
    assert kinds([0.7, 0.5, 0]) == [DOG, SKY, GRASS]
    assert kinds([0.7, 0.5, 0], threshold=0.5) == [DOG, CAT, SKY, GRASS]
    assert kinds([0.5, 0.5, 58]) == [DOG, CAT, SKY, GRASS] and kinds([0.5, 0.5, 59]) == [DOG, CAT, SKY]


def test_a_pixel_that_is_more_likely_a_thing_is_void_where_no_object_was_found():
    outputs = outputs_of(scene())
    answer = TASK.decode({**outputs, "valid": np.zeros_like(outputs["valid"])})
    assert [one.class_id for one in answer.segments] == [SKY, GRASS]
    assert (answer.ids == 0).sum() == 5 * 6 + 6 * 6


def test_another_order_moves_things_stuff_and_objects_together():
    outputs = outputs_of(scene())
    order = [CAT, GRASS, SKY, DOG]  # class 0 of the result is the cat, …
    moved = TASK.reordered(outputs, order)
    assert moved["things"].tolist() == [1, 0, 0, 1]
    answer, before = TASK.decode(moved), TASK.decode(outputs)
    renamed = np.argsort(order)[before.semantic().ids]
    np.testing.assert_array_equal(answer.semantic().ids, renamed)
    assert [one.class_id for one in answer.segments if one.thing] == [3, 0]


def test_outputs_that_mean_nothing_are_refused():
    batch = {name: value[None] for name, value in outputs_of(scene()).items()}
    assert len(TASK.of_each_image(batch)) == 1
    with pytest.raises(UsageError, match="if it gives logits"):
        TASK.of_each_image({**batch, "semantic": 9 * batch["semantic"]})
    with pytest.raises(Failure, match="nan or infinity"):
        TASK.of_each_image({**batch, "semantic": np.nan * batch["semantic"]})


def test_how_far_two_outputs_are_apart():
    one = outputs_of(scene())
    other = {**one, "semantic": one["semantic"] * np.float32(0.75)}
    assert TASK.difference(one, one) == 0 and TASK.difference(one, other) == 0.25


def test_an_export_gives_what_predict_gives():
    outputs = outputs_of(scene())
    served = TASK.served({name: value[None] for name, value in outputs.items()}, (9, 20))
    (given,) = TASK.of_each_image({name: np.asarray(value) for name, value in served.items()})
    assert TASK.difference(given, TASK.resized(outputs, (9, 20))) < 1e-5
    assert TASK.decode(given) == TASK.decode(outputs, (9, 20))


@pytest.mark.parametrize("options", [{"class_weights": (1.0, 2.0)}, {"pixel_weights": "border"}])
def test_weights_of_pixels_are_refused(options):
    with pytest.raises(UsageError, match="which a panoptic network does not score"):
        TASK.loss("mask=bce; semantic=ce", reduction="mean", **options)
