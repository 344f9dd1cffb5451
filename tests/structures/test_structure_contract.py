"""What holds for every structure: a move of it is the same move of its drawing."""

import copy
import pickle

import numpy as np
import pytest
from drawn_structures import FIELD, HEIGHT, MOVES, STRUCTURES, WIDTH, beyond, drawn

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.structures import Instances, Panoptic

structures = pytest.mark.parametrize("make", STRUCTURES.values(), ids=STRUCTURES.keys())
SEEDS = range(20)


@structures
@pytest.mark.parametrize("case", MOVES.values(), ids=MOVES.keys())
def test_a_moved_structure_is_drawn_as_the_drawing_moved(make, case):
    for seed in SEEDS:
        structure = make(seed)
        moved = case.move(structure)
        assert moved.size == case.size == drawn(moved).shape
        assert np.array_equal(drawn(moved), case.of_drawing(drawn(structure), beyond(structure)))


@structures
def test_two_mirrors_and_a_crop_of_a_frame_are_the_identity(make):
    for seed in SEEDS:
        structure = make(seed)
        assert structure.flipped().flipped() == structure
        assert structure.flipped(vertical=True).flipped(vertical=True) == structure
        assert structure.padded((30, 40), at=(3, 5)).cropped((3, 5, 3 + HEIGHT, 5 + WIDTH)) == structure
        assert structure.resized((HEIGHT, WIDTH)) == structure
        assert structure.resized((3 * HEIGHT, 5 * WIDTH)).resized((HEIGHT, WIDTH)) == structure
        assert structure.warped(np.zeros_like(FIELD)) == structure


@structures
def test_mirrors_and_crops_in_either_order(make):
    for seed in SEEDS:
        structure = make(seed)
        first = structure.cropped((1, 2, 9, 11)).flipped()
        assert first == structure.flipped().cropped((1, WIDTH - 11, 9, WIDTH - 2))


@structures
@pytest.mark.parametrize("background", [True, False])
def test_classes_are_renamed_before_or_after_a_move(make, background):
    """Classes merge, become background and become void."""
    table = np.random.default_rng(5).integers(0, 4, VOID + 1).astype(np.uint8)
    table[[1, 11, 13, VOID]] = VOID
    for seed in SEEDS:
        structure = make(seed)
        relabeled = structure.relabeled(table, background=background)
        assert structure == make(seed) and relabeled.size == structure.size
        for case in MOVES.values():
            moved = case.move(structure).relabeled(table, background=background)
            assert np.array_equal(drawn(moved), drawn(case.move(relabeled)))
        if isinstance(structure, Panoptic):
            assert relabeled.semantic() == structure.semantic().relabeled(table)
            assert relabeled.instances() == structure.instances().relabeled(table, background=background)


@structures
def test_equal_is_equal_in_every_pixel(make):
    structure = make(0)
    assert structure == make(0) == copy.deepcopy(structure) == pickle.loads(pickle.dumps(structure))
    assert structure != structure.cropped((0, 0, HEIGHT, WIDTH - 1))
    assert structure != "a structure"
    if make is not STRUCTURES["no_instances"]:
        assert structure != make(1)
    assert structure.nbytes <= 8 * HEIGHT * WIDTH


@structures
def test_a_move_leaves_the_structure_as_it_was(make):
    structure, before = make(4), make(4)
    for case in MOVES.values():
        moved = case.move(structure)
        if moved is not structure and isinstance(moved, Panoptic):
            moved.ids[:] = 1
        elif moved is not structure and isinstance(moved, Instances):
            moved.boxes[:], moved.classes[:], moved.crowd[:] = 0, 0, True
        assert structure == before


@structures
@pytest.mark.parametrize(
    ("move", "sentence"),
    [
        (lambda s: s.cropped((0, 0, HEIGHT + 1, 3)), r"window from \(0, 0\) to \(13, 3\) does not lie within 12×17"),
        (lambda s: s.cropped((4, 4, 4, 8)), "does not lie within"),
        (lambda s: s.cropped((-1, 0, 3, 3)), "does not lie within"),
        (lambda s: s.cropped((0, 0.5, 3, 3)), "is 0.5; give whole pixels"),
        (lambda s: s.padded((HEIGHT - 1, WIDTH)), r"12×17 pixels does not fit into 11×17 at \(0, 0\)"),
        (lambda s: s.padded((HEIGHT + 2, WIDTH), at=(3, 0)), "does not fit into"),
        (lambda s: s.resized((0, 4)), "0×4 pixels is empty"),
        (lambda s: s.resized((3.5, 4)), "is 3.5; give whole pixels"),
        (lambda s: s.warped(FIELD[:, 1:]), r"field of shape \(2, 11, 17\) does not fit 12×17"),
        (lambda s: s.warped(FIELD * np.nan), "no finite numbers"),
    ],
)
def test_a_move_that_cannot_be_is_refused_in_a_sentence(make, move, sentence):
    with pytest.raises(UsageError, match=sentence):
        move(make(0))
