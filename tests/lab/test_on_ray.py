"""Jobs on a Ray cluster: two nodes on this machine, one of which is killed in the middle; what is refused."""

import dataclasses
import json
import os
import sys
import threading
import time

import pytest

from kseg.cli.main import main
from kseg.datasets import data_options
from kseg.errors import UsageError
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Setting
from kseg.lab.running.on_ray import Cluster, Needs, check_needs
from kseg.lab.running.runner import run_jobs
from kseg.models import model_options
from kseg.training.config import LossOptions, TrainConfig, TrainingOptions

EPOCHS = 30
TINY = TrainConfig(
    data=data_options(synthetic_size=32, synthetic_counts=(64, 4, 4)),
    model=model_options("unet", base_width=4, image_size=(32, 32)),
    training=TrainingOptions(epochs=EPOCHS, patience=EPOCHS, batch_size=4),
)
SETTINGS = [
    Setting(
        Condition(dataset="tiny", loss=loss),
        dataclasses.replace(TINY, loss=LossOptions(loss=loss, loss_reduction="mean")),
    )
    for loss in ("bce", "iou")
]

SOON_DEAD = {"health_check_period_ms": 200, "health_check_timeout_ms": 1000, "health_check_failure_threshold": 3}
"""The head node takes another for dead within a second or two instead of half a minute."""


def test_a_node_that_dies_costs_its_job_an_epoch(tmp_path, monkeypatch):
    """Its job goes on from its checkpoint on the other node, to the numbers of a run on one machine."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster as Nodes

    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    here, there = (make_jobs(tmp_path / name, SETTINGS) for name in ("here", "there"))
    # As many processes as cores: each has one thread, as on Ray with one core for each job.
    assert run_jobs(here, processes=max(2, os.cpu_count() or 1), write=lambda line: None).complete == 2

    nodes = Nodes(
        initialize_head=True, head_node_args={"num_cpus": 1, "memory": 2**30, "_system_config": SOON_DEAD}
    )  # fmt: skip
    lines: list[str] = []
    try:
        second = nodes.add_node(num_cpus=1, memory=2**30)
        monkeypatch.setenv("RAY_ADDRESS", nodes.address)
        place = Cluster("ray", Needs(cores=1, memory=0.5))
        assert place.room() == 2
        killer = threading.Thread(target=kill_in_the_middle, args=(nodes, second, there, lines))
        killer.start()
        tally = run_jobs(there, place=place, write=lines.append)
        killer.join()
    finally:
        nodes.shutdown()

    assert lines[0] == "2 jobs: 0 complete, 0 failed, 2 to run, 2 at a time on 2 nodes of a Ray cluster"
    assert "killed" in lines and (tally.complete, tally.failed, tally.left) == (2, [], 0)
    for one, other in zip(here, there, strict=True):
        assert epochs_of(other) == list(range(1, EPOCHS + 1))
        assert scores_of(other) == scores_of(one)


def kill_in_the_middle(nodes, node, jobs, lines) -> None:
    end = time.monotonic() + 300
    while not all(job.files.epochs_done >= 2 for job in jobs) and time.monotonic() < end:
        time.sleep(0.02)
    if all(job.state == "started" for job in jobs):
        nodes.remove_node(node, allow_graceful=False)
        lines.append("killed")


def epochs_of(job) -> list[int]:
    return [json.loads(line)["epoch"] for line in (job.path / "metrics.jsonl").read_text().splitlines()]


def scores_of(job):
    evaluation = job.files.read_results()["evaluation"]
    return evaluation["confusion_matrices"], evaluation["scores"]


def test_jobs_ask_for_what_a_node_can_have():
    needs = Needs(cores=2, memory=4, gpus=0.5)
    assert needs.of_ray() == {"CPU": 2, "memory": 4 * 2**30, "GPU": 0.5}
    assert needs.fit_into({"CPU": 16, "memory": 64 * 2**30, "GPU": 1}) == 2
    assert needs.fit_into({"CPU": 16, "memory": 9 * 2**30, "GPU": 4}) == 2
    assert needs.fit_into({"CPU": 16, "memory": 64 * 2**30}) == 0
    assert Needs().fit_into({"CPU": 5, "memory": 64 * 2**30}) == 2
    with pytest.raises(UsageError, match="--cores 0"):
        Needs(cores=0)


def test_jobs_of_several_gpus_say_how_many(tmp_path):
    training = dataclasses.replace(TINY.training, distribute="mirrored")
    jobs = make_jobs(tmp_path, [Setting(SETTINGS[0].condition, dataclasses.replace(TINY, training=training))])
    with pytest.raises(UsageError, match="--gpus"):
        check_needs(jobs, Needs())
    check_needs(jobs, Needs(gpus=2))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--on ray", "pip install 'kseg[ray]'"),
        ("--on slurm", "write machine, ray or ray://HOST:PORT"),
        ("--cores 4", "add --on ray"),
        ("--on ray --memory 0", "--memory 0"),
    ],
)
def test_refused_in_one_sentence(flags, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)  # not installed
    assert main(["lab", "run", "loss_study", "--scale", "smoke", "--root", str(tmp_path), *flags.split()]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
    assert not any(tmp_path.iterdir())
