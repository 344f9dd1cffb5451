"""Masks of numbers: class ids, objects by number, or a question with a way out."""

import numpy as np
import pytest
from drawn_masks import BLACK, BLUE, RED, WHITE, H, W, coding_of, disc, numbered, of_palette, painted, two, written

from kseg.conventions import VOID
from kseg.errors import Failure, UsageError

IDS = {
    "ids": (two, {0: 0, 1: 1, 2: 2}, ("background", "class 1", "class 2")),
    "ids in a palette": (
        lambda i: of_palette(two(i), BLACK, RED, BLUE),
        {0: 0, 1: 1, 2: 2},
        ("background", "class 1", "class 2"),
    ),
    "ids in a palette of grays": (
        lambda i: of_palette(two(i), BLACK, (127,) * 3, WHITE),
        {0: 0, 1: 1, 2: 2},
        ("background", "class 1", "class 2"),
    ),
    "ids and void": (
        lambda i: np.array([0, 1, VOID], np.uint8)[two(i)],
        {0: 0, 1: 1, 2: VOID},
        ("background", "class 1"),
    ),
    "ids, and void files": (
        lambda i: np.full((H, W), VOID, np.uint8) if i == 7 else disc(i).astype(np.uint8),
        {0: 0, 1: 1},
        ("background", "class 1"),
    ),
    "ids from 1": (lambda i: two(i) + 1, {0: 0, 1: 1, 2: 2}, ("class 1", "class 2", "class 3")),
    "ids in 16 bits": (lambda i: two(i).astype(np.uint16), {0: 0, 1: 1, 2: 2}, ("background", "class 1", "class 2")),
}


@pytest.mark.parametrize("name", IDS)
def test_ids_are_classes(tmp_path, name):
    draw, meaning, names = IDS[name]
    paths = written(tmp_path, draw)
    coding = coding_of(paths)
    assert coding.names == names and "class ids" in coding.notes[0]
    table = np.array([meaning.get(value, 0) for value in range(3)])
    expected = table[disc(0).astype(np.uint8) if "files" in name else two(0)]
    assert np.array_equal(coding.decode(paths[0]), expected)
    if "files" in name:
        assert (coding.decode(paths[7]) == VOID).all()


