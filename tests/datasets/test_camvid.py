"""CamVid in SegNet's layout and with the original 32 colors."""

import numpy as np
import pytest
from layouts import CAMVID_COUNTS, camvid_tree, noise, pack, striped, write
from PIL import Image

from kseg.datasets import data_options, lists, open_dataset
from kseg.datasets.camvid.classes import CLASSES, NAMES, ORIGINAL_COLORS
from kseg.datasets.lists import committed_list, read_list
from kseg.errors import Failure, UsageError


def opened(folder, **options):
    return open_dataset(data_options("camvid", folder, **options))


def test_the_classes_are_the_32_but_void():
    gathered = [original for _, originals in CLASSES.values() for original in originals]
    assert len(gathered) == len(set(gathered)) == 31 and set(gathered) == set(ORIGINAL_COLORS) - {"Void"}
    assert len(set(ORIGINAL_COLORS.values())) == 32 and len(NAMES) == 11


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("place", ["", "CamVid"])
def test_segnets_layout(tmp_path, suffix, place):
    root = camvid_tree(tmp_path, suffix)
    (root / "val.txt").write_bytes((root / "val.txt").read_bytes().replace(b"\n", b"\r\n"))
    dataset = opened(tmp_path / place)
    counts = [len(dataset.records(split)) for split in ("train", "validation", "test")]
    assert counts == list(CAMVID_COUNTS.values()) and dataset.training_size == (360, 480)
    record = dataset.records("validation")[0]
    assert record.id == "Seqval_f00000"
    assert dataset.labels(record)[:4, 0].tolist() == [0, 3, 10, 255]  # 11 is void


def test_a_list_may_name_the_other_format(tmp_path):
    root = camvid_tree(tmp_path, ".jpg")
    for path in root.glob("*.txt"):
        path.write_text(path.read_text().replace(".jpg", ".png"))
    assert opened(tmp_path).records("test")[0].image.suffix == ".jpg"


def test_the_archive_is_the_tree(tmp_path):
    root = camvid_tree(tmp_path / "tree")
    (tmp_path / "packed").mkdir()
    pack(root, tmp_path / "packed" / "CamVid.tar")
    packed, plain = opened(tmp_path / "packed"), opened(tmp_path / "tree")
    for record, other in zip(packed.records("train"), plain.records("train"), strict=True):
        assert np.array_equal(packed.image(record), plain.image(other))
        assert np.array_equal(packed.labels(record), plain.labels(other))
    pack(tmp_path / "tree" / "CamVid" / "test", tmp_path / "CamVid.tar")
    with pytest.raises(Failure, match="does not hold CamVid/train/"):
        opened(tmp_path)


def test_bad_masks_are_named(tmp_path):
    camvid_tree(tmp_path)
    dataset = opened(tmp_path)
    first, second, third = dataset.records("train")[:3]
    write(first.annotation, striped((0, 12, 200)))
    with pytest.raises(Failure, match=r"has the values \{12, 200\}; CamVid's masks hold class ids 0..10 and 11 for"):
        dataset.labels(first)
    write(second.annotation, noise(1))
    with pytest.raises(Failure, match="is saved as RGB, which loses the ids; CamVid's masks"):
        dataset.labels(second)
    third.annotation.unlink()
    with pytest.raises(Failure, match=r"train.txt lists Seqtrain_f00002, which has no mask in .*trainannot"):
        opened(tmp_path).records("train")


@pytest.fixture
def original(tmp_path, monkeypatch):
    """The original layout with two images in every list."""
    own = tmp_path / "splits" / "camvid"
    own.mkdir(parents=True)
    for number, split in enumerate(("train", "val", "test")):
        stems = [f"0001TP_{number}{index}" for index in range(2)]
        (own / f"{split}.txt").write_text("\n".join(stems))
        for index, stem in enumerate(stems):
            write(tmp_path / "data" / "701_StillsRaw_full" / f"{stem}.png", noise(10 * number + index, 32, 10))
            colors = np.array(list(ORIGINAL_COLORS.values()), dtype=np.uint8)
            write(tmp_path / "data" / "LabeledApproved_full" / f"{stem}_L.png", np.repeat(colors[:, None], 10, 1))
    monkeypatch.setattr(lists, "SOURCE_TREE", tmp_path / "splits")
    return tmp_path / "data"


def test_the_original_colors_become_the_eleven_classes(original):
    dataset = opened(original)
    assert [record.id for record in dataset.records("validation")] == ["0001TP_10", "0001TP_11"]
    labels = dataset.labels(dataset.records("validation")[0])
    class_of = {name: NAMES.index(group) for group, (_, names) in CLASSES.items() for name in names}
    assert labels[:, 0].tolist() == [class_of.get(name, 255) for name in ORIGINAL_COLORS]
    assert labels[list(ORIGINAL_COLORS).index("TrafficLight"), 0] == NAMES.index("sign-symbol")


def test_a_color_that_camvid_does_not_have(original):
    dataset = opened(original)
    record = dataset.records("test")[0]
    pixels = np.array(Image.open(record.annotation))
    pixels[3, 4] = 1, 2, 3
    write(record.annotation, pixels)
    with pytest.raises(Failure, match=r"color \(1, 2, 3\) at row 3, column 4 .* none of CamVid's 32"):
        dataset.labels(record)
    write(record.annotation, striped((0, 1)))
    with pytest.raises(Failure, match="is gray; the original CamVid labels are colors"):
        dataset.labels(record)


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match="holds neither CamVid/train/ .*kseg data info camvid"):
        opened(tmp_path)


def test_the_committed_lists():
    found = [read_list(committed_list("camvid", name)) for name in ("train", "val", "test")]
    assert [len(listed) for listed in found] == [367, 101, 233] and len(set().union(*found)) == 701


class TestRealData:
    """The shared copy, complete."""

    def test_counts_lists_and_segnets_own_weights(self, real_data):
        from kseg.datasets.class_statistics import class_statistics

        dataset = opened(None)
        for split, name, count in (("train", "train", 367), ("validation", "val", 101), ("test", "test", 233)):
            records = dataset.records(split)
            assert [record.id for record in records] == read_list(committed_list("camvid", name))
            assert len(records) == count
        weights = class_statistics(dataset, dataset.records("train")).median_frequency
        # The weights in SegNet's published prototxt, up to the median (theirs counts void as a twelfth class); that of
        # sign-symbol is left out: theirs is 2.5 times ours, of another version of the labels.
        published = np.array([0.2595, 0.1826, 4.5640, 0.1417, 0.9051, 0.3826, np.nan, 1.8418, 0.6823, 6.2478, 7.3614])
        ratio = weights / published
        assert np.nanmax(ratio) / np.nanmin(ratio) < 1.2
        assert dataset.image(dataset.records("test")[0]).shape == (360, 480, 3)
