"""COCO's objects: polygons, run lengths and crowds as pycocotools reads them; what is wrong is named."""

import io
import json
import zipfile
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from layouts import pack
from object_layouts import CATEGORIES, SIZE, coco_object, coco_tree, rectangle, run_lengths, write_coco

from kseg.conventions import VOID
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.datasets.coco.masks import lengths_of_text
from kseg.datasets.coco.remarks import crosses_itself
from kseg.errors import Failure, UsageError

pytest.importorskip("pycocotools")


def opened(folder, task="instance", **options):
    return open_dataset(data_options("coco", folder, **options), task)


def with_objects(folder, objects, categories=None):
    """A tree whose training images are three, with these objects, and the last of which has none."""
    coco_tree(folder, counts=(3, 2))
    names = sorted(path.name for path in (folder / "train2017").iterdir())
    write_coco(folder / "annotations" / "instances_train2017.json", names, objects, categories)
    if categories is not None:
        write_coco(folder / "annotations" / "instances_val2017.json", ["000000001000.jpg"], [], categories)
    return folder


def test_objects_by_hand(tmp_path):
    dataset = opened(coco_tree(tmp_path))
    assert dataset.classes == ("background", "person", "dog", "kite")  # by category id, without its gaps
    assert [len(dataset.records(split)) for split in ("train", "validation", "test")] == [5, 3, 3]
    assert dataset.test_is_validation
    record = dataset.records("train")[0]
    truth = dataset.truth(record)
    assert truth.classes.tolist() == [1, 3, 2] and truth.crowd.tolist() == [False, False, True]
    assert truth.boxes.tolist() == [[1, 1, 6, 4], [4, 3, 7, 6], [9, 0, 12, 10]]
    assert truth.masks.areas().tolist() == [15, 9, 30]  # 5·3, 3·3, 3·10
    assert truth.masks[0][1:6, 1:4].all() and truth.masks[1][4:7, 3:6].all()
    labels = dataset.labels(record)
    # The person ends at row 5 and column 3, where the kite begins at row 4: two pixels are of both.
    assert (labels == VOID).sum() == 2 and (labels[4:6, 3] == VOID).all()
    assert np.bincount(labels.ravel(), minlength=256)[:4].tolist() == [120 - 15 - 9 + 2 - 30, 13, 30, 7]
    empty = dataset.truth(dataset.records("train")[4])
    assert len(empty) == 0 and empty.size == SIZE and not dataset.labels(dataset.records("train")[4]).any()


def test_counts_in_the_cache_are_of_the_classes_of_today(tmp_path, monkeypatch):
    """A category more in the JSON gives the same objects another class."""
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    square = [coco_object(1, 1, 5, [rectangle(0, 0, 3, 3)], [0, 0, 3, 3])]
    for number, categories in enumerate(
        ([{"id": 5, "name": "cell"}], [{"id": 3, "name": "dirt"}, {"id": 5, "name": "cell"}])
    ):
        dataset = opened(with_objects(tmp_path / f"{number}", square, categories), "semantic")
        record, *_ = dataset.records("train")
        cell = dataset.classes.index("cell")
        assert dataset.label_counts([record])[0, cell] == (dataset.labels(record) == cell).sum() == 9
    first, second = (opened(tmp_path / f"{number}", "semantic") for number in range(2))
    digests = [dataset.truth_digests(dataset.records("train")) for dataset in (first, second)]
    assert [one == other for one, other in zip(*digests, strict=True)] == [False, True, True]


@pytest.mark.parametrize("compressed", [False, True])
def test_masks_are_those_of_pycocotools(tmp_path, compressed):
    """Rugged outlines of several parts, with points between pixels; run lengths as numbers and as text."""
    from pycocotools import mask as rasterizer
    from pycocotools.coco import COCO

    random = np.random.default_rng(7)
    objects = []
    for number in range(40):
        if number % 2:
            parts = [
                random.uniform(0, [w, h], (random.integers(3, 9), 2)).round(2).ravel().tolist()
                for h, w in [SIZE] * random.integers(1, 4)
            ]
            objects.append(coco_object(number, 1 + number % 3, 1, parts, [0, 0, 10, 12]))
        else:
            drawn = random.random(SIZE) < random.random()
            drawn[5, 5] = True
            code = run_lengths(drawn)
            if compressed:
                packed = rasterizer.frPyObjects(code, *SIZE)
                assert lengths_of_text(packed["counts"].decode()).tolist() == code["counts"]
                code = {"size": list(SIZE), "counts": packed["counts"].decode()}
            objects.append(coco_object(number, 1 + number % 3, 7, code, None))
    dataset = opened(with_objects(tmp_path, objects))
    with redirect_stdout(io.StringIO()):
        theirs = COCO(str(tmp_path / "annotations" / "instances_train2017.json"))
    seen = 0
    for number, record in enumerate(dataset.records("train"), start=1):
        masks = [theirs.annToMask(one).astype(bool) for one in theirs.loadAnns(theirs.getAnnIds(imgIds=[number]))]
        expected = [mask for mask in masks if mask.any()]
        found = dataset.truth(record)
        assert np.array_equal(found.masks.array(), np.array(expected).reshape(-1, *SIZE))
        seen += len(found)
    assert seen > 30


