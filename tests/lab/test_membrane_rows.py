"""The measures of membranes in the rows of a recipe, and the recipe that shows them."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytest import approx

from kseg.datasets import data_options, open_dataset
from kseg.inference import save_masks
from kseg.lab.experiment.jobs import Job, make_jobs
from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.lab.recipes.unet2015 import condition
from kseg.lab.results.membranes import membrane_figures
from kseg.lab.results.rows import Results, Row
from kseg.lab.tables.paper_and_ours import paper_table
from kseg.metrics import membrane_rand, warping_error

UNET = RECIPES["unet2015"]
CLASSES = ["membrane", "cell"]


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job of the recipe on small slices; its first mask is right, its second has a hole."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
    from stack_layouts import isbi_slices

    monkeypatch.setenv("KSEG_CACHE", str(tmp_path / "cache"))
    data = data_options("isbi2012", isbi_slices(tmp_path / "data"))
    planned = make_jobs(tmp_path, UNET.at("cpu", Places()))[0]
    return Job(planned.condition, 1, replace(planned.config, data=data), tmp_path / "job")


def write_masks(job, change=lambda masks: masks):
    dataset = open_dataset(job.config.data)
    records = dataset.records("test")
    masks = change([dataset.labels(record) for record in records])
    job.path.mkdir(exist_ok=True)
    save_masks(job.files.masks, [record.id for record in records], masks, num_classes=2)
    return [dataset.labels(record) == 1 for record in records], [mask == 1 for mask in masks]


def holed(masks):
    masks[1][6] = 1
    return masks


def test_means_over_the_slices(job):
    assert membrane_figures(job, CLASSES) == {}  # no masks
    write_masks(job)
    assert membrane_figures(job, CLASSES) == {"v_rand": 1, "warping_error": 0}
    true, predicted = write_masks(job, holed)
    found = membrane_figures(job, CLASSES)
    assert found["v_rand"] == approx((1 + membrane_rand(true[1], predicted[1]).v_rand) / 2, abs=1e-5)
    assert found["warping_error"] == approx(warping_error(true[1], predicted[1]) / 2, abs=1e-6)
    assert found["v_rand"] < 1 and found["warping_error"] > 0
    assert membrane_figures(job, ["background", "cell"]) == {}
    save_masks(job.files.masks, ["99"], [np.zeros((12, 20), np.uint8)], num_classes=2)
    assert membrane_figures(job, CLASSES) == {}  # of other slices


def test_the_recipe_has_each_variant_with_the_paper_s_numbers():
    jobs = make_jobs(Path("x"), UNET.at("paper", Places()))
    assert len(jobs) == 12
    last = [job.config for job in jobs if job.condition.loss == "elastic+border"][0]
    assert (last.augment.elastic, last.loss.pixel_weights, last.loss.border_weight, last.loss.border_sigma) == (
        10, "border", 10, 5,
    )  # fmt: skip
    training = last.training
    assert (training.optimizer, training.momentum, training.batch_size) == ("sgd", 0.99, 1)
    plain = [job.config for job in jobs if job.condition.loss == "plain"][0]
    assert not plain.augment.transforms() and plain.loss.pixel_weights == "none"


def test_errors_are_shown_with_their_digits_and_the_lower_is_better():
    row = Row(
        condition=condition("isbi2012", "plain"), seed=1, job="a", iou=0.9, iou_image=0.9, accuracy=0.93,
        matrix=[[1, 0], [0, 1]], best_epoch=1, epochs=1, seconds=1.0, foreground=0.8, images=[0.9],
    )  # fmt: skip
    rows = [
        replace(row, warping_error=0.000353),
        replace(row, condition=condition("isbi2012", "border"), warping_error=0.0002),
    ]
    results = Results("unet2015", "cpu", "", {}, rows, {}, 0)
    table = paper_table(results, UNET, "warping_error")
    assert table.rows == [["isbi2012 unet2015", "0.000353", "0.000200"]] and table.best == {(0, 2)}
    assert paper_table(results, UNET, "pixel_error").rows[0][1] == "0.0700"
    assert paper_table(results, UNET, "v_rand").rows[0][1] == "–"
