"""Cityscapes: classes of labelIds, objects of instanceIds by the official rule, and halves that are missing."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from layouts import noise, pack, write
from object_layouts import SIZE, cityscapes_maps, cityscapes_tree

from kseg.conventions import VOID
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.datasets.cityscapes.classes import CLASS_OF, NAMES, PALETTE, THINGS
from kseg.errors import Failure, UsageError

ROAD, SKY, PERSON, CAR = (NAMES.index(name) for name in ("road", "sky", "person", "car"))


def opened(folder, task=None, **options):
    return open_dataset(data_options("cityscapes", folder, **options), task)


def test_the_classes_are_the_nineteen():
    labels = [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]
    assert len(NAMES) == len(set(PALETTE)) == 19 and np.flatnonzero(CLASS_OF != VOID).tolist() == labels
    assert CLASS_OF[labels].tolist() == list(range(19))
    assert [NAMES[one] for one in THINGS] == [
        "person",
        "rider",
        "car",
        "truck",
        "bus",
        "train",
        "motorcycle",
        "bicycle",
    ]


def test_three_tasks_by_hand(tmp_path):
    dataset = opened(cityscapes_tree(tmp_path))
    assert [len(dataset.records(split)) for split in ("train", "validation", "test")] == [4, 3, 3]
    assert dataset.test_is_validation and dataset.tasks == ("semantic", "instance", "panoptic")
    record = next(one for one in dataset.records("train") if one.id == "ulm_000000_000000")
    labels, _ = cityscapes_maps()
    expected = np.full(SIZE, VOID)
    for stored, class_id in ((7, ROAD), (23, SKY), (26, CAR), (24, PERSON)):
        expected[labels == stored] = class_id  # caravan and ego vehicle are void
    assert np.array_equal(dataset.labels(record), expected)
    whole = dataset.for_task("panoptic")
    assert np.array_equal(whole.labels(record), expected)
    kinds = [(one.class_id, one.thing, one.crowd) for one in whole.truth(record).segments]
    assert sorted(kinds) == [
        (ROAD, False, False), (SKY, False, False), (PERSON, True, True), (CAR, True, False), (CAR, True, False),
    ]  # fmt: skip
    things = dataset.for_task("instance")
    objects = things.truth(record)
    assert things.classes[:4] == ("background", "person", "rider", "car") and len(things.classes) == 9
    assert [things.classes[one] for one in objects.classes] == ["person", "car", "car"]
    assert objects.crowd.tolist() == [True, False, False] and objects.masks.areas().tolist() == [6, 9, 9]


@pytest.mark.parametrize("kinds", [("labelTrainIds",), ("labelIds",), ("labelIds", "labelTrainIds")])
def test_without_instance_ids_there_are_classes_alone(tmp_path, kinds):
    whole = opened(cityscapes_tree(tmp_path / "whole"))
    dataset = opened(cityscapes_tree(tmp_path / "classes", kinds=kinds))
    assert dataset.tasks == ("semantic",)
    assert dataset.layout == ["7 of 7 images without instanceIds: classes alone, no objects and no panoptic segments"]
    for record, other in zip(dataset.records("train"), whole.records("train"), strict=True):
        assert np.array_equal(dataset.labels(record), whole.labels(other))
    with pytest.raises(UsageError, match="no truth for the task 'instance': 7 of 7 images without instanceIds"):
        opened(tmp_path / "classes", "instance")


def test_train_ids_with_instance_ids_answer_everything(tmp_path):
    whole = opened(cityscapes_tree(tmp_path / "whole"))
    dataset = opened(cityscapes_tree(tmp_path / "ids", kinds=("labelTrainIds", "instanceIds")))
    for record, other in zip(dataset.records("train"), whole.records("train"), strict=True):
        for task in whole.tasks:
            assert dataset.truth(record, task) == whole.truth(other, task)


def test_every_form_of_the_tree_is_the_same(tmp_path):
    folder = cityscapes_tree(tmp_path / "cityscapes")
    packed = tmp_path / "packed"
    packed.mkdir()
    for name in ("leftImg8bit", "gtFine"):
        with zipfile.ZipFile(packed / f"{name}_trainvaltest.zip", "w") as archive:
            archive.writestr("README", "text")
            for path in sorted((folder / name).rglob("*.png")):
                archive.write(path, path.relative_to(folder))
    plain = opened(folder)
    for other in (opened(tmp_path), opened(packed), opened(pack(folder, tmp_path / "all.tgz"))):
        for split in ("train", "validation"):
            for record, same in zip(plain.records(split), other.records(split), strict=True):
                assert plain.truth(record, "panoptic") == other.truth(same, "panoptic")


@pytest.mark.parametrize(
    ("lost", "added", "said"),
    [
        (("gtFine", "leftImg8bit"), (), "holds neither leftImg8bit/ and gtFine/ nor .*zip; see `kseg data info citysc"),
        (("gtFine",), (), "leftImg8bit but no gtFine/; add it"),
        (("leftImg8bit",), (), "gtFine but no leftImg8bit/, the images; add it"),
        (("gtFine",), ("gtCoarse",), "gtCoarse, whose labels leave most pixels void, but no gtFine/; add it"),
        (("gtFine", "leftImg8bit"), ("gtCoarse",), "gtCoarse, whose labels leave most pixels void, but no gtFine/"),
        (("gtFine",), ("gtFine",), r"holds no \*_gtFine_labelIds.png and no \*_gtFine_labelTrainIds.png"),
    ],
)
def test_missing_halves_are_one_sentence(tmp_path, lost, added, said):
    cityscapes_tree(tmp_path)
    for name in lost:
        shutil.rmtree(tmp_path / name)
    for name in added:
        write(tmp_path / name / "train" / "ulm" / f"ulm_000000_000000_{name}_color.png", noise(0))
    with pytest.raises(UsageError, match=said):
        opened(tmp_path)


def test_single_files_that_are_missing(tmp_path):
    cityscapes_tree(tmp_path)
    for number, path in enumerate(sorted((tmp_path / "gtFine" / "train").rglob("*0_gtFine_*Ids.png"))):
        path.unlink()
        assert number < 2
    (tmp_path / "leftImg8bit" / "val" / "aachen" / "aachen_000001_000001_leftImg8bit.png").unlink()
    dataset = opened(tmp_path)
    assert [len(dataset.records(split)) for split in ("train", "validation")] == [3, 2]
    images, labels = dataset.unpaired
    assert [Path(path).name for path in images] == ["ulm_000000_000000_leftImg8bit.png"]
    assert Path(labels[0]).name.startswith("aachen_000001_000001_gtFine_") and len(labels) == 1
    (tmp_path / "gtFine" / "train" / "ulm" / "ulm_000000_000002_gtFine_labelIds.png").unlink()
    with pytest.raises(Failure, match=r"1 image with neither labelIds nor labelTrainIds \(ulm_000000_000002 is one\)"):
        opened(tmp_path)


def test_bad_ids_are_named(tmp_path):
    cityscapes_tree(tmp_path)
    dataset = opened(tmp_path)
    first, second, third, _ = dataset.records("train")
    write(first.annotation.files["labelIds"], np.full(SIZE, 40, np.uint8))
    with pytest.raises(Failure, match=r"has the values \{40\}; labelIds are 0..33"):
        dataset.labels(first)
    write(second.annotation.files["instanceIds"], np.full(SIZE, 35_001, np.uint16))
    with pytest.raises(Failure, match="has the instance id 35001; ids are labelIds 0..33, alone or · 1000"):
        dataset.truth(second, "panoptic")
    write(third.annotation.files["instanceIds"], noise(1))
    with pytest.raises(Failure, match="is in color; ids are gray values"):
        dataset.truth(third, "instance")


def test_check_names_labels_that_disagree(tmp_path):
    cityscapes_tree(tmp_path)
    dataset = opened(tmp_path)
    assert not any("disagree" in one for one in check(dataset, progress=False).problems)
    record = dataset.records("train")[1]
    labels, instances = cityscapes_maps()
    labels[4, :2] = 25
    write(record.annotation.files["labelIds"], labels)
    write(record.annotation.files["instanceIds"], instances)
    said = [one for one in check(dataset, progress=False).problems if "disagree" in one]
    assert len(said) == 1
    assert "disagree in 2 pixels, the first at row 4, column 0 (25 and 26000)" in said[0]


class TestRealData:
    """The shared sample: two training images."""

    def test_objects_of_the_sample(self, real_data):
        path = Path(real_data) / "cityscapes" / "cityscapes_sample.tar"
        if not path.is_file():
            pytest.skip(f"no {path}")
        dataset = opened(path)
        record = dataset.records("train")[0]
        assert record.id == "aachen_000000_000019" and dataset.image(record).shape == (1024, 2048, 3)
        assert dataset.annotation_remarks(record) == ((), ())
        assert np.array_equal(dataset.labels(record), dataset.for_task("panoptic").labels(record))
        objects = dataset.truth(record, "instance")
        codes = np.unique(np.array(_image(record.annotation.instances)))
        expected = [code for code in codes.tolist() if code >= 1000 and CLASS_OF[code // 1000] != VOID]
        assert np.count_nonzero(~objects.crowd) == len(expected)


def _image(path):
    from PIL import Image

    return Image.open(path)