def test_every_form_of_the_tree_is_the_same(tmp_path):
    plain = opened(coco_tree(tmp_path / "plain" / "coco"))
    tar = opened(pack(tmp_path / "plain" / "coco", tmp_path / "all.tgz"))
    nested = opened(tmp_path / "plain")
    packed = tmp_path / "packed"
    packed.mkdir()
    for name, folder in (
        ("annotations_trainval2017.zip", "annotations"),
        *((f"{x}2017.zip", f"{x}2017") for x in ("train", "val")),
    ):
        with zipfile.ZipFile(packed / name, "w") as archive:
            for path in sorted((tmp_path / "plain" / "coco" / folder).iterdir()):
                archive.write(path, f"{folder}/{path.name}")
    for other in (tar, nested, opened(packed)):
        for split in ("train", "validation"):
            for one, same in zip(plain.records(split), other.records(split), strict=True):
                assert plain.truth(one) == other.truth(same) and plain.fingerprint(one) == other.fingerprint(same)


def test_boxes_that_mean_nothing_are_the_masks_and_said(tmp_path):
    person = [rectangle(1, 1, 6, 4)]
    boxes = {
        1: [1, 1, 3, 5],  # as it should be
        2: [1, 1, 9, 11],  # as x1, y1, x2, y2 of something else: 99 pixels, of which 15 are the person's
        3: [1, 1, 0, 5],  # no area
        4: [20, 20, 3, 5],  # outside
        5: None,
        6: [1.4, 0.8, 2.9, 5.3],  # rounded by some tool
    }
    dataset = opened(with_objects(tmp_path, [coco_object(n, 1, 1, person, box) for n, box in boxes.items()]))
    truth = dataset.truth(dataset.records("train")[0])
    assert np.allclose(truth.boxes, [[1, 1, 6, 4]] * 5 + [[0.8, 1.4, 6.1, 4.3]])
    said = check(dataset, progress=False).problems
    assert [f"object {n}" for n in boxes if any(f"object {n}: its box" in one for one in said)] == [
        "object 2", "object 3", "object 4",
    ]  # fmt: skip
    assert any("its box (1, 1, 12, 10) and the box of its mask (1, 1, 6, 4)" in one for one in said)


def test_check_names_what_is_odd(tmp_path):
    objects = [
        coco_object(1, 1, 1, [rectangle(2, 2, 8, 14)], [2, 2, 8, 6]),  # four pixels out at the right
        coco_object(2, 1, 1, [[0, 0, 8, 8, 8, 0, 0, 8]], [0, 0, 8, 8]),  # a bow
        coco_object(3, 1, 7, [rectangle(3, 3, 3, 3)], [3, 3, 0, 0]),  # a point
        coco_object(4, 2, 7, [rectangle(3, 3, 4, 4)], [3, 3, 1, 1]),  # one pixel is an object
    ]
    dataset = opened(with_objects(tmp_path, objects))
    report = check(dataset, progress=False)
    assert any("object 1: a polygon reaches 4 pixels out of the image" in one for one in report.problems)
    assert any("object 2: a polygon crosses itself" in one for one in report.notes)
    assert any("object 3: its mask has no pixel; it is left out" in one for one in report.problems)
    assert not any("object 4" in one for one in (*report.problems, *report.notes))
    assert [len(dataset.truth(record)) for record in dataset.records("train")] == [2, 1, 0]
    assert dataset.truth(dataset.records("train")[1]).masks.areas().tolist() == [1]


