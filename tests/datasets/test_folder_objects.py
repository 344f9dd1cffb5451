"""A person's folder as objects: numbers in a mask, a mask file each, COCO's JSON, connected areas."""

import json

import numpy as np
import pytest
from layouts import noise, pair_folder, write
from object_layouts import SIZE, coco_object, coco_objects, rectangle, run_lengths, write_coco

from kseg.cli.main import main
from kseg.conventions import SPLITS, VOID
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.datasets.folder import pairs
from kseg.errors import Failure, UsageError

HEIGHT, WIDTH = 40, 48


def opened(folder, task="instance", **options):
    return open_dataset(data_options("folder", folder, **options), task)


def numbered(seed: int, least: int = 1, most: int = 5, dtype: type = np.uint8) -> np.ndarray:
    """Upright people of 10×6 pixels, numbered from 1, at places of a grid."""
    random = np.random.default_rng(seed)
    ids = np.zeros((HEIGHT, WIDTH), dtype)
    for number, place in enumerate(random.permutation(12)[: random.integers(least, most + 1)], start=1):
        top, left = 2 + 13 * (place // 4), 3 + 12 * (place % 4)
        ids[top : top + 10, left : left + 6] = number
    return ids


def pictures(seed: int) -> np.ndarray:
    return noise(seed, HEIGHT, WIDTH)


def penn_fudan(folder, count: int = 16, draw=numbered):
    """`PNGImages/`, `PedMasks/NAME_mask.png` and `Annotation/NAME.txt`, as the pedestrians of Penn and Fudan."""
    for number in range(count):
        name = f"FudanPed{number:05d}"
        write(folder / "PNGImages" / f"{name}.png", pictures(number))
        write(folder / "PedMasks" / f"{name}_mask.png", draw(number))
        (folder / "Annotation").mkdir(exist_ok=True)
        (folder / "Annotation" / f"{name}.txt").write_text("# Compatible with PASCAL Annotation Version 1.00")
    return folder


def bowl(folder, count: int = 10):
    """`stage1_train/ID/images/ID.png` with an alpha channel and `ID/masks/*.png`, as the Data Science Bowl of 2018."""
    for number in range(count):
        place = folder / "stage1_train" / f"{number:016x}"
        write(
            place / "images" / f"{number:016x}.png",
            np.dstack([pictures(number), np.full((HEIGHT, WIDTH), 255, np.uint8)]),
        )
        ids = numbered(number)
        for one in range(1, ids.max() + 1):
            write(place / "masks" / f"{17 * number + 31 * one:016x}.png", (ids == one).astype(np.uint8) * 255)
    return folder


def everything(dataset):
    """Every record's objects as a set of their pixels."""
    return [
        {mask.tobytes() for mask in dataset.truth(record).masks}
        for split in SPLITS
        for record in sorted(dataset.all_records(split), key=lambda record: record.id)
    ]


def of_numbers(seed: int) -> set[bytes]:
    ids = numbered(seed)
    return {(ids == one).tobytes() for one in range(1, ids.max() + 1)}


@pytest.mark.parametrize("layout", [penn_fudan, bowl])
def test_folders_as_people_bring_them(tmp_path, layout):
    dataset = opened(layout(tmp_path))
    assert dataset.tasks == ("semantic", "instance") and dataset.classes == ("background", "foreground")
    found = 0
    for record in dataset.every_record():
        number = int(record.id[-5:]) if layout is penn_fudan else int(record.id.split("__")[-1], 16)
        truth = dataset.truth(record)
        assert {mask.tobytes() for mask in truth.masks} == of_numbers(number) and (truth.classes == 1).all()
        assert np.array_equal(dataset.labels(record), numbered(number) > 0)
        assert np.array_equal(opened(tmp_path, None).labels(record), numbered(number) > 0)
        found += len(truth)
    assert found > 20


def test_names_are_not_compared_where_folders_tell_the_pairs(tmp_path, monkeypatch):
    """Comparing thousands of names of 64 letters takes hours, and is only for the sentence about what is not clear."""
    monkeypatch.setattr(pairs, "suggestion", lambda images, masks: pytest.fail("names are compared"))
    assert len(opened(bowl(tmp_path)).every_record()) == 10


def test_one_command_tells_and_shows_them(tmp_path, capsys):
    folder = bowl(tmp_path / "cells")
    assert main(["data", "info", "folder", "--data-dir", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "tasks          semantic, instance" in said and "as objects: every mask file is one" in said
    assert main(["data", "check", "folder", "--data-dir", str(folder)]) in (0, 1)
    assert main(["data", "stats", "folder", "--data-dir", str(folder)]) == 0
    assert " objects in " in capsys.readouterr().out
    sheet = ["--task", "instance", "--out", str(tmp_path / "sheet.png"), "--count", "4"]
    assert main(["data", "preview", "folder", "--data-dir", str(folder), *sheet]) == 0
    assert (tmp_path / "sheet.png").is_file()


def test_gaps_one_pixel_none_and_five_hundred(tmp_path):
    def draw(seed):
        if seed == 0:
            return np.zeros((HEIGHT, WIDTH), np.uint16)
        if seed == 1:  # 500 objects, of one pixel each
            ids = np.zeros(HEIGHT * WIDTH, np.uint16)
            ids[: 2 * 500 : 2] = np.arange(1, 501)
            return ids.reshape(HEIGHT, WIDTH)
        ids = numbered(seed, 2, 5, np.uint16)
        return np.where(ids == 1, 700 + seed, ids).astype(np.uint16)  # number 1 is taken away, and one is far above

    dataset = opened(penn_fudan(tmp_path, draw=draw), objects="numbers")
    by_id = {record.id: dataset.truth(record) for record in dataset.every_record()}
    assert len(by_id["FudanPed00000"]) == 0
    many = by_id["FudanPed00001"]
    assert len(many) == 500 and (many.masks.areas() == 1).all()
    assert [len(by_id[f"FudanPed{n:05d}"]) for n in range(2, 16)] == [numbered(n, 2, 5).max() for n in range(2, 16)]


def test_numbers_that_may_be_classes_are_asked_about(tmp_path):
    """One or two objects an image: nothing tells them from two classes."""
    folder = penn_fudan(tmp_path, 24, draw=lambda seed: numbered(seed, 1, 2))
    with pytest.raises(UsageError, match="may count the objects .*--objects numbers if they count objects"):
        opened(folder)
    dataset = opened(folder, objects="numbers")
    assert {len(dataset.truth(record)) for record in dataset.every_record()} == {1, 2}


def test_connected_areas(tmp_path):
    folder = penn_fudan(tmp_path, draw=lambda seed: (numbered(seed) > 0).astype(np.uint8) * 255)
    with pytest.raises(UsageError, match="no truth for the task 'instance'; it has semantic: .*--objects areas if"):
        opened(folder)
    dataset = opened(folder, objects="areas")
    for record in dataset.every_record():
        assert {mask.tobytes() for mask in dataset.truth(record).masks} == of_numbers(int(record.id[-5:]))
    # Of two classes, the areas of each.
    pair_folder(tmp_path / "two", values=(0, 1, 2, 2))
    truth = opened(tmp_path / "two", objects="areas").truth(opened(tmp_path / "two", None).records("train")[0])
    assert truth.classes.tolist() == [1, 1, 1, 2, 2, 2] and truth.masks.areas().tolist() == [10] * 3 + [20] * 3


def in_color(number: int) -> np.ndarray:
    """The objects of `numbered` in colors of their own, red below 20 so that a sum of channels would mix them up."""
    colors = np.stack([np.arange(9), np.arange(9)[::-1] * 7, np.full(9, 40)], axis=-1).astype(np.uint8)
    colors[0] = 0
    return colors[numbered(number)]


def test_colors_that_tell_objects_apart(tmp_path):
    folder = penn_fudan(tmp_path, draw=in_color)
    dataset = opened(folder, objects="numbers")
    for record in dataset.every_record():
        number = int(record.id[-5:])
        assert {mask.tobytes() for mask in dataset.truth(record).masks} == of_numbers(number)
        assert np.array_equal(dataset.labels(record), numbered(number) > 0)
    assert any("every color but black is an object" in note for note in dataset.reading)


def test_what_is_asked_of_objects_wins_over_what_is_recognized(tmp_path):
    """Two files an image, each with two objects, one above the other."""
    blobs = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    for file, column in enumerate((2, 20)):
        blobs[file, 2:8, column : column + 9] = 1
        blobs[file, 8:14, column : column + 9] = 2  # touches the first
        blobs[file, 20:24, column : column + 9] = 2
    for number in range(6):
        write(tmp_path / "images" / f"p{number}.png", pictures(number))
        for file, ids in enumerate(blobs):
            write(tmp_path / "masks" / f"p{number}" / f"{file}.png", ids * 90)

    def areas(**options):
        dataset = opened(tmp_path, **options)
        return sorted(dataset.truth(dataset.every_record()[0]).masks.areas().tolist())

    assert areas(objects="numbers") == [54, 54, 90, 90]
    assert areas(objects="areas", binary=1) == [36, 36, 108, 108]
    with pytest.raises(
        UsageError, match="--objects numbers reads every number or color .*, and --binary reads them oth"
    ):
        areas(objects="numbers", binary=1)


def test_options_of_masks_mean_nothing_beside_a_json(tmp_path):
    for number in range(1, 4):
        write(tmp_path / "images" / f"p{number:02d}.png", noise(number, *SIZE))
    names = [f"p{number:02d}.png" for number in range(1, 4)]
    write_coco(tmp_path / "instances.json", names, [one for number in range(1, 4) for one in coco_objects(number)])
    assert len(opened(tmp_path).every_record()) == 3
    for options in (
        {"classes": ("a", "b")},
        {"binary": 1.0},
        {"void": (1,)},
        {"merge_masks": True},
        {"objects": "areas"},
    ):
        with pytest.raises(UsageError, match="instances.json holds the objects and their classes, and --"):
            opened(tmp_path, **options)
    for number in range(1, 4):
        write(tmp_path / "masks" / f"p{number:02d}.png", np.full(SIZE, 255 * (number % 2), np.uint8))
    with pytest.raises(UsageError, match=r"do not separate objects; .*instances.json would be read where no masks lie"):
        opened(tmp_path)


def test_files_of_one_object_may_overlap_and_be_empty(tmp_path):
    bowl(tmp_path)
    place = tmp_path / "stage1_train" / f"{3:016x}"
    for path in (place / "masks").iterdir():
        path.unlink()
    first, second = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    first[2:12, 2:12], second[8:20, 8:20] = 255, 255
    for name, mask in (("a", first), ("b", second), ("c", np.zeros_like(first))):
        write(place / "masks" / f"{name}.png", mask)
    dataset = opened(tmp_path)
    record = next(one for one in dataset.every_record() if one.id.endswith(f"{3:016x}"))
    truth = dataset.truth(record)
    assert truth.masks.areas().tolist() == [100, 144] and truth.masks.array().sum(axis=0).max() == 2
    assert np.array_equal(dataset.labels(record), (first | second) > 0)
    said = check(dataset, progress=False).problems
    assert [one for one in said if "shows no object" in one] == [
        f"{place / 'masks' / 'c.png'} shows no object; it is left out"
    ]


def test_masks_of_one_folder_joined_on_demand_are_no_objects(tmp_path):
    for number in range(6):
        write(tmp_path / "images" / f"p{number}.png", pictures(number))
        for part, mask in enumerate((numbered(number) == 1, numbered(number) > 1)):
            write(tmp_path / "masks" / f"p{number}_{part}.png", mask.astype(np.uint8) * 255)
    assert opened(tmp_path, None, merge_masks=True).tasks == ("semantic",)


def json_folder(folder, objects=None, name: str = "instances.json", place: str = "photos", images: int = 8):
    """Pictures under `place` and one JSON that names them; the last one has no object."""
    names = [f"p{number:02d}.jpg" for number in range(images)]
    for number, one in enumerate(names):
        write(folder / place / one, noise(number))
    own = [one for image in range(1, images) for one in coco_objects(image)] if objects is None else objects
    write_coco(folder / name, names, own)
    return folder


def test_json_in_a_folder(tmp_path):
    dataset = opened(json_folder(tmp_path))
    assert dataset.tasks == ("semantic", "instance") and dataset.classes == ("background", "person", "dog", "kite")
    assert "COCO's JSON: 21 objects in 8 images (instances.json)" in dataset.layout and dataset.draws_splits
    records = {record.id: record for split in SPLITS for record in dataset.records(split)}
    assert sorted(records) == [f"p{number:02d}" for number in range(8)]
    truth = dataset.truth(records["p00"])
    assert truth.classes.tolist() == [1, 3, 2] and truth.crowd.tolist() == [False, False, True]
    assert len(dataset.truth(records["p07"])) == 0
    classes = opened(tmp_path, None)
    assert np.array_equal(classes.labels(records["p00"]), dataset.labels(records["p00"]))
    assert (classes.labels(records["p00"]) == VOID).sum() == 2
    assert len({dataset.fingerprint(record) for record in records.values()}) == 8


def test_json_a_split_as_exports_have_it(tmp_path):
    """`train/_annotations.coco.json` with its images beside it; the same file name in two splits."""
    for part, count in (("train", 5), ("valid", 2), ("test", 2)):
        json_folder(tmp_path / part, name="_annotations.coco.json", place="", images=count)
    dataset = opened(tmp_path)
    assert [len(dataset.records(split)) for split in SPLITS] == [5, 2, 2] and not dataset.draws_splits
    assert dataset.records("validation")[0].image.parent.name == "valid"
    named = json_folder(tmp_path / "named", name="annotations/instances_train2020.json", place="imgs", images=6)
    content = json.loads((named / "annotations" / "instances_train2020.json").read_text())
    held = {"images": content["images"][4:], "annotations": []}
    kept = {"images": content["images"][:4], "annotations": [o for o in content["annotations"] if o["image_id"] < 5]}
    (named / "annotations" / "instances_val2020.json").write_text(json.dumps(content | held))
    (named / "annotations" / "instances_train2020.json").write_text(json.dumps(content | kept))
    assert [len(opened(named).all_records(split)) for split in SPLITS] == [4, 2, 0]


def test_what_is_odd_in_a_json_is_named(tmp_path):
    objects = [
        coco_object(1, 1, 1, [rectangle(1, 1, 6, 4)], [1, 1, 0, 5]),
        coco_object(2, 2, 7, run_lengths(np.ones(SIZE, bool)), [0, 0, 10, 12], crowd=1),
        coco_object(3, 3, 7, [rectangle(3, 3, 4, 4)], None),
    ]
    dataset = opened(json_folder(tmp_path, objects))
    said = check(dataset, progress=False).problems
    assert any("p00, object 1: its box [1.0, 1.0, 0.0, 5.0] has no area" in one for one in said)
    by_id = {record.id: dataset.truth(record) for record in dataset.every_record()}
    assert by_id["p00"].boxes.tolist() == [[1, 1, 6, 4]]
    assert by_id["p01"].crowd.tolist() == [True] and by_id["p02"].masks.areas().tolist() == [1]
    with pytest.raises(Failure, match=r"1 object \(9\) with a category_id that it does not define \(4\)"):
        opened(json_folder(tmp_path, [coco_object(9, 1, 4, [rectangle(1, 1, 6, 4)], None)]))


def test_json_and_pictures_that_do_not_fit(tmp_path):
    json_folder(tmp_path)
    write(tmp_path / "photos" / "more.jpg", noise(77))
    assert any(one == "left out, in no JSON: 1 file (photos/more.jpg)" for one in opened(tmp_path).layout)
    (tmp_path / "photos" / "p03.jpg").rename(tmp_path / "photos" / "q03.jpg")
    with pytest.raises(Failure, match="instances.json has the image p03.jpg, which is not in the folder"):
        opened(tmp_path)
    (tmp_path / "photos" / "q03.jpg").rename(tmp_path / "photos" / "p03.jpg")
    write(tmp_path / "copies" / "p03.jpg", noise(3))
    with pytest.raises(UsageError, match="has the image p03.jpg, and there are 2 of that name"):
        opened(tmp_path)
    write(tmp_path / "photos" / "p03.jpg", noise(3, 9, 9))
    (tmp_path / "copies" / "p03.jpg").unlink()
    dataset = opened(tmp_path)
    with pytest.raises(Failure, match="p03: the JSON says .* and the image is 9×9"):
        dataset.truth(next(record for record in dataset.every_record() if record.id == "p03"))


def test_masks_beside_a_json_are_masks(tmp_path):
    pair_folder(tmp_path)
    write_coco(tmp_path / "instances.json", ["a0.png"], [])
    assert opened(tmp_path, None).tasks == ("semantic",)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(UsageError, match="holds no image"):
        opened(_empty(tmp_path / "nothing"), None)


def _empty(folder):
    folder.mkdir()
    (folder / "other.json").write_text('{"images": 3}')
    return folder
