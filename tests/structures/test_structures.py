"""What each structure holds besides: boxes, crowds, scores, conversions, and what it refuses."""

import doctest

import numpy as np
import pytest
from drawn_structures import HEIGHT, MOVES, WIDTH, blobs, instances, label_map, no_instances, panoptic

from kseg.conventions import VOID
from kseg.datasets.images import resize_labels
from kseg.errors import UsageError
from kseg.structures import Instances, LabelMap, Masks, Panoptic, Segment
from kseg.structures import instances as instances_file
from kseg.structures import label_map as label_map_file
from kseg.structures import panoptic as panoptic_file

SEEDS = range(20)
WHOLE = Segment(0, thing=False)


def boxes_around(masks: np.ndarray) -> list[list[float]]:
    """y1, x1, y2, x2 of bool (N, H, W), by looking at every pixel."""
    places = [np.argwhere(mask) for mask in masks]
    return [[*place.min(axis=0), *(place.max(axis=0) + 1)] for place in places]


@pytest.mark.parametrize("name", MOVES)
def test_boxes_stay_around_their_masks(name):
    """Exactly where pixels stay pixels, after enlarging to within half a pixel. Shrinking may leave out the thin end of
    an object, which its box still holds."""
    for seed in SEEDS:
        before = instances(seed)
        moved = MOVES[name].move(before)
        around = np.array(boxes_around(moved.masks.array())).reshape(-1, 4)
        outside = (around - moved.boxes) * [-1, -1, 1, 1]  # how far the mask reaches beyond the box
        scaled = name in ("smaller", "larger", "wider and flatter")
        assert outside.max(initial=0) <= 0.5 * scaled
        if name not in ("smaller", "wider and flatter"):
            assert outside.min(initial=0) >= -0.5 * scaled
        assert np.array_equal(moved.masks.boxes(), around)
        assert np.array_equal(moved.masks.areas(), moved.masks.array().sum(axis=(1, 2)))


def test_a_box_by_hand():
    one = Instances.of(np.eye(4, dtype=bool)[None], [1], boxes=np.array([[0.25, 0.5, 3.5, 4.0]]))
    assert one.flipped().boxes.tolist() == [[0.25, 0.0, 3.5, 3.5]]  # 4 − 4, 4 − .5
    assert one.flipped(vertical=True).boxes.tolist() == [[0.5, 0.5, 3.75, 4.0]]
    assert one.resized((8, 2)).boxes.tolist() == [[0.5, 0.25, 7.0, 2.0]]  # y × 2, x ÷ 2
    assert one.padded((9, 9), at=(1, 2)).boxes.tolist() == [[1.25, 2.5, 4.5, 6.0]]
    # Cut, the box is that of the diagonal's pixels that are left, (1, 1) and (2, 2), and not the box cut.
    assert one.cropped((0, 1, 3, 4)).boxes.tolist() == [[1.0, 0.0, 3.0, 2.0]]


def test_an_object_of_which_nothing_is_left_is_dropped_and_the_others_keep_what_they_are():
    masks = np.zeros((3, 6, 6), bool)
    masks[0, :2, :2] = masks[1, 3:, 3:] = masks[2, 5, 5] = True
    three = Instances.of(masks, [4, 5, 6], crowd=[False, True, False], scores=[0.5, 0.25, 1.0])
    right = three.cropped((2, 2, 6, 6))
    assert (right.classes.tolist(), right.crowd.tolist(), right.scores.tolist()) == ([5, 6], [True, False], [0.25, 1.0])
    assert len(three.cropped((0, 3, 3, 6))) == 0
    # 6 → 2: centers lie over pixels 1 and 4, which hold nothing of the dot at (5, 5)
    assert three.resized((2, 2)).classes.tolist() == [4, 5]
    away = np.full((2, 6, 6), 100.0)
    assert len(three.warped(away)) == 0 and three.warped(away).size == (6, 6)


