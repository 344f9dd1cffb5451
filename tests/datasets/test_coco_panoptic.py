"""COCO's panoptic PNGs and JSON: one truth for three tasks, and what is wrong with either is named."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from layouts import noise, write
from object_layouts import (
    CROWD,
    OTHER,
    PERSON,
    RUG,
    SKY,
    coco_panoptic_tree,
    panoptic_map,
    write_panoptic_png,
)  # fmt: skip

from kseg.conventions import VOID
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.datasets.panoptic_files import read_panoptic
from kseg.errors import Failure, UsageError
from kseg.tasks import TASKS
from kseg.training.split_classes import remarks_on_splits


def opened(folder, task="panoptic", **options):
    return open_dataset(data_options("coco_panoptic", folder, **options), task)


def rewrite(folder, change, part="train"):
    """The JSON of a split, changed."""
    path = folder / "annotations" / f"panoptic_{part}2017.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def with_segments(folder, change):
    """A tree whose first training image has its segments_info changed."""
    coco_panoptic_tree(folder)
    rewrite(folder, lambda content: change(content["annotations"][0]["segments_info"]))
    return folder


def test_three_tasks_by_hand(tmp_path):
    dataset = opened(coco_panoptic_tree(tmp_path))
    assert dataset.classes == ("person", "cat", "sky", "rug") and dataset.palette[0] == (220, 20, 60)
    assert not dataset.has_background
    record = dataset.records("train")[0]
    truth, (ids, _) = dataset.truth(record), panoptic_map()
    shown = {
        (one.class_id, one.thing, one.crowd, int(area)) for one, area in zip(truth.segments, truth.areas(), strict=True)
    }
    assert shown == {
        (0, True, False, 8), (0, True, False, 12), (1, True, True, 4), (2, False, False, 40), (3, False, False, 30),
    }  # fmt: skip
    assert np.array_equal(truth.ids == 0, ids == 0)
    classes = opened(tmp_path, "semantic")
    expected = np.select([np.isin(ids, (PERSON, OTHER)), ids == CROWD, ids == SKY, ids == RUG], [0, 1, 2, 3], VOID)
    assert np.array_equal(classes.labels(record), expected)
    things = opened(tmp_path, "instance")
    objects = things.truth(record)
    assert things.classes == ("background", "person", "cat") and things.has_background
    assert objects.classes.tolist() == [1, 2, 1] and objects.crowd.tolist() == [False, True, False]
    assert np.array_equal(things.labels(record), np.select([expected < 2, expected == VOID], [expected + 1, VOID], 0))


def test_packed_as_upstream_packs_it(tmp_path):
    plain = coco_panoptic_tree(tmp_path / "plain")
    packed = tmp_path / "packed"
    packed.mkdir()
    for part in ("train2017", "val2017"):
        with zipfile.ZipFile(packed / f"{part}.zip", "w") as archive:
            for path in (plain / part).iterdir():
                archive.write(path, f"{part}/{path.name}")
        with zipfile.ZipFile(tmp_path / f"panoptic_{part}.zip", "w") as archive:
            for path in (plain / "annotations" / f"panoptic_{part}").iterdir():
                archive.write(path, f"panoptic_{part}/{path.name}")
    with zipfile.ZipFile(packed / "panoptic_annotations_trainval2017.zip", "w") as archive:
        for part in ("train2017", "val2017"):
            archive.write(plain / "annotations" / f"panoptic_{part}.json", f"annotations/panoptic_{part}.json")
            archive.write(tmp_path / f"panoptic_{part}.zip", f"annotations/panoptic_{part}.zip")
    one, other = opened(plain), opened(packed)
    for split in ("train", "validation"):
        for record, same in zip(one.records(split), other.records(split), strict=True):
            assert one.truth(record) == other.truth(same) and one.fingerprint(record) == other.fingerprint(same)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda infos: infos.pop(0), rf"the PNG shows the segment {PERSON}, which segments_info lacks"),
        (
            lambda infos: infos.append(infos[0]),
            f"segments_info has the segment {PERSON} twice; give each segment its own id",
        ),
        (
            lambda infos: infos[1].update(category_id=2),
            f"segment {OTHER} has the category 2; define it under categories",
        ),
        (lambda infos: infos[0].update(id=0), "segments_info has a segment of the id 0, which is void"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, change, said):
    dataset = opened(with_segments(tmp_path, change))
    with pytest.raises(Failure, match=f"000000000000.png: {said}"):
        dataset.truth(dataset.records("train")[0])
    assert sum("000000000000.png" in one for one in check(dataset, progress=False).problems) == 1


def test_check_names_what_is_odd(tmp_path):
    def change(infos):
        infos.append({"id": 9, "category_id": 1, "area": 4})  # no pixel
        infos[0]["area"] = 20  # 12 are left
        infos[4]["category_id"] = 187  # a second piece of sky
        infos[3]["iscrowd"] = 1

    dataset = opened(with_segments(tmp_path, change))
    truth = dataset.truth(dataset.records("train")[0])
    assert sorted((one.class_id, one.crowd) for one in truth.segments) == [
        (0, False),
        (0, False),
        (1, True),
        (2, False),
    ]
    assert truth.areas()[[one.class_id for one in truth.segments].index(2)] == 70  # 40 of sky and 30 of what was rug
    report = check(dataset, progress=False)
    assert "000000000000, segment 9 is in segments_info and has no pixel in the PNG; it is left out" in report.problems
    assert any(f"segment {PERSON} has 8 pixels and an area of 20 in segments_info" in one for one in report.problems)
    assert "000000000000: 2 segments of sky, which is stuff; they are joined" in report.notes
    assert any(f"segment {SKY} is a crowd of sky, which is stuff" in one for one in report.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda kinds: kinds.pop(), "have different categories"),
        (lambda kinds: [one.pop("isthing") for one in kinds], "does not say whether 'person' is a thing or stuff"),
        (lambda kinds: [one.update(isthing=0) for one in kinds], "has no category with isthing 1; set it"),
        (lambda kinds: kinds[1].update(name="person"), "has the category 'person' more than once"),
        (lambda kinds: kinds[0].update(color=[1, 2, 300]), r"gives the category 'person' the color \[1, 2, 300\]"),
        (lambda kinds: kinds.clear(), "has 0 categories"),
        (lambda kinds: kinds[1].update(name=""), "has the category 17 without a name"),
    ],
)
def test_categories_that_cannot_be(tmp_path, change, said):
    coco_panoptic_tree(tmp_path)
    for part in ("train", "val")[: 1 if "different" in said else 2]:
        rewrite(tmp_path, lambda content: change(content["categories"]), part)
    with pytest.raises(Failure, match=said):
        opened(tmp_path).classes  # noqa: B018
    if "different" not in said:  # for a check of all images, too, it is one sentence
        assert sum(said.split("\\")[0] in one for one in check(opened(tmp_path), progress=False).problems) == 1


def test_a_png_of_another_size_is_one_problem(tmp_path):
    coco_panoptic_tree(tmp_path)
    path = tmp_path / "annotations" / "panoptic_train2017" / "000000000000.png"
    ids, _ = panoptic_map()
    write_panoptic_png(path, ids.repeat(2, axis=0))
    (found,) = check(opened(tmp_path), progress=False).problems
    assert "image and label map have (12, 10) and (24, 10) pixels" in found


def test_things_without_an_instance_are_said_before_anything_is_trained(tmp_path):
    """Crowds of them are none: nothing learns to find them."""
    coco_panoptic_tree(tmp_path)

    def crowds(content):
        for one in content["annotations"]:
            for info in one["segments_info"]:
                info["iscrowd"] = int(info["category_id"] in (1, 17))

    rewrite(tmp_path, crowds)
    dataset = opened(tmp_path)
    told = "the train split shows no object, or crowds alone (person, cat): nothing can be learnt of them"
    assert any(one.startswith(told) for one in check(dataset, progress=False).problems)
    lines, _ = remarks_on_splits(dataset, {"train": dataset.records("train")}, TASKS["panoptic"].score)
    assert lines == [
        "crowds aside, no pixel of the 4 train images is person, cat: the network cannot learn to find them"
    ]


def test_what_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="holds neither annotations/panoptic_train2017.json .*data info coco_panoptic"):
        opened(tmp_path)
    coco_panoptic_tree(tmp_path)
    (tmp_path / "train2017" / "000000000002.jpg").unlink()
    with pytest.raises(Failure, match="has segments of 000000000002, which has no image in .*train2017"):
        opened(tmp_path).records("train")
    (tmp_path / "annotations" / "panoptic_val2017" / "000000001001.png").unlink()
    write(tmp_path / "train2017" / "000000000002.jpg", noise(2))
    dataset = opened(tmp_path)
    with pytest.raises(Failure, match="000000001001.png"):
        dataset.truth(dataset.records("validation")[1])


def test_a_fingerprint_changes_with_png_and_segments(tmp_path):
    coco_panoptic_tree(tmp_path)
    before = [opened(tmp_path).fingerprint(record) for record in opened(tmp_path).records("train")]
    rewrite(tmp_path, lambda content: content["annotations"][0]["segments_info"][0].update(category_id=17))
    ids, _ = panoptic_map()
    write_panoptic_png(tmp_path / "annotations" / "panoptic_train2017" / "000000000001.png", ids)
    after = [opened(tmp_path).fingerprint(record) for record in opened(tmp_path).records("train")]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True, True]


class TestRealData:
    """The shared sample of 200 images."""

    def test_segments_are_those_of_the_json(self, real_data):
        path = Path(real_data) / "coco" / "coco200_panoptic_instances.tar"
        if not path.is_file():
            pytest.skip(f"no {path}")
        dataset = opened(path)
        assert len(dataset.classes) == 133 and dataset.classes[-1] == "rug-merged"
        assert len(dataset.for_task("instance").classes) == 81
        objects = open_dataset(data_options("coco", path), "instance")
        total = 0
        for record, other in zip(dataset.records("validation"), objects.records("validation"), strict=True):
            truth = dataset.truth(record)
            by_id = read_panoptic(dataset._places["validation"].json).images[int(record.id)] if not total else None
            if by_id is not None:
                assert sorted(truth.areas().tolist()) == sorted(int(one["area"]) for one in by_id.segments)
            total += len(truth.segments)
            # The sample's objects were made from its things.
            things = dataset.truth(record, "instance")
            assert len(things) == len(objects.truth(other))
            assert sorted(things.masks.areas()) == sorted(objects.truth(other).masks.areas())
        assert total == 1078
