"""Processes of this machine: each finds its GPU before it imports anything, and is replaced in time."""

import os
import signal
import subprocess
from concurrent.futures.process import BrokenProcessPool

import keras
import pytest

from kseg.lab.running import pool
from kseg.lab.running.gpus import SHARING, VISIBLE, environment, visible_gpus
from kseg.lab.running.pool import Machine, Slot

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


def test_only_shared_gpus_grow_and_a_person_s_choice_stays(monkeypatch):
    for name in SHARING:
        monkeypatch.delenv(name, raising=False)
    assert environment("3", shared=False) == {VISIBLE: "3"}
    assert environment("3", shared=True) == {VISIBLE: "3", **SHARING}
    assert environment(None, shared=False) == {}
    assert environment(None, shared=True) == SHARING  # Ray has named it already
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    assert "XLA_PYTHON_CLIENT_PREALLOCATE" not in environment("3", shared=True)


@pytest.mark.parametrize(("processes", "shared"), [(2, False), (3, True)])
def test_each_process_finds_its_own_gpu(monkeypatch, processes, shared):
    monkeypatch.setenv(VISIBLE, "4,7")
    for name in SHARING:
        monkeypatch.delenv(name, raising=False)
    # Numpy is imported sooner, but with it Keras sets one of them itself, which here may not be there.
    monkeypatch.setenv("KERAS_BACKEND", "numpy" if shared else "tensorflow")
    machine = Machine(processes)
    try:
        assert machine.where == " on 2 GPUs" and machine.room() == processes
        told = [future.result(120) for future in [slot.call(variables_here) for slot in machine.slots]]
    finally:
        machine.close()
    assert {variables[VISIBLE] for variables in told} == {"4", "7"} and len(told) == processes
    assert all((name in variables) == shared for variables in told for name in SHARING)


def variables_here() -> dict[str, str]:
    return dict(os.environ)


def test_a_process_has_its_variables_before_it_imports_keras(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    slot = Slot(None, None, {"KERAS_BACKEND": "numpy"})
    try:
        assert slot.call(keras.backend.backend).result(120) == "numpy"
    finally:
        slot.close()


def test_ctrl_c_is_for_the_command_alone():
    """The terminal sends it to all processes; none of the command's prints a traceback, even while it starts."""
    slot = Slot(None, None, {"KERAS_BACKEND": "numpy"})
    try:
        blocked = slot.call(signal.pthread_sigmask, signal.SIG_BLOCK, []).result(120)
        assert signal.SIGINT in blocked
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        slot.close()


def test_a_process_is_replaced_after_some_jobs_and_when_it_has_died(monkeypatch):
    monkeypatch.setattr(pool, "JOBS_PER_PROCESS", 2)
    slot = Slot(None, None, {"KERAS_BACKEND": "numpy"})
    try:
        pids = [slot.call(os.getpid).result(120) for _ in range(5)]
        assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]
        with pytest.raises(BrokenProcessPool):
            slot.call(os._exit, 9).result(120)
        assert slot.call(os.getpid).result(120) not in pids
    finally:
        slot.close()
