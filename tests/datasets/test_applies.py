"""Options of one data set that are given for another are told, not swallowed."""

import dataclasses
from pathlib import Path

import pytest

from kseg.datasets import DATASETS, DataOptions
from kseg.datasets.applies import check_data_dir, ignored_options
from kseg.errors import UsageError

OF_ALL = {"dataset", "data_dir", "limit", "category"}


def test_own_options_exist():
    named = {option for dataset in DATASETS.values() for option in dataset.own_options}
    assert named == {field.name for field in dataclasses.fields(DataOptions)} - OF_ALL


def test_what_means_nothing_is_told():
    given = DataOptions("folder", Path("x"), hair=False, year="2010", limit=3, data_seed=4)
    assert ignored_options(given) == [
        "--hair means nothing for --dataset folder and is ignored; it is of helen, lfw, synthetic",
        "--year means nothing for --dataset folder and is ignored; it is of voc",
    ]
    for name in DATASETS:
        assert ignored_options(DataOptions(name)) == []


def test_a_folder_is_not_swallowed_either():
    with pytest.raises(UsageError, match="--data-dir photos was given for --dataset synthetic.* pass --dataset folder"):
        check_data_dir(DataOptions(data_dir=Path("photos")))
    check_data_dir(DataOptions("folder", Path("photos")))