def test_a_star_crosses_itself_and_a_comb_does_not():
    angles = 2 * np.pi * np.arange(5) * 2 / 5
    assert crosses_itself(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    comb = [[0, 0], [9, 0], [9, 5], [8, 5], [8, 1], [6, 1], [6, 5], [5, 5], [5, 1], [0, 1]]
    assert not crosses_itself(np.array(comb, float))


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ([[1, 1, 4, 4]], "a polygon has 4 values, but needs x and y of at least three points"),
        ([1, 1, 4, 4, 1, 4], "its segmentation is neither polygons nor RLE"),
        ([[1, 1, 1e7, 4, 1, 4]], r"its point \(1e\+07, 4\) lies far outside of the 12×10 pixels"),
        ({"size": [10, 12], "counts": [0, 120]}, r"its RLE is of the size \[10, 12\], the image has \[12, 10\]"),
        ({"size": [12, 10], "counts": [0, 121]}, "its RLE does not add up to 12×10 pixels"),
        ({"size": [12, 10], "counts": [200, -80]}, "its RLE does not add up"),
        ({"size": [12, 10], "counts": "p" * 500}, "its RLE does not add up"),  # pycocotools writes past its end
        ({"size": [12, 10], "counts": "é"}, "its RLE does not add up"),
        ({"size": [12, 10], "counts": [1 << 200]}, "its RLE does not add up"),
    ],
)  # fmt: skip
def test_damaged_masks_are_one_sentence(tmp_path, segmentation, said):
    dataset = opened(with_objects(tmp_path, [coco_object(5, 1, 1, segmentation, None)]))
    with pytest.raises(Failure, match=f"000000000000, object 5: {said}"):
        dataset.truth(dataset.records("train")[0])
    assert any("object 5" in one for one in check(dataset, progress=False).problems)


def test_objects_of_nothing_are_problems(tmp_path):
    person = [rectangle(1, 1, 6, 4)]
    folder = with_objects(tmp_path, [coco_object(1, 1, 4, person, None), coco_object(2, 99, 1, person, None)])
    with pytest.raises(Failure, match=r"1 object \(2\) with an image_id that it does not define \(99\).*1 more"):
        opened(folder)
    said = open_dataset(data_options("coco", folder), with_problems=True).problems
    assert any("1 object (1) with a category_id that it does not define (4)" in one for one in said)


def test_an_object_that_stands_there_twice_is_said(tmp_path):
    person = [rectangle(1, 1, 6, 4)]
    objects = [coco_object(number, 1, category, person, None) for number, category in ((1, 1), (2, 1), (3, 7))]
    found = check(opened(with_objects(tmp_path, objects)), progress=False).problems
    assert sum("has the category and the mask of object 1; take one of the two out" in one for one in found) == 1


def test_splits_with_crowds_alone_are_problems(tmp_path):
    crowd = coco_object(1, 1, 7, run_lengths(np.ones(SIZE, bool)), [0, 0, 10, 12], crowd=1)
    found = check(opened(with_objects(tmp_path, [crowd])), progress=False).problems
    told = "the train split shows no object, or crowds alone (person, dog, kite): nothing can be learnt of them"
    assert any(one.startswith(told) for one in found) and not any(
        "the validation split shows no" in one for one in found
    )


def test_sizes_that_no_image_has_are_one_sentence(tmp_path):
    """Before a mask of a million million pixels is made."""
    coco_tree(tmp_path)
    path = tmp_path / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["images"][1] |= {"height": 10**6, "width": 10**6}
    path.write_text(json.dumps(content))
    dataset = opened(tmp_path)
    with pytest.raises(Failure, match="the JSON says 1000000×1000000 and the image is 12×10"):
        dataset.truth(dataset.records("train")[1])
    assert sum("the JSON says" in one for one in check(dataset, progress=False).problems) == 1


def test_objects_without_masks(tmp_path):
    person = [rectangle(1, 1, 6, 4)]
    boxes = [coco_object(1, 1, 1, [], [1, 1, 3, 5]), coco_object(2, 2, 1, [], [1, 1, 3, 5])]
    with pytest.raises(Failure, match="2 objects, none with a mask: boxes alone train no segmentation"):
        opened(with_objects(tmp_path, boxes))
    dataset = opened(with_objects(tmp_path, [*boxes, coco_object(3, 2, 1, person, None)]))
    assert "instances_train2017.json: 2 objects without a mask left out (1, 2)" in dataset.layout
    assert [len(dataset.truth(record)) for record in dataset.records("train")] == [0, 1, 0]


def test_five_hundred_objects_and_a_crowd_alone(tmp_path):
    pixels = [(row, column) for row in range(12) for column in range(10)]
    many = [coco_object(n, 1, 1, [rectangle(r, c, r + 1, c + 1)], None) for n, (r, c) in enumerate(pixels * 5)][:500]
    crowd = coco_object(900, 2, 7, run_lengths(np.ones(SIZE, bool)), [0, 0, 10, 12], crowd=1)
    dataset = opened(with_objects(tmp_path, [*many, crowd]))
    first, second, _ = (dataset.truth(record) for record in dataset.records("train"))
    assert len(first) == 500 and (first.masks.areas() == 1).all()
    assert second.crowd.tolist() == [True] and second.masks.areas().tolist() == [120]


