"""Objects of a data set: exact where they are drawn, the same whichever task asks, painted and counted."""

import json

import numpy as np
import pytest

from kseg.cli.main import main
from kseg.conventions import VOID
from kseg.datasets import data_options, open_dataset
from kseg.datasets.images import read_image
from kseg.datasets.images.draw import VOID_COLOR, contrasting_palette
from kseg.datasets.images.draw_objects import overlay_instances, overlay_panoptic
from kseg.datasets.object_statistics import object_statistics
from kseg.datasets.synthetic.canvas import HELD
from kseg.datasets.synthetic.scene import MOST_PEOPLE, draw_scene
from kseg.errors import UsageError
from kseg.structures import Instances, Panoptic, Segment

PEOPLE = {"synthetic_size": 48, "synthetic_counts": (60, 5, 5), "people": MOST_PEOPLE}


@pytest.fixture(scope="module")
def portraits():
    return open_dataset(data_options(**PEOPLE))


def test_the_three_truths_of_a_scene_are_one(portraits):
    things, everything = portraits.for_task("instance"), portraits.for_task("panoptic")
    person = everything.classes.index("person")
    shown = set()
    for record in portraits.records("train"):
        people, scene, faces = things.truth(record), everything.truth(record), portraits.labels(record)
        semantic = scene.semantic()
        assert np.array_equal(people.masks.array().any(axis=0), semantic.ids == person)
        assert np.array_equal(
            things.labels(record)[semantic.ids != VOID] == 1, (semantic.ids == person)[semantic.ids != VOID]
        )
        assert np.array_equal(everything.labels(record), semantic.ids)
        assert people.masks == scene.instances().masks and set(people.classes.tolist()) <= {1}
        assert (semantic.ids[faces > 0] == person).all()  # hair and faces are somebody's
        assert people.masks.array().sum(axis=0).max() <= 1  # a pixel is of the person in front
        assert {segment.class_id for segment in scene.segments if segment.thing} <= {person}
        shown |= {everything.classes[segment.class_id] for segment in scene.segments}
    assert shown == {"backdrop", "floor", "sky", "person"}


def test_whoever_is_wholly_hidden_is_no_object_and_what_is_held_is_void():
    scene = draw_scene(32, (0, 0, 2), people=1)
    owners = np.zeros((32, 32), np.uint8)
    owners[4:20, 4:20], owners[10, 10] = 3, HELD  # of persons 1 and 2 nothing is left
    whole = scene._replace(owners=owners, grounds=np.zeros((32, 32), np.uint8)).panoptic()
    assert [(segment.class_id, segment.thing) for segment in whole.segments] == [(3, True), (0, False)]
    assert whole.instances().masks.areas().tolist() == [16 * 16 - 1] and whole.semantic().ids[10, 10] == VOID


def test_memory_holds_each_task_for_itself():
    kept = open_dataset(data_options(synthetic_size=32, synthetic_counts=(3, 0, 0), people=3)).remember()
    record = kept.records("train")[0]
    before = [kept.truth(record, task) for task in (*kept.tasks, *kept.tasks)]
    assert before[:3] == before[3:]
    assert not np.array_equal(kept.labels(record), kept.for_task("panoptic").labels(record))


def test_one_class_of_a_task(portraits):
    record = portraits.records("train")[0]
    everything = portraits.for_task("panoptic")
    person = open_dataset(data_options(**PEOPLE, category="person"), "panoptic")
    assert person.classes == ("background", "person") and person.task == "panoptic"
    people = person.truth(record)
    assert people.instances().masks == everything.truth(record).instances().masks
    assert [segment.thing for segment in people.segments][-1] is False
    assert person.for_task("instance").truth(record).masks == people.instances().masks
    with pytest.raises(UsageError, match="synthetic has no class 'person' for the task semantic; choose one of backg"):
        person.for_task("semantic")


def test_objects_are_painted_each_in_its_color():
    image = np.full((6, 9, 3), 100, np.uint8)
    masks = np.zeros((3, 6, 9), bool)
    masks[0, 1:5, 1:4], masks[1, 1:5, 4:7], masks[2, :, 8] = True, True, True
    crowd = [False, False, True]
    painted = overlay_instances(image, Instances.of(masks, [1, 1, 1], crowd=crowd), alpha=1.0)
    colors = contrasting_palette(4)[1:]
    assert tuple(painted[2, 2]) == colors[0] and tuple(painted[2, 5]) == colors[1] != colors[0]
    assert tuple(painted[0, 8]) == VOID_COLOR and (painted[0, :8] == 100).all()
    # A box that is larger than its mask is seen.
    wide = overlay_instances(image, Instances.of(masks[:1], [1], boxes=np.array([[0.0, 0.0, 6.0, 8.5]])))
    assert tuple(wide[0, 0]) == tuple(wide[5, 8]) == colors[0]


