"""The TFDS builders give what the data sets give."""

import numpy as np
import pytest
from layouts import camvid_tree, context_tree, devkit, helen_tree, lfw_tree, pair_folder, pets_tree
from object_layouts import cityscapes_tree, coco_panoptic_tree, coco_tree
from stack_layouts import isbi_stacks

import kseg  # noqa: F401  (registers the builders)
from kseg.datasets import data_options, open_dataset
from kseg.datasets.splits import PaperSplit
from kseg.errors import UsageError

tfds = pytest.importorskip("tensorflow_datasets")

NINE = PaperSplit(total=9, big=(5, 2), small=(3, 1), test=2)
SPLITS = ["train", "validation", "test"]


@pytest.fixture(autouse=True)
def nine_images_are_the_whole(monkeypatch):
    from kseg.datasets.helen import records as helen
    from kseg.datasets.lfw import records as lfw

    monkeypatch.setattr(lfw.LFW, "paper", NINE)
    monkeypatch.setattr(helen.Helen, "paper", NINE)


def assert_equal(loaded, dataset):
    """Of all splits that were loaded; where the test split is validation once more, there are two."""
    for split, examples in zip(SPLITS[: len(loaded)], loaded, strict=True):
        examples = list(examples.as_numpy_iterator())
        records = dataset.records(split)
        assert [example["id"].decode() for example in examples] == [record.id for record in records]
        for example, record in zip(examples, records, strict=True):
            assert np.array_equal(example["image"], dataset.image(record))
            assert np.array_equal(example["label"][..., 0], dataset.labels(record))


def test_lfw_from_the_data_dir(tmp_path):
    lfw_tree(tmp_path, [f"A_B_{number:04d}" for number in range(9)])
    loaded, info = tfds.load("lfw_parts", data_dir=tmp_path, split=SPLITS, with_info=True)
    assert info.features["label"].names == ["background", "face+hair"]
    assert_equal(loaded, open_dataset(data_options("lfw", tmp_path)))
    images, labels = next(iter(tfds.load("lfw_parts", data_dir=tmp_path, split="train", as_supervised=True)))
    assert images.shape == (12, 10, 3) and labels.shape == (12, 10, 1)


def test_lfw_from_the_manual_folder_with_a_config(tmp_path):
    source = lfw_tree(tmp_path / "manual" / "lfw", [f"A_B_{number:04d}" for number in range(9)])
    builder = tfds.builder("lfw_parts/parts_small", data_dir=tmp_path / "tfds")
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=tmp_path / "manual"))
    dataset = open_dataset(data_options("lfw", source, parts=True, size="small"))
    assert_equal([builder.as_dataset(split=split) for split in SPLITS], dataset)


def test_helen_and_folder(tmp_path):
    helen_tree(tmp_path / "helen", [f"{number}_1" for number in range(9)])
    loaded = tfds.load("helen_parts/no_hair", data_dir=tmp_path, split=SPLITS)
    assert_equal(loaded, open_dataset(data_options("helen", tmp_path / "helen", hair=False)))
    pair_folder(tmp_path / "mine")
    loaded = tfds.load("segmentation_folder", data_dir=tmp_path / "mine", split=SPLITS)
    assert_equal(loaded, open_dataset(data_options("folder", tmp_path / "mine")))


def test_voc_and_camvid(tmp_path):
    devkit(tmp_path / "voc", "2010", {"train": [f"a{n:03d}" for n in range(5)], "val": ["b000", "b001"]})
    camvid_tree(tmp_path / "camvid")
    loaded, info = tfds.load("voc_segmentation/2010", data_dir=tmp_path, split=SPLITS, with_info=True)
    assert_equal(loaded, open_dataset(data_options("voc", tmp_path / "voc", year="2010")))
    assert info.features["label"].names[15] == "person"
    assert set(tfds.builder_cls("voc_segmentation").builder_configs) == {
        f"{year}{scheme}" for year in ("2010", "2011", "2012", "2012_sbd") for scheme in ("", "_official")
    }
    official = tfds.builder("voc_segmentation/2010_official", data_dir=tmp_path)
    official.download_and_prepare()
    assert set(official.info.splits) == {"train", "validation"}  # the test split would be the validation split again
    loaded = tfds.load("camvid_segmentation", data_dir=tmp_path, split=SPLITS)
    assert_equal(loaded, open_dataset(data_options("camvid", tmp_path / "camvid")))


@pytest.mark.parametrize(
    ("name", "tree", "folder"),
    [
        ("cityscapes", cityscapes_tree, "cityscapes"), ("coco", coco_tree, "coco"),
        ("coco_panoptic", coco_panoptic_tree, "coco"), ("pascal_context", context_tree, "pascal_context"),
    ],
)  # fmt: skip
def test_data_sets_whose_test_split_is_secret(tmp_path, name, tree, folder):
    tree(tmp_path / folder)
    loaded = tfds.load(f"{name}_segmentation", data_dir=tmp_path, split=SPLITS[:2])
    assert_equal(loaded, open_dataset(data_options(name, tmp_path / folder)))


def test_isbi2012(tmp_path):
    isbi_stacks(tmp_path / "isbi2012")
    loaded = tfds.load("isbi2012_segmentation", data_dir=tmp_path, split=SPLITS)
    assert_equal(loaded, open_dataset(data_options("isbi2012", tmp_path / "isbi2012")))


def test_pets(tmp_path):
    pets_tree(tmp_path / "oxford_iiit_pet")
    name = "pets_segmentation/species_border_class"
    loaded, info = tfds.load(name, data_dir=tmp_path, split=SPLITS, with_info=True)
    options = data_options("pets", tmp_path / "oxford_iiit_pet", animals="species", border="class")
    assert info.features["label"].names == ["background", "cat", "dog", "border"]
    assert_equal(loaded, open_dataset(options))
    assert set(tfds.builder_cls("pets_segmentation").builder_configs) == {
        f"{animals}{border}"
        for animals in ("pet", "species", "breed")
        for border in ("", "_border_pet", "_border_class")
    }


def test_configs_and_names():
    assert {"voc_segmentation", "camvid_segmentation"} <= set(tfds.list_builders())
    assert {"lfw_parts", "helen_parts", "synthetic_portraits", "segmentation_folder"} <= set(tfds.list_builders())
    names = set(tfds.builder_cls("lfw_parts").builder_configs)
    assert names == {f"{v}{s}" for v in ("hair", "no_hair", "parts") for s in ("", "_small", "_official")}


def test_no_data_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot prepare lfw_parts: .*holds neither"):
        tfds.load("lfw_parts", data_dir=tmp_path)