@pytest.mark.parametrize(
    ("categories", "said"),
    [
        ([], "has 0 categories"),
        ([{"id": n, "name": f"c{n}"} for n in range(300)], "has 300 categories; there have to be 1 to 254"),
        ([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], "has the category id 1 twice"),
        ([{"id": 1, "name": "a"}, {"id": 2, "name": " "}], "has the category 2 without a name"),
    ],
)
def test_categories_that_cannot_be(tmp_path, categories, said):
    coco_tree(tmp_path)
    path = tmp_path / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"categories": categories, "annotations": []}))
    with pytest.raises(Failure, match=said):
        opened(tmp_path).classes  # noqa: B018


def test_two_categories_of_one_name(tmp_path):
    """As Roboflow writes them, one is the group of all classes and has no object."""
    named = [{"id": 0, "name": "cell"}, {"id": 4, "name": "cell"}, {"id": 2, "name": "dirt"}]
    square = [rectangle(2, 2, 4, 4)]
    dataset = opened(with_objects(tmp_path / "group", [coco_object(1, 1, 4, square, None)], named))
    assert dataset.classes == ("background", "dirt", "cell")
    assert dataset.truth(dataset.records("train")[0]).classes.tolist() == [2]
    assert any(
        "the category 0 left out, which has no object and the name 'cell' of another" in one for one in dataset.layout
    )
    objects = [coco_object(number, 1, category, square, None) for number, category in enumerate((0, 4), start=1)]
    with pytest.raises(Failure, match="has two categories 'cell', 0 and 4; give each a name of its own"):
        opened(with_objects(tmp_path / "both", objects, named)).classes  # noqa: B018


def test_a_category_called_background_is_background(tmp_path):
    named = [{"id": 0, "name": "Background"}, {"id": 3, "name": "cell"}]
    whole, cell = [rectangle(0, 0, 12, 10)], [rectangle(2, 2, 4, 4)]
    objects = [coco_object(1, 1, 0, whole, None), coco_object(2, 1, 3, cell, None)]
    dataset = opened(with_objects(tmp_path, objects, named))
    assert dataset.classes == ("background", "cell")
    assert dataset.truth(dataset.records("train")[0]).classes.tolist() == [1]


def test_what_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"holds neither annotations/instances_train2017.json nor .*data info coco"):
        opened(tmp_path)
    coco_tree(tmp_path)
    (tmp_path / "train2017" / "000000000001.jpg").unlink()
    with pytest.raises(Failure, match="has the image 000000000001.jpg, which is not in .*train2017; add it"):
        opened(tmp_path).records("train")
    write_coco(tmp_path / "annotations" / "instances_val2017.json", ["000000001000.jpg"], [], CATEGORIES[:2])
    with pytest.raises(Failure, match="have different categories"):
        opened(tmp_path)


def test_a_fingerprint_changes_with_the_objects_of_its_image_alone(tmp_path):
    coco_tree(tmp_path)
    before = [opened(tmp_path).fingerprint(record) for record in opened(tmp_path).records("train")]
    path = tmp_path / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["segmentation"] = [rectangle(1, 1, 5, 4)]
    path.write_text(json.dumps(content))
    after = [opened(tmp_path).fingerprint(record) for record in opened(tmp_path).records("train")]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True, True, True, True]


class TestRealData:
    """The shared samples."""

    @pytest.mark.parametrize(
        ("archive", "objects"), [("tiny_coco", (470, 382)), ("coco200_panoptic_instances", (746, 712))]
    )
    def test_masks_and_boxes_are_pycocotools_own(self, real_data, archive, objects):
        from pycocotools.coco import COCO

        path = Path(real_data) / "coco" / f"{archive}.tar"
        if not path.is_file():
            pytest.skip(f"no {path}")
        dataset = opened(path)
        assert len(dataset.classes) == 81 and dataset.classes[80] == "toothbrush"
        for split, expected in zip(("train", "validation"), objects, strict=True):
            with redirect_stdout(io.StringIO()):
                theirs = COCO(str(dataset._places[split].json))
            found = 0
            for record in dataset.records(split):
                truth = dataset.truth(record)
                own = theirs.loadAnns(theirs.getAnnIds(imgIds=[int(record.id)]))
                assert truth.crowd.tolist() == [bool(one["iscrowd"]) for one in own]
                for mask, box, one in zip(truth.masks, truth.boxes, own, strict=True):
                    assert np.array_equal(mask, theirs.annToMask(one).astype(bool))
                    x, y, width, height = one["bbox"]
                    assert np.allclose(box, [y, x, y + height, x + width], atol=0.01)
                found += len(truth)
            assert found == expected
