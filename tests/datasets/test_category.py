"""One category against all others, and where it cannot be had."""

import numpy as np
import pytest
from layouts import camvid_tree, devkit, palette_mask, striped

from kseg.cli.main import main
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.errors import UsageError

TRAIN, VAL = [f"a{number:03d}" for number in range(5)], [f"b{number:03d}" for number in range(2)]
SPLITS = ("train", "validation", "test")


@pytest.fixture
def voc(tmp_path):
    """Every image shows background, person and void; only the second of val shows a cat."""
    root = devkit(tmp_path, "2012", {"train": TRAIN, "val": VAL})
    palette_mask(root / "SegmentationClass" / "b001.png", striped((0, 8, 255)))
    return tmp_path


def opened(folder, **options):
    return open_dataset(data_options("voc", folder, **options))


def test_it_is_the_foreground_and_void_stays(voc):
    whole, person = opened(voc), opened(voc, category="person")
    assert person.classes == ("background", "person") and person.palette == ((0, 0, 0), (192, 128, 128))
    assert (person.name, person.training_size, person.title) == (whole.name, whole.training_size, whole.title)
    record = person.records("train")[0]
    assert whole.labels(record)[:3, 0].tolist() == [0, 15, 255]
    assert person.labels(record)[:3, 0].tolist() == [0, 1, 255]
    other = opened(voc, category="cat")
    assert other.labels(record)[:3, 0].tolist() == [0, 0, 255]
    assert np.array_equal(person.image(record), whole.image(record))
    assert len({dataset.fingerprint(record) for dataset in (whole, person, other)}) == 3


@pytest.mark.parametrize("name", ["tvmonitor", "TV/Monitor", "tv monitor"])
def test_names_are_met_halfway(voc, name):
    with pytest.raises(UsageError, match="shows the category 'tvmonitor'"):
        opened(voc, category=name).records("train")


def test_camvid_has_no_background_and_every_class_is_a_category(tmp_path):
    camvid_tree(tmp_path)
    for name, label in (("sky", 0), ("Road", 3), ("Bicyclist", 10)):
        dataset = open_dataset(data_options("camvid", tmp_path, category=name))
        record = dataset.records("test")[0]
        assert dataset.labels(record)[:4, 0].tolist() == [*(int(label == other) for other in (0, 3, 10)), 255]


def test_an_unknown_category_names_the_nearest(voc):
    with pytest.raises(UsageError, match="unknown category 'buss'; did you mean 'bus'"):
        opened(voc, category="Buss")
    with pytest.raises(UsageError, match="unknown category 'background'"):
        opened(voc, category="background")


def test_two_classes_leave_nothing_to_choose():
    with pytest.raises(UsageError, match=r"picks one of several classes, and synthetic has only .* --parts"):
        open_dataset(data_options(category="hair"))
    assert open_dataset(data_options(category="hair", parts=True)).classes == ("background", "hair")


def test_a_category_that_no_image_has(voc):
    for split in SPLITS:
        with pytest.raises(UsageError, match="^no image of voc shows the category 'bus'; choose another --category$"):
            opened(voc, category="bus").records(split)


def test_a_category_absent_from_a_split(voc):
    with pytest.raises(UsageError, match=r"none of the 4 train images of voc shows the category 'cat' \(1 of test do"):
        opened(voc, category="cat").records("train")
    assert len(opened(voc, category="cat").records("test")) == 2
    with pytest.raises(UsageError, match=r"no image of voc \(--limit 1\) shows the category 'cat'"):
        opened(voc, category="cat", limit=1).records("test")


def test_training_on_an_absent_category_stops_before_a_run_is_made(voc, tmp_path, capsys):
    arguments = ["--dataset", "voc", "--data-dir", str(voc), "--category", "cat", "--workdir", str(tmp_path / "run")]
    assert main(["train", *arguments]) == 2
    assert "none of the 4 train images" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_check_tells_of_absence_and_of_broken_masks(voc):
    assert check(opened(voc, category="person"), progress=False).problems == []
    problems = check(opened(voc, category="cat"), progress=False).problems
    assert len(problems) == 2 and "4 train images" in problems[0] and "1 validation images" in problems[1]
    (voc / "VOCdevkit/VOC2012/SegmentationClass/a001.png").write_bytes(b"")
    problems = check(opened(voc, category="cat"), progress=False).problems
    assert len(problems) == 1 and "a001.png is empty" in problems[0]


def test_masks_are_read_once_for_all_categories(voc, monkeypatch):
    from kseg.datasets.voc import records

    reads = []
    original = records.read_ids
    monkeypatch.setattr(records, "read_ids", lambda path, *a, **k: reads.append(path.name) or original(path, *a, **k))
    opened(voc, category="person").records("train")
    assert len(reads) == 4
    opened(voc, category="person").records("train")
    with pytest.raises(UsageError):
        opened(voc, category="dog").records("train")  # looks into the two other splits as well
    assert len(reads) == 7 and len(set(reads)) == 7
