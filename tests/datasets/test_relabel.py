"""Readings of stored ids: tables by hand, one after the other, on pixels, objects and counts alike."""

from collections.abc import Sequence

import numpy as np
import pytest

from kseg.conventions import VOID
from kseg.datasets import DataOptions, Dataset, Record, Relabel
from kseg.datasets.relabel import class_table
from kseg.errors import UsageError
from kseg.structures import Instances, LabelMap, Panoptic, Segment

BLACK, RED, GREEN, BLUE = (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)
BREEDS = Relabel(("background", "pug", "beagle", "Bengal"), (BLACK, RED, GREEN, BLUE))
SPECIES = Relabel(("background", "cat", "dog"), (BLACK, RED, GREEN), class_table({1: 2, 2: 2, 3: 1}))
SCENE = np.array([[0, 1, 2, 3, VOID]], np.uint8)


def test_ids_that_a_table_does_not_name_keep_their_number():
    assert BREEDS(LabelMap(SCENE)) == LabelMap(SCENE)
    assert SPECIES(LabelMap(np.array([[0, 1, 2, 3, 7, VOID]], np.uint8))).ids.tolist() == [[0, 2, 2, 1, 7, VOID]]


def test_some_of_the_classes_count_from_1_and_the_rest_is_background():
    some = BREEDS.only([3, 1])
    assert (some.classes, some.palette) == (("background", "Bengal", "pug"), (BLACK, BLUE, RED))
    assert some(LabelMap(SCENE)).ids.tolist() == [[0, 2, 0, 1, VOID]]
    sky = Relabel(("sky", "road"), (BLUE, BLACK), background=False).only([0])
    assert sky.background and sky(LabelMap(SCENE)).ids.tolist() == [[1, 0, 0, 0, VOID]]


def test_two_readings_in_turn_are_one():
    dogs = SPECIES.then(SPECIES.only([2]))
    assert dogs(LabelMap(SCENE)).ids.tolist() == [[0, 1, 1, 0, VOID]] and dogs.classes == ("background", "dog")
    assert np.array_equal(BREEDS.then(SPECIES).table, SPECIES.table)
    assert np.array_equal(SPECIES.then(BREEDS).table, SPECIES.table) and SPECIES.then(BREEDS).classes == BREEDS.classes
    assert BREEDS.then(BREEDS).table is None


def test_counts_follow_the_pixels():
    images = np.random.default_rng(0).choice([0, 1, 2, 3, 9, VOID], (4, 50)).astype(np.uint8)
    for reading in (BREEDS, SPECIES, SPECIES.only([1]), SPECIES.then(SPECIES.only([1]))):
        stored, read = (
            np.array([np.bincount(row, minlength=256) for row in rows])
            for rows in (images, reading(LabelMap(images)).ids)
        )
        assert np.array_equal(reading.counts(stored), read)


class Scenes(Dataset):
    """A strip of sky, a dog, a cat and a crowd of dogs, known by its segments."""

    name = "scenes"
    title = "for tests"
    tasks = ("semantic", "instance", "panoptic")
    legend = Relabel(("sky", "cat", "dog"), (BLUE, RED, GREEN), class_table({7: 0, 1: 2, 3: 1}), background=False)

    def __init__(self) -> None:
        super().__init__(DataOptions("scenes"))
        self.reads: list[str] = []
        """what was read, by it and by what `only` and `for_task` make of it"""

    def all_records(self, split: str) -> Sequence[Record]:
        return [Record(f"{split}0")]

    def read_image(self, record: Record) -> np.ndarray:
        self.reads.append("image")
        return np.zeros((1, 5, 3), np.uint8)

    def read_panoptic(self, record: Record) -> Panoptic:
        self.reads.append("truth")
        segments = (Segment(7, False), Segment(1, True), Segment(3, True), Segment(1, True, crowd=True))
        return Panoptic(np.array([[1, 2, 3, 4, 0]], np.uint16), segments)

    def identity(self, record: Record) -> str:
        return record.id


@pytest.fixture
def scenes():
    return Scenes()


def test_every_truth_is_read_by_the_same_table(scenes):
    (record,) = scenes.records("train")
    assert scenes.labels(record).tolist() == [[0, 2, 1, 2, VOID]]
    objects = scenes.truth(record, "instance")
    assert objects.classes.tolist() == [2, 1, 2] and objects.crowd.tolist() == [False, False, True]
    dogs = scenes.only([2])
    assert dogs.labels(record).tolist() == [[0, 1, 0, 1, VOID]]
    assert dogs.truth(record, "instance") == Instances.of(
        np.array([[[0, 1, 0, 0, 0]], [[0, 0, 0, 1, 0]]], bool), [1, 1], crowd=[False, True]
    )
    assert dogs.truth(record, "panoptic") == Panoptic(
        np.array([[1, 2, 1, 3, 0]], np.uint16), (Segment(0, False), Segment(1, True), Segment(1, True, crowd=True))
    )
    assert dogs.has_background and not scenes.has_background
    sky = scenes.only([0]).truth(record, "panoptic")  # what is no object does not become one
    assert sky.segments == (Segment(1, False), Segment(0, False)) and sky.ids.tolist() == [[1, 2, 2, 2, 0]]


def test_of_two_classes_one_can_be_chosen_again(scenes):
    (record,) = scenes.records("train")
    pets = scenes.only([2, 1])
    cats = pets.only([2])
    assert (pets.classes, cats.classes) == (("background", "dog", "cat"), ("background", "cat"))
    assert cats.labels(record).tolist() == [[0, 0, 1, 0, VOID]]
    assert cats.fingerprint(record) == "train0 category dog, cat category cat"
    assert cats.label_counts([record])[0, [0, 1, VOID]].tolist() == [3, 1, 1]


def test_what_is_remembered_is_shared_by_every_choice_of_classes(scenes):
    (record,) = scenes.remember().records("train")
    dogs = scenes.only([2])
    for _ in range(2):
        for task in scenes.tasks:
            scenes.truth(record, task), dogs.truth(record, task)
        dogs.image(record)[:], scenes.labels(record)[:] = 9, 9
    assert sorted(scenes.reads) == ["image", "truth", "truth", "truth"]  # one of each task
    assert scenes.labels(record).tolist() == [[0, 2, 1, 2, VOID]] and not scenes.image(record).any()


def test_a_task_without_its_reader_is_the_author_s_mistake(scenes, monkeypatch):
    monkeypatch.delattr(Scenes, "read_panoptic")
    with pytest.raises(NotImplementedError, match=r"Scenes has to read what its tasks need \(semantic, instance, pan"):
        scenes.labels(Record("train0"))


def test_what_no_image_shows_is_refused_for_one_class_alone(scenes, monkeypatch):
    monkeypatch.setattr(Scenes, "read_labels", lambda self, record: np.array([[7, 3]], np.uint8))
    with pytest.raises(UsageError, match="^no image of scenes shows the category 'dog'; choose another --category$"):
        scenes.only([2]).records("train")
    assert len(scenes.only([2, 1]).records("train")) == 1