def test_many_ids_are_neither_grays_nor_objects(tmp_path):
    """100 classes in blocks that come in several pieces, and 255 around them."""

    def draw(index):
        blocks = np.random.default_rng(index).integers(0, 100, (H // 4, W // 4)).astype(np.uint8)
        return np.pad(np.kron(blocks, np.ones((4, 4), np.uint8)), 2, constant_values=VOID)

    paths = written(tmp_path, draw, count=20)
    coding = coding_of(paths)
    assert len(coding.names) == 100 and coding.decode(paths[0])[0, 0] == VOID


def test_what_may_be_objects_or_classes_is_refused(tmp_path):
    """Six objects in every image, numbered from top to bottom as scikit-image does."""

    def draw(index):
        ids = np.zeros((H, W), dtype=np.uint8)
        for number in range(6):
            top, left = 3 + 18 * (number // 3) + number % 3, 3 + 15 * (number % 3) + index % 3
            ids[top : top + 10, left : left + 9] = number + 1
        return ids

    paths = written(tmp_path, draw)
    with pytest.raises(UsageError, match=r"numbers up to 6 \(6 an image.* --binary .* or --classes"):
        coding_of(paths)
    assert np.array_equal(coding_of(paths, binary="auto").decode(paths[0]), draw(0) > 0)
    assert coding_of(paths, classes=tuple("abcdefg")).decode(paths[0]).max() == 6


def test_grays_without_a_peak_are_no_ids(tmp_path):
    ramp = np.tile(np.linspace(0, 180, W).astype(np.uint8), (H, 1))
    paths = written(tmp_path, lambda i: np.roll(ramp, i, axis=0) // (1 + i % 2))
    with pytest.raises(UsageError, match=r"do not look like ids .* Pass --binary .* --objects numbers"):
        coding_of(paths)


def test_numbers_are_classes_where_they_are_named(tmp_path):
    paths = written(tmp_path, numbered)
    coding = coding_of(paths, classes=tuple(f"c{number}" for number in range(8)))
    assert np.array_equal(coding.decode(paths[5]), numbered(5))


@pytest.mark.parametrize(
    ("draw", "complaint", "remedy"),
    [
        (lambda i: np.array([0, 128, 255], np.uint8)[two(i)], "do not look like ids", {"void": (128,)}),
        (lambda i: np.array([0, 128, 255], np.uint8)[two(i)], "Pass --binary", {"binary": "auto"}),
        (lambda i: np.array([0, 60, 200], np.uint8)[two(i)], "--binary N", {"binary": 100.0}),
        (lambda i: painted(i, BLACK, RED, BLUE), "in color", {"binary": "auto"}),
    ],
)
def test_what_could_mean_two_things_is_refused_and_the_remedy_works(tmp_path, draw, complaint, remedy):
    paths = written(tmp_path, draw)
    with pytest.raises(UsageError, match=complaint):
        coding_of(paths)
    ids = coding_of(paths, **remedy).decode(paths[0])
    if "void" in remedy:
        assert np.array_equal(ids, np.array([0, VOID, 1])[two(0)])
    else:
        assert np.array_equal(ids, two(0) == 2 if remedy["binary"] == 100 else two(0) > 0)


def test_one_id_and_255_are_two_classes_or_one_and_void(tmp_path):
    paths = written(tmp_path, lambda index: np.where(two(index) > 0, 1, 255).astype(np.uint8))
    with pytest.raises(UsageError, match="hold 1 and 255: two classes, or one class and void; pass --void 255 if"):
        coding_of(paths)
    inside = two(0) > 0
    assert np.array_equal(coding_of(paths, binary=128).decode(paths[0]), ~inside)
    assert np.array_equal(coding_of(paths, void=(255,)).decode(paths[0]) == VOID, ~inside)
    assert np.array_equal(coding_of(paths, classes=("inside", "outside")).decode(paths[0]), ~inside)


def test_a_void_value_that_no_mask_holds_is_said(tmp_path):
    paths = written(tmp_path, two)
    assert coding_of(paths, void=(7,)).notes[1] == "no mask holds 7, which --void names"
    assert len(coding_of(paths, void=(2,)).notes) == 1


def test_advice_for_a_binary_mask_of_odd_values_in_a_jpeg(tmp_path):
    paths = written(tmp_path, two, suffix="jpg")
    with pytest.raises(Failure, match="is a JPEG with more than black and white, .* or pass --binary"):
        coding_of(paths)


def blocks(index: int, numbers, *, by_column: bool = False) -> np.ndarray:
    """Blocks of the given numbers at places that chance chooses, or numbered from left to right."""
    rng = np.random.default_rng(index)
    places = rng.permutation(12)[: len(numbers)]
    if by_column:
        places = sorted(places, key=lambda place: (place % 4, place))
    ids = np.zeros((H, W), dtype=np.uint8)
    for number, place in zip(numbers, places, strict=True):
        top, left = 13 * (place // 4) + rng.integers(3), 12 * (place % 4) + (0 if by_column else rng.integers(3))
        ids[top : top + rng.integers(5, 9), left : left + rng.integers(5, 9)] = number
    return ids


def by_size(ids: np.ndarray) -> np.ndarray:
    """Objects numbered anew, the largest first."""
    sizes = np.bincount(ids.ravel())[1:]
    ranks = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable") + 1
    return np.concatenate([[0], ranks]).astype(np.uint8)[ids]


@pytest.mark.parametrize(
    "draw",
    [
        lambda i: blocks(i, [1, 2, 3, 4, 5]),
        lambda i: blocks(i, [1, 2, 3]),
        lambda i: blocks(i, range(1, 3 + i % 2)),
        lambda i: blocks(i, range(1, 2 + i % 2)),
        lambda i: blocks(i, [1, 2, 3, 4, 5], by_column=True),
        lambda i: by_size(blocks(i, [1, 2, 3, 4, 5])),
    ],
)
def test_numbers_that_go_with_neither_place_nor_size_are_asked_about(tmp_path, draw):
    """Equally many objects in every image; as classes they would be read wrong without a word."""
    paths = written(tmp_path, draw, count=20)
    with pytest.raises(UsageError, match=r"may count the objects .* --binary .* \(--classes background NAME1") as error:
        coding_of(paths)
    names = tuple(str(error.value).split("(--classes ")[1].rstrip(")").split())
    assert np.array_equal(coding_of(paths, classes=names).decode(paths[0]), draw(0))
    assert np.array_equal(coding_of(paths, binary="auto").decode(paths[0]), draw(0) > 0)


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_organs_that_lie_at_their_place_are_classes(tmp_path, share):
    """Each of one piece, some of them missing in some images: no numbering of objects leaves such gaps."""

    def draw(index):
        rng, ids = np.random.default_rng(index), np.zeros((H, W), dtype=np.uint8)
        for place, organ in enumerate((3, 1, 5, 2, 4)):
            if rng.random() < share:
                top = 4 + 18 * (place % 2) + index % 4
                ids[top : top + 10, 2 + 9 * place : 9 + 9 * place] = organ
        return ids

    paths = written(tmp_path, draw, count=20)
    coding = coding_of(paths)
    assert len(coding.names) == 6 and np.array_equal(coding.decode(paths[3]), draw(3))
