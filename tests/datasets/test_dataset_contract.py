"""What every registered data set keeps: walked over the registry, so that registering one tests it."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from layouts import camvid_tree, context_tree, devkit, helen_tree, lfw_tree, pair_folder, pets_tree
from object_layouts import cityscapes_tree, coco_panoptic_tree, coco_tree
from PIL import Image
from stack_layouts import isbi_slices

from kseg.conventions import SPLITS, VOID
from kseg.datasets import DATASETS, data_options, open_dataset
from kseg.datasets.helen import records as helen
from kseg.datasets.lfw import records as lfw
from kseg.datasets.splits import PaperSplit
from kseg.errors import Failure, UsageError
from kseg.structures import Instances, LabelMap, Panoptic

STRUCTURES = {"semantic": LabelMap, "instance": Instances, "panoptic": Panoptic}

NINE = PaperSplit(total=9, big=(5, 2), small=(3, 1), test=2)


@pytest.fixture(params=sorted(DATASETS))
def dataset(request, tmp_path, monkeypatch):
    monkeypatch.setattr(lfw.LFW, "paper", NINE)
    monkeypatch.setattr(helen.Helen, "paper", NINE)
    make = {
        "lfw": lambda: lfw_tree(tmp_path, [f"A_B_{number:04d}" for number in range(9)]),
        "helen": lambda: helen_tree(tmp_path, [f"{number}_1" for number in range(9)]),
        "folder": lambda: pair_folder(tmp_path),
        "synthetic": lambda: None,
        "camvid": lambda: camvid_tree(tmp_path),
        "cityscapes": lambda: cityscapes_tree(tmp_path),
        "coco": lambda: coco_tree(tmp_path),
        "coco_panoptic": lambda: coco_panoptic_tree(tmp_path),
        "pascal_context": lambda: context_tree(tmp_path),
        "isbi2012": lambda: isbi_slices(tmp_path),
        "pets": lambda: pets_tree(tmp_path),
        "voc": lambda: devkit(
            tmp_path, "2012", {name: [f"{name}_{number:03d}" for number in range(6)] for name in ("train", "val")}
        ),
    }
    own = {"synthetic_size": 24, "synthetic_counts": (5, 2, 2)} if request.param == "synthetic" else {}
    return open_dataset(data_options(request.param, make[request.param](), **own))


def test_records_have_unique_safe_ids_and_splits_do_not_overlap(dataset):
    ids = [record.id for split in SPLITS[: 2 if dataset.test_is_validation else 3] for record in dataset.records(split)]
    assert len(set(ids)) == len(ids) > 5
    assert all(name and "/" not in name and not name.startswith(".") for name in ids)


def test_pixels_labels_classes_and_colors_fit(dataset):
    assert len(dataset.classes) == len(dataset.palette) >= 2 and "background" not in dataset.classes[1:]
    for split in SPLITS:
        for record in dataset.records(split):
            image, labels = dataset.image(record), dataset.labels(record)
            assert image.dtype == labels.dtype == np.uint8
            assert image.shape == (*labels.shape, 3)
            assert set(np.unique(labels)) <= {*range(len(dataset.classes)), VOID}


def test_the_truth_of_every_task_has_the_image_s_size(dataset):
    assert "semantic" in dataset.tasks and set(dataset.tasks) <= STRUCTURES.keys()
    for record in dataset.records("validation"):
        for task in dataset.tasks:
            truth = dataset.truth(record, task)
            assert isinstance(truth, STRUCTURES[task]) and truth.size == dataset.image(record).shape[:2]
        assert np.array_equal(dataset.labels(record), dataset.truth(record).ids)
    for task in {"poetry", *STRUCTURES}.difference(dataset.tasks):
        with pytest.raises(UsageError, match=f"has no truth for the task '{task}'; it has .*semantic"):
            dataset.truth(record, task)


def test_the_structures_of_a_task_agree_with_one_another(dataset):
    for task in dataset.tasks:
        asked = dataset.for_task(task)
        assert asked.task == task and asked.for_task(task) is asked
        assert len(asked.classes) == len(asked.palette) >= 2
        for record in asked.records("train"):
            truth, labels = asked.truth(record), asked.labels(record)
            assert truth == dataset.truth(record, task)
            assert set(np.unique(labels)) <= {*range(len(asked.classes)), VOID}
            if isinstance(truth, LabelMap):
                assert np.array_equal(truth.ids, labels)
            elif isinstance(truth, Panoptic):
                assert np.array_equal(truth.semantic().ids, labels)
                for thing, class_id in zip(truth.instances().masks, truth.instances().classes, strict=True):
                    assert (labels[thing] == class_id).all()
            else:
                assert truth.masks.areas().all() and truth.classes.min(initial=1) >= asked.has_background
                covered = truth.masks.array().any(axis=0)
                assert np.array_equal(covered[labels != VOID], (labels > 0)[labels != VOID])


def test_fingerprints_of_other_classes_differ(dataset):
    record = dataset.records("train")[0]
    assert len({dataset.for_task(task).fingerprint(record) for task in dataset.tasks}) == len(dataset.tasks)


def test_a_truth_of_another_size_is_refused_for_every_task(dataset, tmp_path):
    record = dataset.records("train")[0]
    height, width = dataset.image(record).shape[:2]
    Image.new("RGB", (width + 1, height)).save(tmp_path / "wider.png")
    wider = replace(record, image=tmp_path / "wider.png")
    for task in dataset.tasks:
        with pytest.raises(Failure, match=f"{height}(×|, ){width + 1}"):
            dataset.truth(wider, task)


def test_fingerprints_tell_records_apart_and_stay(dataset):
    records = dataset.records("train")
    prints = [dataset.fingerprint(record) for record in records]
    assert len(set(prints)) == len(prints)
    assert prints == [dataset.fingerprint(record) for record in records]


def test_one_class_of_it_has_the_same_images_and_a_table_of_labels(dataset):
    last = len(dataset.classes) - 1
    part = dataset.only([last])
    assert part.classes == ("background", dataset.classes[last]) and part.palette == ((0, 0, 0), dataset.palette[last])
    record = next(iter(dataset.every_record() or dataset.all_records("train")))
    labels = dataset.labels(record)
    assert np.array_equal(part.labels(record), np.where(labels == VOID, VOID, labels == last))
    assert np.array_equal(part.image(record), dataset.image(record))
    assert part.fingerprint(record) == f"{dataset.fingerprint(record)} category {dataset.classes[last]}"
    same = ("name", "title", "training_size", "layout", "problems", "unpaired", "reading", "value_range", "options")
    assert all(getattr(part, name) == getattr(dataset, name) for name in same)


def test_what_is_remembered_is_not_read_again(dataset, monkeypatch):
    records = dataset.remember().records("train")
    before = [(dataset.image(record), dataset.labels(record)) for record in records]
    for reader in ("read_image", "read_labels"):
        monkeypatch.setattr(type(dataset), reader, None)  # whoever reads now, fails
    for record, (image, labels) in zip(records, before, strict=True):
        assert np.array_equal(dataset.image(record), image) and np.array_equal(dataset.labels(record), labels)
        image[:], labels[:] = 1, 1
        assert (dataset.image(record) != image).any() and (dataset.labels(record) != labels).any()


def test_facts_say_what_a_person_needs(dataset):
    facts = type(dataset).facts
    assert dataset.title and facts.homepage and facts.license and facts.tree and facts.counts
    for file in facts.files:
        assert file.urls and all(url.startswith("http") for url in file.urls)
        for checksum in filter(None, (file.checksum, file.seen)):
            algorithm, _, digits = checksum.partition(":")
            assert len(digits) == {"sha256": 64, "md5": 32}[algorithm]


def test_unknown_names_point_to_the_nearest():
    with pytest.raises(UsageError, match="unknown data set 'lwf'; did you mean 'lfw'"):
        open_dataset(data_options("lwf"))


def test_tensorflow_is_not_needed():
    """Not even to list the data sets: importing TensorFlow or TFDS is made to fail."""
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('tensorflow', 'tensorflow_datasets', 'keras')))\n"
        "from kseg.datasets import DATASETS, data_options, open_dataset\n"
        "data = open_dataset(data_options(synthetic_size=32))\n"
        "print(sorted(DATASETS), data.image(data.records('train')[0]).shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'synthetic', 'voc'] (32, 32, 3)" in done.stdout