def test_a_detection_whose_mask_is_empty_is_its_box():
    empty = Instances.of(np.zeros((1, 4, 4), bool), [1], boxes=np.array([[1.0, 1.0, 3.0, 3.0]]), scores=[0.5])
    assert empty.flipped().flipped() == empty
    assert empty.cropped((0, 0, 2, 2)).boxes.tolist() == [[1.0, 1.0, 2.0, 2.0]]
    assert len(empty.cropped((0, 0, 1, 1))) == 0
    assert len(empty.warped(np.zeros((2, 4, 4)))) == 0  # a box alone cannot be bent


def test_masks_are_held_within_their_windows():
    masks = blobs(0, 4)
    held = Masks.of(masks)
    assert np.array_equal(held.array(), masks) and np.array_equal(np.stack(list(held)), masks)
    assert held.nbytes < masks.nbytes
    # 100 objects of 20 × 20 pixels in a photograph: 40 kB instead of 31 MB
    small = np.zeros((480, 640), bool)
    small[200:220, 300:320] = True
    assert Masks.of(np.stack([small] * 100)).nbytes == 100 * 20 * 20


def test_resizing_labels_has_one_definition():
    ids = label_map(1).ids
    for size in ((5, 7), (24, 40), (1, 1)):
        assert np.array_equal(LabelMap(ids).resized(size).ids, resize_labels(ids, size))


def test_void_comes_from_outside_and_stays():
    assert LabelMap(np.zeros((1, 1), np.uint8)).padded((1, 3), at=(0, 1)).ids.tolist() == [[VOID, 0, VOID]]
    scene = Panoptic(np.array([[1, 0]], np.uint16), (WHOLE,)).padded((1, 3))
    assert scene.semantic().ids.tolist() == [[0, VOID, VOID]]
    nothing = Panoptic(np.zeros((2, 2), np.uint16), ())
    assert nothing.semantic().ids.tolist() == [[VOID, VOID]] * 2 and len(nothing.instances()) == 0
    assert scene.cropped((0, 1, 1, 3)) == Panoptic(np.zeros((1, 2), np.uint16), ())


def test_objects_become_ids_and_objects_again():
    for seed in SEEDS:
        apart = panoptic(seed).instances()
        assert Instances.from_id_map(apart.id_map(), apart.classes.tolist(), crowd=apart.crowd.tolist()) == apart
    assert Instances.from_id_map(no_instances(0).id_map(), []) == no_instances(0)
    hidden = Instances.from_id_map(np.array([[2, 2, 0]], np.int32), [8, 9])
    assert hidden.masks.areas().tolist() == [0, 2]


def test_panoptic_is_taken_apart_and_joined_again():
    for seed in SEEDS:
        scene = panoptic(seed)
        joined = Panoptic.joined(scene.semantic(), scene.instances())
        assert joined.semantic() == scene.semantic() and joined.instances() == scene.instances()
        assert set(joined.segments) == set(scene.segments)
        assert Panoptic.joined(joined.semantic(), joined.instances()) == joined


def test_panoptic_answers_semantic_and_instances_of_every_move():
    for case in MOVES.values():
        for seed in SEEDS:
            scene = panoptic(seed)
            moved = case.move(scene)
            assert moved.semantic() == case.move(scene.semantic())
            objects, moved_objects = case.move(scene.instances()), moved.instances()
            assert objects.masks == moved_objects.masks and (objects.classes == moved_objects.classes).all()
            assert (objects.crowd == moved_objects.crowd).all()
            assert moved.areas().tolist() == [int((moved.ids == n + 1).sum()) for n in range(len(moved.segments))]


def test_ids_of_files_are_counted_from_one():
    ids = np.array([[70_000, 70_000, 9], [0, 9, 255]])
    scene = Panoptic.from_ids(ids, {9: Segment(3, thing=True), 70_000: WHOLE}, void=(0, 255))
    assert scene.ids.tolist() == [[2, 2, 1], [0, 1, 0]] and scene.segments == (Segment(3, thing=True), WHOLE)


