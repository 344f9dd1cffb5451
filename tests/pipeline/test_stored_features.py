"""All feature caches together: listed, removed, bounded; one that is in use stays."""

import os
import shutil

import numpy as np
import pytest
from tiny_encoder import tiny_network

from kseg.cli.main import main
from kseg.errors import UsageError
from kseg.pipeline import ImageSource
from kseg.pipeline.feature_files import FeatureWriter
from kseg.pipeline.features import CachePlan, cached_features
from kseg.pipeline.frozen import split_frozen
from kseg.pipeline.stored_features import GB, hold, limit, make_room, remove, stored_features


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path))
    monkeypatch.delenv("KSEG_CACHE_LIMIT", raising=False)
    (tmp_path / "features").mkdir()
    return tmp_path / "features"


def store(folder, name, *, used, megabytes=1):
    with FeatureWriter(folder / name, 1, [{"shape": [megabytes << 20], "dtype": "uint8"}], dataset="lfw") as writer:
        writer.append([np.zeros((1, megabytes << 20), np.uint8)])
    os.utime(folder / name / "meta.json", (used, used))


def names(folder):
    return [stored.path.name for stored in stored_features(folder)]


@pytest.fixture
def three(folder):
    for name, used in {"old": 1.1e9, "older": 1e9, "new": 1.2e9}.items():
        store(folder, name, used=used)
    return folder


def test_they_are_listed_from_the_least_recently_used(three):
    assert names(three) == ["older", "old", "new"]
    assert "1 image of lfw" in str(stored_features(three)[0])
    os.close(hold(three / "older"))  # using it is what counts
    assert names(three) == ["old", "new", "older"]


def test_room_is_made_by_the_least_recently_used_that_nobody_uses(three, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE_LIMIT", str(3.5 * 2**20 / GB))
    make_room(three, 100_000, spare=0)
    assert names(three) == ["older", "old", "new"]  # it fits
    held = hold(three / "old")
    os.utime(three / "old" / "meta.json", (0, 0))
    make_room(three, 1 << 20, spare=0)
    assert names(three) == ["old", "new"]
    make_room(three, 1 << 30, spare=0)
    assert names(three) == ["old"]
    os.close(held)
    make_room(three, 1 << 30, spare=0)
    assert list(three.iterdir()) == []


def test_nothing_is_lost_where_it_would_not_help(three, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100 << 20, 90 << 20, 10 << 20))
    make_room(three, 50 << 20, spare=0)
    assert len(names(three)) == 3


def test_a_run_holds_its_features_and_the_next_one_takes_the_place_of_old_ones(three, drawn, monkeypatch):
    extractor = split_frozen(tiny_network()).extractor
    source = ImageSource(drawn, drawn.records("train"), (16, 16))
    monkeypatch.setenv("KSEG_CACHE_LIMIT", "0")
    features = cached_features(extractor, source, three, key="mine", progress=False)
    assert names(three) == ["mine"]
    (stored,) = stored_features(three)
    assert stored.title == "7 images of drawn"
    assert not remove(stored)
    inputs = features.batch(np.arange(7), 0)[0]
    assert len(inputs[0]) == 7
    del features, inputs
    assert remove(stored)
    assert list(three.iterdir()) == []


def test_old_caches_are_no_obstacle_to_a_new_one(folder, drawn, monkeypatch):
    split = split_frozen(tiny_network())
    source = ImageSource(drawn, drawn.records("train"), (16, 16))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(GB, 0, GB))
    assert "free" in CachePlan("auto", folder).verdict(split, [source]).reason
    store(folder, "old", used=1e9)
    assert CachePlan("auto", folder).verdict(split, [source]).use


def test_the_command_lists_and_removes(three, capsys):
    assert main(["data", "cache"]) == 0
    listed = capsys.readouterr().out
    assert "3 feature caches, 0.00 of at most 64 GB" in listed
    assert listed.index("older ") < listed.index("old ") < listed.index("new ")
    assert main(["data", "cache", "--remove", "oldest"]) == 2
    assert "did you mean 'older'" in capsys.readouterr().err
    held = hold(three / "new")
    assert main(["data", "cache"]) == 0
    assert "in use" in capsys.readouterr().out
    assert main(["data", "cache", "--remove", "all"]) == 1
    printed = capsys.readouterr()
    assert "removed 2 feature caches" in printed.out and "a run is using new" in printed.err
    os.close(held)
    assert main(["data", "cache", "--remove", "new"]) == 0
    assert list(three.iterdir()) == []


@pytest.mark.parametrize("given", ["much", "-1", "nan"])
def test_a_limit_that_is_none(given, monkeypatch):
    monkeypatch.setenv("KSEG_CACHE_LIMIT", given)
    with pytest.raises(UsageError, match=f"KSEG_CACHE_LIMIT is '{given}'; give a number of gigabytes"):
        limit()
