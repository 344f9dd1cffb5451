"""Splits: an image's place depends on itself, a run records it, and nothing is measured on what was trained on."""

import json
import shutil

import numpy as np
import pytest
from layouts import noise, pair_folder, write
from PIL import Image

from kseg.conventions import SPLITS
from kseg.datasets import data_options, open_dataset
from kseg.datasets.membership import FILE, Membership, use_recorded_splits
from kseg.datasets.splits import drawn_splits
from kseg.errors import Failure, UsageError


def drawn(names, sizes=(0.8, 0.1, 0.1), seed=0):
    return drawn_splits(names, sizes, seed, key=str)


def home(splits):
    return {name: split for split, names in splits.items() for name in names}


NAMES = [f"image_{number}" for number in range(1000)]


def test_an_image_more_or_less_moves_no_other():
    whole = home(drawn(NAMES))
    for lost in (0, 500, 999):
        fewer = home(drawn([name for name in NAMES if name != NAMES[lost]]))
        assert fewer == {name: split for name, split in whole.items() if name != NAMES[lost]}
    assert whole.items() <= home(drawn([*NAMES, "one more"])).items()
    assert home(drawn(NAMES[::-1])) == whole


def test_shares_are_kept_and_the_seed_chooses():
    splits = drawn(NAMES)
    # 1000 coins of 0.1: 100 expected, standard deviation 9.5
    assert [len(splits[split]) for split in SPLITS] == pytest.approx([800, 100, 100], abs=35)
    others = set(drawn(NAMES, seed=1)["test"])
    assert len(others & set(splits["test"])) < 30  # a tenth of a hundred by chance
    assert drawn(NAMES) == splits


def test_a_smaller_training_share_leaves_test_and_validation_as_they_are():
    whole, few = drawn(NAMES), drawn(NAMES, (0.2, 0.1, 0.1))
    assert (few["test"], few["validation"]) == (whole["test"], whole["validation"])
    assert set(few["train"]) < set(whole["train"])


def test_numbers_of_images_are_exact_and_move_one_at_a_border():
    splits = drawn(NAMES, (20, 5, 7))
    assert [len(splits[split]) for split in SPLITS] == [20, 5, 7]
    before = home(splits)
    for lost in splits["test"]:
        after = home(drawn([name for name in NAMES if name != lost], (20, 5, 7)))
        assert sum(before.get(name) not in (None, split) for name, split in after.items()) == 2  # at two borders


@pytest.mark.parametrize("total", [3, 5, 12])
def test_no_split_of_a_few_images_is_empty(total):
    for seed in range(40):
        splits = drawn(NAMES[:total], seed=seed)
        assert all(splits.values()) and sorted(sum(splits.values(), [])) == sorted(NAMES[:total])
        assert all(drawn(NAMES[:total], (0.3, 0.1, 0.1), seed).values())
    assert drawn(NAMES[:total], (1, 0, 0)) == {"train": NAMES[:total], "validation": [], "test": []}


@pytest.mark.parametrize(
    ("total", "sizes", "complaint"),
    [
        (12, (5, 500, 5), "needs 510 images and the folder has 12"),
        (12, (0.8, 0.3, 0.3), "adds up to more than 1"),
        (12, (0.8, -0.1, 0.3), "must be three"),
        (12, (0.8, float("nan"), 0.1), "must be three"),
        (12, (float("inf"), 1, 1), "must be three"),
        (12, (0, 0, 0), "must be three"),
        (12, (0.8, 2, 2), "mixes shares and numbers"),
        (2, (0.8, 0.1, 0.1), "needs more than 2 images"),
    ],
)
def test_sizes_that_cannot_be(total, sizes, complaint):
    with pytest.raises(UsageError, match=complaint):
        drawn(NAMES[:total], sizes)


def opened(folder, **options):
    return open_dataset(data_options("folder", folder, **options))


def splits_of(dataset):
    return {split: dataset.records(split) for split in SPLITS}


def ids(dataset, split):
    return [record.id for record in dataset.records(split)]


@pytest.fixture
def folder(tmp_path):
    return pair_folder(tmp_path / "mine", 30)


@pytest.fixture
def run(tmp_path, folder):
    """What a run on `folder` leaves of its splits."""
    run = tmp_path / "run"
    run.mkdir()
    dataset = opened(folder)
    (run / FILE).write_text(json.dumps(Membership.of(dataset, splits_of(dataset)).to_json()))
    (run / "config.json").write_text("{}")
    return run


def test_a_mask_that_is_painted_anew_is_another_truth(folder, run, tmp_path):
    began = Membership.read(run)
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    dataset = opened(moved)
    assert began.changes(Membership.of(dataset, splits_of(dataset))) == ""
    mask = moved / "masks" / "a3.png"
    write(mask, np.roll(np.asarray(Image.open(mask)), 1, axis=0))
    dataset = opened(moved)
    assert began.changes(Membership.of(dataset, splits_of(dataset))) == "1 image is labeled otherwise (a3)"
    home = next(split for split, members in began.splits.items() if "a3" in members)
    notes = use_recorded_splits(opened(moved), run, home)
    assert notes == [f"1 image is labeled otherwise than when {run} was trained (a3)"]


def take_out(folder, name):
    for kind in ("images", "masks"):
        (folder / kind / f"{name}.png").unlink()