def masks_of(*shape: int) -> np.ndarray:
    return np.ones(shape, bool)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LabelMap(np.zeros((2, 2), np.int32)), r"label map has to be uint8 \(H, W\).*not int32 \(2, 2\)"),
        (lambda: LabelMap(np.zeros((2, 2, 1), np.uint8)), r"not uint8 \(2, 2, 1\)"),
        (lambda: LabelMap(np.zeros((0, 2), np.uint8)), "at least one pixel"),
        (lambda: LabelMap([[0]]), "not list"),
        (lambda: Masks.of(np.ones((1, 2, 2), np.uint8)), r"masks have to be bool \(N, H, W\).*not uint8"),
        (lambda: Masks.of(masks_of(2, 2)), r"not bool \(2, 2\)"),
        (
            lambda: Instances.of(masks_of(2, 3, 3), [1]),
            r"classes of 2 objects have to be int64 \(2,\), not",
        ),
        (lambda: Instances.of(masks_of(1, 3, 3), [VOID]), r"classes are \[255\]; class ids are 0..254"),
        (lambda: Instances.of(masks_of(1, 3, 3), [1], crowd=[True, False]), "crowd of 1 objects"),
        (lambda: Instances.of(masks_of(1, 3, 3), [1], scores=[1.5]), r"scores are \[1.5\]; give probabilities"),
        (lambda: Instances.of(masks_of(1, 3, 3), [1], scores=[np.nan]), "probabilities"),
        (lambda: Instances.of(masks_of(1, 3, 3), [1], boxes=[[0, 0, 3, 4]]), r"box 0 is .* within 3×3 pixels"),
        (lambda: Instances.of(masks_of(1, 3, 3), [1], boxes=[[2, 0, 1, 3]]), "y1 ≤ y2"),
        (lambda: Instances.of(masks_of(1, 3, 3), [1], boxes=[[0, 0, np.nan, 3]]), "box 0 is"),
        (lambda: Instances(np.zeros((1, 4)), np.zeros(1, int), masks_of(1, 2, 2), np.zeros(1, bool)), "Instances.of"),
        (lambda: Instances.from_id_map(np.array([[0, 2]], np.int32), [5]), "holds 0..2 but 1 classes were given"),
        (lambda: Instances.from_id_map(np.array([[0, -1]], np.int32), [5]), "holds -1..0"),
        (lambda: Segment(255, thing=True), "has the class 255"),
        (lambda: Segment(3, thing=False, crowd=True), "is a crowd of stuff"),
        (lambda: Panoptic(np.zeros((2, 2), np.int64), ()), "map of segments has to be uint16"),
        (lambda: Panoptic(np.full((2, 2), 2, np.uint16), (WHOLE,)), "holds the id 2, but 1 segments are described"),
        (lambda: Panoptic(np.ones((2, 2), np.uint16), (WHOLE, Segment(1, thing=True))), "segment 2 has no pixel"),
        (lambda: Panoptic(np.array([[1, 2]], np.uint16), (WHOLE, WHOLE)), "class 0 is stuff and has 2 segments"),
        (lambda: Panoptic.from_ids(np.array([[7, 9]]), {7: WHOLE}), "holds the id 9, which no segment describes"),
        (
            lambda: Panoptic.from_ids(np.array([[7]]), {7: WHOLE, 8: WHOLE}),
            "segment 8 has no pixel in the map of segments",
        ),
        (lambda: Panoptic.from_ids(np.array([[0.5]]), {}), "has to be whole numbers"),
    ],
)
def test_what_is_no_structure_is_refused_in_a_sentence(make, sentence):
    with pytest.raises(UsageError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("labels", "objects", "sentence"),
    [
        ([[1, 1]], [[[1, 1]], [[0, 1]]], "objects overlap"),
        ([[1, 0]], [[[1, 1]]], "at row 0, column 1 the label map says class 0 and the objects 1"),
        ([[1, 1]], [[[1, 0]]], "some pixels of class 1 belong to none of its objects"),
        ([[1], [1]], [[[1, 1]]], "give the same"),
    ],
)
def test_parts_that_do_not_fit_are_not_joined(labels, objects, sentence):
    masks = np.array(objects, bool)
    with pytest.raises(UsageError, match=sentence):
        Panoptic.joined(LabelMap(np.array(labels, np.uint8)), Instances.of(masks, [1] * len(masks)))


def test_sizes_are_height_and_width():
    assert label_map(0).size == instances(0).size == panoptic(0).size == (HEIGHT, WIDTH)


@pytest.mark.parametrize("module", [label_map_file, instances_file, panoptic_file])
def test_examples_are_true(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed
