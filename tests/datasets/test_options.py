"""Each data set has options of its own; those of another one are refused or told, never swallowed."""

import dataclasses
from pathlib import Path

import pytest

from kseg.datasets import DATASETS, DataOptions, data_options, open_dataset
from kseg.datasets.opening import check_data_dir, option_names, own_options, retargeted
from kseg.errors import UsageError
from kseg.training.config import TrainConfig, from_json, from_record

OF_ALL = {"dataset", "data_dir", "limit", "category", "classes_of"}

EVERYBODYS = {
    "dataset": "lfw", "data_dir": "/data/lfw", "hair": False, "parts": False, "size": "small", "split_scheme": "paper",
    "colors": [], "color_tolerance": 0.0, "binary": None, "classes": [], "void": [], "images": None, "masks": None,
    "merge_masks": False, "limit": None, "data_seed": 0, "synthetic_size": 96, "synthetic_counts": [600, 100, 100],
    "synthetic_foreground": None, "split_sizes": [0.8, 0.1, 0.1], "year": "2012", "val_list": "val", "border": "void",
    "animals": "pet", "category": None,
}  # fmt: skip
"""The data group of config.json as runs recorded it when every data set had the options of all."""


def test_what_every_data_set_has():
    assert set(option_names(DataOptions)) == OF_ALL
    assert own_options(DATASETS["camvid"].Options) == ()
    assert own_options(DATASETS["lfw"].Options) == ("hair", "parts", "size", "split_scheme")
    assert "data_seed" in own_options(DATASETS["voc"].Options)


@pytest.mark.parametrize("name", DATASETS)
def test_options_are_of_their_data_set(name):
    options = data_options(name, "somewhere", limit=3)
    assert type(options) is DATASETS[name].Options
    assert (options.dataset, options.data_dir, options.limit) == (name, Path("somewhere"), 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.limit = 4
    again = from_json(TrainConfig(options).to_json()).data
    assert again == options


def test_an_unknown_option_names_the_data_set_s_own():
    with pytest.raises(UsageError, match=r"lfw has no option year; its own options are hair, .* \(year is of voc\)"):
        data_options("lfw", year="2010")
    with pytest.raises(UsageError, match="camvid has no option flip; it has no options of its own"):
        data_options("camvid", flip=True)
    with pytest.raises(UsageError, match="unknown data set 'lwf'.*lfw"):
        data_options("lwf")


def test_options_of_another_class_open_nothing():
    with pytest.raises(UsageError, match=r"DataOptions are not the options of lfw; .*data_options\('lfw'"):
        open_dataset(DataOptions("lfw"))


def test_another_data_set_keeps_what_both_have():
    faces = data_options("lfw", "here", hair=False, size="small", limit=5)
    assert retargeted(faces, "helen") == data_options("helen", "here", hair=False, size="small", limit=5)
    assert retargeted(faces, "camvid") == DataOptions("camvid", Path("here"), limit=5)


def test_records_of_old_runs_hold_every_data_set_s_options():
    told: list[str] = []
    assert from_record({"data": EVERYBODYS}).data == data_options("lfw", "/data/lfw", hair=False, size="small")
    from_json({"data": {"dataset": "lfw", "year": "2010", "border": "pet"}}, where="my.toml", note=told.append)
    assert told == [
        "my.toml sets year, which is of voc; border, which is of pets: these mean nothing for lfw; left out"
    ]
    with pytest.raises(UsageError, match="hairs"):
        from_record({"data": {"dataset": "lfw", "hairs": True}})


def test_a_folder_is_not_swallowed_either():
    with pytest.raises(UsageError, match="--data-dir photos was given for --dataset synthetic.* pass --dataset folder"):
        check_data_dir(data_options(data_dir=Path("photos")))
    check_data_dir(data_options("folder", Path("photos")))