def test_texts_do_not_hide_small_objects():
    """In a wide box stand class and score, in a narrower one the score, and in a very narrow one nothing."""
    image, names = np.full((60, 150, 3), 100, np.uint8), ("background", "foreground")

    def written(width, **told):
        mask = np.zeros((1, 60, 150), bool)
        mask[0, 10:50, 10 : 10 + width] = True
        objects = Instances.of(mask, [1], **told)
        plain, text = (overlay_instances(image, objects, classes=classes) for classes in (None, names))
        return int((plain != text).any(axis=(0, 2)).sum())  # columns

    whole, score = written(120, scores=[0.5]), written(30, scores=[0.5])
    assert 60 < whole <= 120 and 15 < score <= 30
    assert written(10, scores=[0.5]) == 0 and written(30) == 0 < written(120) < whole


def test_stuff_is_painted_by_class_things_by_object_void_pale():
    image, palette = np.full((1, 5, 3), 100, np.uint8), ((1, 2, 3), (9, 9, 9))
    ids = np.array([[1, 2, 3, 0, 4]], np.uint16)
    segments = (Segment(0, False), Segment(1, True), Segment(1, True), Segment(1, True, crowd=True))
    painted = overlay_panoptic(image, Panoptic(ids, segments), palette, alpha=1.0, background=False)[0]
    first, second = contrasting_palette(4)[1:3]
    assert [tuple(pixel) for pixel in painted] == [palette[0], first, second, VOID_COLOR, VOID_COLOR]
    unpainted = overlay_panoptic(image, Panoptic(ids, segments), palette, alpha=1.0)[0]
    assert tuple(unpainted[0]) == (100, 100, 100)


class Counted:
    """A data set of three images: two objects of 4 and 16 pixels and a crowd; none; one of 9 pixels."""

    name, classes = "counted", ("background", "cat", "dog")

    def for_task(self, task):
        assert task == "instance"
        return self

    def truth(self, record):
        masks = np.zeros((record, 6, 6), bool)
        for number, side in enumerate((2, 4, 6)[:record] if record == 3 else (3,) * record):
            masks[number, :side, :side] = True
        classes, crowd = ([1, 2, 2], [False, False, True]) if record == 3 else ([1] * record, [False] * record)
        return Instances.of(masks, classes, crowd=crowd)


def test_objects_are_counted_by_hand():
    found = object_statistics(Counted(), [3, 0, 1])
    assert found.per_image.tolist() == [2, 0, 1] and found.empty_images == 1 and found.crowds == 1
    assert found.areas.tolist() == [4, 16, 9] and found.sizes() == pytest.approx((2.1, 3.0, 3.9))
    assert [(row["class"], row["objects"], row["images"]) for row in found.rows()] == [("cat", 2, 2), ("dog", 1, 1)]
    said = found.sentence()
    assert said.startswith("3 objects in 3 images, 1 without any: 0 to 2 per image, 1 in the median")
    assert said.endswith("; 1 crowd beside them") and found.table().splitlines()[2].split()[:4] == [
        "2",
        "dog",
        "1",
        "1",
    ]
    nothing = object_statistics(Counted(), [0, 0])
    assert nothing.sentence() == "no objects in 2 images" and nothing.sizes() is None and nothing.rows() == []


SMALL = ["--synthetic-size", "32", "--synthetic-counts", "6", "2", "2", "--people", "4"]


def test_the_commands_show_objects(tmp_path, capsys):
    sheets = {}
    for task in ("semantic", "instance", "panoptic"):
        path = tmp_path / f"{task}.png"
        assert main(["data", "preview", "synthetic", *SMALL, "--task", task, "--out", str(path), "--count", "4"]) == 0
        sheets[task] = read_image(path)
    assert len({sheet.tobytes() for sheet in sheets.values()}) == 3
    capsys.readouterr()
    assert main(["data", "info", "synthetic", *SMALL]) == 0
    said = capsys.readouterr().out
    assert "tasks          semantic, instance, panoptic" in said and "in 6 images: 1 to " in said
    assert main(["data", "stats", "synthetic", *SMALL]) == 0
    assert "person" in capsys.readouterr().out
    assert main(["data", "stats", "synthetic", *SMALL, "--json", "--split", "all"]) == 0
    objects = json.loads(capsys.readouterr().out)["objects"]
    assert len(objects["per_image"]) == 10 and objects["classes"][0]["objects"] == sum(objects["per_image"])
    assert main(["data", "check", "synthetic", *SMALL, "--task", "panoptic"]) in (0, 1)
    assert "3 person" in capsys.readouterr().out


def test_a_task_without_truth_is_refused(tmp_path, capsys):
    from layouts import camvid_tree

    camvid_tree(tmp_path)
    for command in ("preview", "check"):
        assert main(["data", command, "camvid", "--data-dir", str(tmp_path), "--task", "instance"]) == 2
        assert "camvid has no truth for the task 'instance'; it has semantic" in capsys.readouterr().err
