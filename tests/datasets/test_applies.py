"""Options of one data set that are given for another are told, not swallowed."""

import dataclasses
from pathlib import Path

import pytest

from kseg.datasets import DATASETS, DataOptions
from kseg.datasets.applies import APPLIES, check_data_dir, ignored_options
from kseg.errors import UsageError


def test_the_table_names_options_and_data_sets_that_exist():
    assert APPLIES.keys() <= {field.name for field in dataclasses.fields(DataOptions)}
    assert {name for names in APPLIES.values() for name in names} <= set(DATASETS)


def test_what_means_nothing_is_told():
    given = DataOptions("folder", Path("x"), hair=False, year="2010", limit=3, data_seed=4)
    assert ignored_options(given) == [
        "--hair means nothing for --dataset folder and is ignored; it is of lfw, helen, synthetic",
        "--year means nothing for --dataset folder and is ignored; it is of voc",
    ]
    for name in DATASETS:
        assert ignored_options(DataOptions(name)) == []


def test_a_folder_is_not_swallowed_either():
    with pytest.raises(UsageError, match="--data-dir photos was given for --dataset synthetic.* pass --dataset folder"):
        check_data_dir(DataOptions(data_dir=Path("photos")))
    check_data_dir(DataOptions("folder", Path("photos")))
