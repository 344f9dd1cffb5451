"""No test of the data sets touches a person's own data or cache, unless it asks for the real data."""

import os

import pytest

REAL_DATA = os.environ.get("KSEG_DATA")


@pytest.fixture(autouse=True)
def nobodys_data(monkeypatch, tmp_path_factory):
    monkeypatch.delenv("KSEG_DATA", raising=False)
    monkeypatch.setenv("KSEG_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def real_data(monkeypatch):
    if not REAL_DATA:
        pytest.skip("set KSEG_DATA to the folder that holds the real data sets")
    monkeypatch.setenv("KSEG_DATA", REAL_DATA)
    return REAL_DATA
