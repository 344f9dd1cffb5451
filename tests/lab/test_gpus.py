"""GPUs are shared out among the workers before these import anything."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from kseg.lab.running import runner
from kseg.lab.running.gpus import SHARING, VISIBLE, environment, inherited, least_used, visible_gpus

LISTED = """\
GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-0a)
  MIG 1g.10gb     Device  0: (UUID: MIG-0b)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-1a)
"""


def test_gpus_are_those_that_the_environment_or_the_driver_shows(monkeypatch):
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, LISTED))
    assert visible_gpus() == ["0", "1"]
    for given, found in (("3,2", ["3", "2"]), ("GPU-1a", ["GPU-1a"]), ("", []), ("-1", []), ("1,-1,0", ["1"])):
        monkeypatch.setenv(VISIBLE, given)
        assert visible_gpus() == found


def test_without_a_driver_there_are_none(monkeypatch):
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.setenv("PATH", "")
    assert visible_gpus() == []


def test_workers_take_turns_and_a_new_one_gets_what_the_old_one_had():
    taken: list[str | None] = []
    for _ in range(5):
        taken.append(least_used(["3", "5"], taken))
    assert taken == ["3", "5", "3", "5", "3"]
    assert least_used(["3", "5"], ["3", "5", "3"]) == "5"
    assert least_used([], taken) is None


def test_only_shared_gpus_grow_and_a_person_s_choice_stays(monkeypatch):
    for name in SHARING:
        monkeypatch.delenv(name, raising=False)
    assert environment("3", shared=False) == {VISIBLE: "3"}
    assert environment("3", shared=True) == {VISIBLE: "3", **SHARING}
    assert environment(None, shared=True) == {}
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    assert "XLA_PYTHON_CLIENT_PREALLOCATE" not in environment("3", shared=True)


def test_what_is_inherited_is_taken_back(monkeypatch):
    monkeypatch.setenv(VISIBLE, "0,1")
    monkeypatch.delenv("KSEG_NEW", raising=False)
    with inherited({VISIBLE: "1", "KSEG_NEW": "yes"}):
        assert (os.environ[VISIBLE], os.environ["KSEG_NEW"]) == ("1", "yes")
    assert os.environ[VISIBLE] == "0,1" and "KSEG_NEW" not in os.environ


def tell() -> None:
    """First thing in a worker: what it sees; then it ends."""
    Path(os.environ["KSEG_TOLD"], f"{os.getpid()}.json").write_text(json.dumps(dict(os.environ)))
    os._exit(0)


@pytest.mark.parametrize(("processes", "shared"), [(2, False), (3, True)])
def test_each_worker_process_finds_its_own_gpu(monkeypatch, tmp_path, processes, shared):
    monkeypatch.setenv("KSEG_TOLD", str(tmp_path))
    for name in SHARING:
        monkeypatch.delenv(name, raising=False)
    gpus, workers = ["4", "7"], []
    for _ in range(processes):
        gpu = least_used(gpus, [worker.gpu for worker in workers])
        workers.append(runner.Worker(None, tell, gpu, shared=processes > len(gpus)))
    for worker in workers:
        worker.process.join(timeout=60)
    told = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    assert {found[VISIBLE] for found in told} == {"4", "7"} and len(told) == processes
    assert all((name in found) == shared for found in told for name in SHARING)