def add(folder, name, seed):
    write(folder / "images" / f"{name}.png", noise(seed))
    write(folder / "masks" / f"{name}.png", np.tile(np.uint8([0, 1]), (12, 5)))


def test_a_folders_split_goes_by_what_the_images_hold(folder):
    before = {split: ids(opened(folder), split) for split in SPLITS}
    assert sorted(sum(before.values(), [])) == sorted(f"a{index}" for index in range(30))
    take_out(folder, before["test"][0])
    add(folder, "new", 1000)
    after = {split: ids(opened(folder), split) for split in SPLITS}
    assert not set(before["train"]) & {*after["test"], *after["validation"]}
    # The same picture under another name is on the same side; a touched file stays where it is.
    for name in before["validation"]:
        for kind in ("images", "masks"):
            shutil.copy(folder / kind / f"{name}.png", folder / kind / f"copy_{name}.png")
    assert {f"copy_{name}" for name in before["validation"]} <= set(ids(opened(folder), "validation"))


@pytest.mark.parametrize(("count", "counts"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1))])
def test_a_folder_of_so_few_images_has_fewer_splits(tmp_path, count, counts):
    dataset = opened(pair_folder(tmp_path / "few", count))
    assert tuple(len(dataset.all_records(split)) for split in SPLITS) == counts
    assert len(dataset.records("all")) == count  # as a test set for another's model


def test_pictures_that_are_all_alike_are_divided_by_name(tmp_path):
    folder = pair_folder(tmp_path, 20)
    for path in (folder / "images").iterdir():
        write(path, noise(0))
    assert len(opened(folder).records("train")) > 10


def test_changes_are_counted_and_named(folder, run):
    recorded = Membership.read(run)
    dataset = opened(folder)
    assert recorded.changes(Membership.of(dataset, splits_of(dataset))) == ""
    gone, other = ids(dataset, "test")[0], ids(dataset, "train")[0]
    take_out(folder, gone)
    add(folder, other, 77)
    changes = recorded.changes(Membership.of(dataset := opened(folder), splits_of(dataset)))
    assert f"1 image is gone ({gone})" in changes and f"({other})" in changes
    dataset = opened(folder, data_seed=1)
    assert "in another split (" in recorded.changes(Membership.of(dataset, splits_of(dataset)))


def test_evaluation_takes_the_runs_own_images(folder, run):
    wanted = {split: ids(opened(folder), split) for split in SPLITS}
    dataset = opened(folder)
    assert use_recorded_splits(dataset, run, "test") == []
    assert use_recorded_splits(opened(folder, limit=2), run, "train") == []
    dataset = opened(folder, data_seed=5)  # another split: its test images were trained on
    assert set(ids(dataset, "test")) & set(wanted["train"])
    notes = use_recorded_splits(dataset, run, "test")
    assert {split: ids(dataset, split) for split in SPLITS} == wanted
    assert "not the split as it would be drawn today" in notes[0]


def test_evaluation_of_a_folder_that_has_changed(folder, run):
    test = ids(opened(folder), "test")
    take_out(folder, test[0])
    add(folder, "new", 1000)
    dataset = opened(folder)
    notes = use_recorded_splits(dataset, run, "test")
    assert ids(dataset, "test") == test[1:]
    assert notes[0] == f"1 of the {len(test)} test images of {run} are no longer there"
    assert "1 image is in none of the run's splits" in notes[1]


def test_evaluation_on_other_images_refuses_those_that_were_trained_on(folder, run, tmp_path):
    other = pair_folder(tmp_path / "other", 0)
    for index in range(12):
        add(other, f"b{index}", 2000 + index)
    dataset = opened(other)
    assert use_recorded_splits(dataset, run, "test") == []
    trained = opened(folder).records("train")[0]
    for name in ids(dataset, "test"):
        shutil.copy(trained.image, other / "images" / f"{name}.png")
    (other / "test.txt").write_text("\n".join(ids(dataset, "test")))
    (other / "train.txt").write_text("\n".join(ids(dataset, "train")))
    (other / "val.txt").write_text("\n".join(ids(dataset, "validation")))
    with pytest.raises(UsageError, match=r"test images are images that .*run was trained on"):
        use_recorded_splits(opened(other), run, "test")
    assert use_recorded_splits(opened(other), run, "train") == []


def test_a_run_from_before_is_told(folder, run, tmp_path):
    (run / FILE).unlink()
    assert "from before runs recorded their splits" in use_recorded_splits(opened(folder), run, "test")[0]
    assert use_recorded_splits(open_dataset(data_options(synthetic_size=16)), run, "test") == []
    assert use_recorded_splits(opened(folder), tmp_path / "model.keras", "test") == []  # no run: nothing is known


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"splits": {"train": []}}', '{"splits": 3}', "[" * 100_000])
def test_a_record_of_something_else_is_refused(run, content):
    (run / FILE).write_text(content)
    with pytest.raises(
        Failure, match=r"splits.json (does not hold the splits of a run|cannot be read).*; copy it again"
    ):
        Membership.read(run)


def test_pictures_in_two_splits_are_counted(folder):
    shutil.copy(folder / "images" / "a1.png", folder / "images" / "a7.png")
    (folder / "train.txt").write_text("a1\na2\n")
    (folder / "val.txt").write_text("a3\n")
    (folder / "test.txt").write_text("a7\na8\n")
    dataset = opened(folder)
    assert Membership.of(dataset, splits_of(dataset)).in_two_splits() == [("a1 (train)", "a7 (test)")]
