"""PASCAL-Context: 459 labels as 59 classes, PNGs of the 59 in two orders, and `.mat` files that hold something else."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
from layouts import CONTEXT_VALUES, context_tree, label_map, noise, pack, striped, write

from kseg.conventions import VOID
from kseg.datasets import data_options, open_dataset
from kseg.datasets.pascal_context.classes import CLASS_OF_LABEL, CLASS_OF_SORTED, LABEL_OF, NAMES
from kseg.errors import Failure, UsageError


def opened(folder, **options):
    return open_dataset(data_options("pascal_context", folder, **options))


def test_459_labels_become_59_classes(tmp_path):
    assert len(NAMES) == 60 and len(set(LABEL_OF.values())) == 59 and np.count_nonzero(CLASS_OF_LABEL) == 59
    dataset = opened(context_tree(tmp_path))
    assert [len(dataset.records(split)) for split in ("train", "validation", "test")] == [4, 3, 3]
    assert dataset.test_is_validation and dataset.has_background
    labels = dataset.labels(dataset.records("train")[0])
    assert [NAMES[one] for one in labels[:5, 0]] == ["aeroplane", "bed", "diningtable", "background", "background"]


def test_the_rest_may_be_void(tmp_path):
    whole, dataset = opened(context_tree(tmp_path)), opened(tmp_path, context_rest="void")
    assert dataset.classes == whole.classes[1:] and not dataset.has_background
    record = dataset.records("train")[0]
    labels = whole.labels(record)
    assert np.array_equal(dataset.labels(record), np.where(labels == 0, VOID, labels - 1))
    assert dataset.fingerprint(record) != whole.fingerprint(record)


@pytest.mark.parametrize("order", ["59_context_labels", "SegmentationClassContext"])
def test_pngs_of_the_59_in_either_order(tmp_path, order):
    maps = opened(context_tree(tmp_path))
    expected = [maps.labels(record) for record in maps.records("train")]
    folder = tmp_path / order if order[0] == "5" else tmp_path / "VOCdevkit" / "VOC2010" / order
    for record in maps.every_record():
        values = maps.labels(record)
        if order[0] != "5":
            values = np.argsort(CLASS_OF_SORTED).astype(np.uint8)[values]
        values[11, :] = VOID
        write(folder / f"{record.id}.png", values)
        record.annotation.unlink()
    (tmp_path / "trainval").rmdir()
    dataset = opened(tmp_path)
    for record, labels in zip(dataset.records("train"), expected, strict=True):
        found = dataset.labels(record)
        assert np.array_equal(found[:11], labels[:11]) and (found[11] == VOID).all()


def test_the_other_order_is_that_of_the_459():
    """aeroplane, bag, bed, bedclothes, bench, bicycle …: by their names among the 459, which are in ABC order."""
    assert [NAMES[one] for one in CLASS_OF_SORTED[:7]] == [
        "background", "aeroplane", "bag", "bed", "bedcloth", "bench", "bicycle",
    ]  # fmt: skip
    assert sorted(CLASS_OF_SORTED) == list(range(60)) and NAMES[CLASS_OF_SORTED[59]] == "wood"


def test_the_archives_are_the_trees(tmp_path):
    context_tree(tmp_path / "plain")
    packed = tmp_path / "packed"
    packed.mkdir()
    pack(tmp_path / "plain" / "VOCdevkit", packed / "VOCtrainval_03-May-2010.tar")
    pack(tmp_path / "plain" / "trainval", packed / "trainval.tar.gz")
    one, other = opened(tmp_path / "plain"), opened(packed)
    for split in ("train", "validation"):
        for record, same in zip(one.records(split), other.records(split), strict=True):
            assert record.id == same.id and np.array_equal(one.labels(record), other.labels(same))
            assert np.array_equal(one.image(record), other.image(same))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"GTcls": 1}, "it has no LabelMap"),
        ({"LabelMap": "text"}, "its LabelMap is <U4 of shape"),
        ({"LabelMap": np.full((12, 10), 0.5)}, r"its LabelMap is float64 of shape \(12, 10\), not a map"),
        ({"LabelMap": np.ones((12, 10, 3), np.uint8)}, r"its LabelMap is uint8 of shape \(12, 10, 3\)"),
        ({"LabelMap": np.full((12, 10), 460, np.uint16)}, r"its LabelMap has the value 460; labels are 0..459"),
        (None, "is no label map of PASCAL-Context"),
    ],
)
def test_mat_files_that_hold_something_else(tmp_path, content, said):
    dataset = opened(context_tree(tmp_path))
    record = dataset.records("train")[0]
    if content is None:
        record.annotation.write_bytes(b"MATLAB 5.0 and no more")
    else:
        scipy.io.savemat(record.annotation, content)
    with pytest.raises(Failure, match=f"mask .*2008_000000.mat is no label map .*{said.split('is no')[0]}"):
        dataset.labels(record)


def test_whole_numbers_may_be_stored_as_floats(tmp_path):
    dataset = opened(context_tree(tmp_path))
    record = dataset.records("train")[0]
    before = dataset.labels(record)
    values = np.array([CONTEXT_VALUES[row % 5] for row in range(12)], np.float64)
    scipy.io.savemat(record.annotation, {"LabelMap": np.repeat(values[:, None], 10, axis=1)})
    assert np.array_equal(dataset.labels(record), before)


def test_what_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="holds no labels: neither trainval/ID.mat, .*data info pascal_context"):
        opened(tmp_path)
    label_map(tmp_path / "trainval" / "2008_000000.mat", CONTEXT_VALUES)
    with pytest.raises(UsageError, match="holds labels but neither VOCdevkit/VOC2010/JPEGImages/ nor VOCtrainval_03"):
        opened(tmp_path)
    context_tree(tmp_path)
    (tmp_path / "trainval" / "2008_000002.mat").unlink()
    with pytest.raises(Failure, match="train.txt lists 2008_000002, which has no mask in .*trainval"):
        opened(tmp_path).records("train")
    (tmp_path / "VOCdevkit" / "VOC2010" / "ImageSets" / "Main" / "val.txt").unlink()
    with pytest.raises(UsageError, match="val.txt, VOC 2010's list, is missing"):
        opened(tmp_path)
    (tmp_path / "other" / "trainval").mkdir(parents=True)
    (tmp_path / "other" / "trainval" / "a.txt").write_text("text")
    with pytest.raises(Failure, match="holds no .mat file, the labels"):
        opened(tmp_path / "other")


def test_bad_pngs_are_named(tmp_path):
    dataset = opened(context_tree(tmp_path))
    record = dataset.records("train")[0]
    folder = tmp_path / "other" / "59_context_labels"
    for one, values in (("a", striped((0, 60))), ("b", noise(1))):
        write(folder / f"{one}.png", values)
    with pytest.raises(Failure, match=r"has the values \{60\}; PASCAL-Context's masks hold class ids 0..59"):
        dataset.labels(type(record)("a", record.image, folder / "a.png"))
    with pytest.raises(Failure, match="is saved as RGB, which loses the ids; PASCAL-Context's masks"):
        dataset.labels(type(record)("b", record.image, folder / "b.png"))


class TestRealData:
    """The shared lists of classes; the images are not there."""

    def test_numbers_and_names_are_the_published_ones(self, real_data):
        folder = Path(real_data) / "pascal_context"
        if not folder.is_dir():
            pytest.skip(f"no {folder}")
        lines = {
            name: dict(line.split(": ") for line in (folder / f"classes-{name}.txt").read_text().splitlines() if line)
            for name in ("400", "59")
        }
        assert tuple(name.strip() for name in lines["59"].values()) == NAMES
        synonyms = {"diningtable": "table", "bedcloth": "bedclothes", "clothes": "cloth"}
        for name, number in LABEL_OF.items():
            assert lines["400"][str(number)].strip().replace(" ", "") == synonyms.get(name, name)
