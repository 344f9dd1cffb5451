"""Scale laptop of van Beers et al.: the paper's networks and optimizer, single changes, and figures."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kseg.inference import save_masks
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.lab.recipes.vanbeers2019.laptop import BILINEAR, CELL, CHANGES, THREE_BLOCKS, beside
from kseg.lab.recipes.vanbeers2019.printed import TABLES, face
from kseg.lab.results.rows import Results, Row
from kseg.lab.results.stored import load_results

RECIPE = RECIPES["vanbeers2019"]


@pytest.fixture(scope="module")
def jobs():
    weights = {"vgg16": "/w/vgg16.npz", "resnet50": "/w/r.h5", "vgg16_blocks1-3": "/w/blocks.npz"}
    return make_jobs(Path("x"), RECIPE.at("laptop", Places(weights=weights)))


def test_the_networks_and_settings_are_the_paper_s_but_for_what_the_caption_says(jobs):
    cells = [job for job in jobs if not job.condition.change and job.condition.dataset == "lfw"]
    assert Counter(job.condition.network for job in cells) == {
        "bfcn32s": 16,
        "fcresnet": 16,
    }  # 4 big, 4 small with 3 seeds
    for job in cells:
        model, training, loss = job.config.model, job.config.training, job.config.loss
        assert (training.optimizer, training.learning_rate, training.epsilon) == ("rmsprop", 1e-4, 1e-14)
        assert (training.schedule, training.patience, loss.loss_reduction) == ("constant", 20, "sum")
        assert model.upscore_start == "glorot" and model.trainable_from is None  # block5 and conv5, as in the paper
        assert (training.batch_size, training.epochs, training.precision) == (20, 40, "mixed_bfloat16")
        assert model.head_width == {"bfcn32s": 4096, "fcresnet": 1024}[job.condition.network]


def test_one_thing_changed_is_one(jobs):
    cell = next(job for job in jobs if job.condition == CELL and job.seed == 1)
    others = [job for job in jobs if job.condition.change]
    assert {job.condition.change for job in others} == set(CHANGES)
    for job in others:
        kept = dataclasses.replace(job.config, model=cell.config.model)
        same_model, same_training = job.config.model == cell.config.model, job.config.training == cell.config.training
        assert same_model != same_training and (same_model or kept == cell.config)
    assert not any(job.condition.change == THREE_BLOCKS for job in make_jobs(Path("x"), RECIPE.at("laptop", Places())))


def row(condition, images, **values) -> Row:
    return Row(
        condition=condition,
        seed=values.pop("seed", 1), job="j", iou=float(np.mean(images)), iou_image=float(np.mean(images)),
        accuracy=0.9, matrix=[[1, 0], [0, 1]], best_epoch=30, epochs=40, seconds=1.0, foreground=0.3,
        images=list(images), curve=[0.5, 0.8], **values,
    )  # fmt: skip


@pytest.fixture(scope="module")
def results():
    rows = [
        row(setting.under(loss), [cell.iou - 0.01, cell.iou + 0.01], artifacts=0.2)
        for setting, cells in TABLES.items()
        if setting.dataset == "lfw"
        for loss, cell in cells.items()
    ]
    changed = row(CELL.changed(BILINEAR), [0.887 - 0.03, 0.887 + 0.02], artifacts=0.1)  # −.02 and +.01
    second = row(CELL, [0.5, 0.5], seed=2, artifacts=0.2)  # a seed that the changed run has not
    truth = {str(CELL.setting): 0.06}
    settings = {"training.epsilon": 1e-14}
    return Results(
        "vanbeers2019", "laptop", "c", {}, [*rows, changed, second], {}, 0, artifacts_of_truth=truth, settings=settings
    )


def test_a_change_stands_beside_the_cell_and_not_among_the_cells(results):
    tables = {table.title: table for table in RECIPE.show(results).tables}
    assert not any(BILINEAR in cell for table in tables.values() if "One thing" not in table.title
                   for cells in table.rows for cell in cells)  # fmt: skip
    over_settings = tables["iou against bce, over settings"].rows[0]
    assert over_settings[1] == "8"
    (table,) = beside(results)
    assert table.rows[0][2] == "2" and [table.rows[1][0], table.rows[1][2]] == [BILINEAR, "1"]
    # mean of −.02 and +.01, against seed 1 alone
    assert table.rows[1][7] == "−0.0050" and table.rows[1][6] == "0.100" and "masks have 0.060" in table.caption


def test_rows_with_and_without_a_change_are_read_back(results, tmp_path):
    results.save(tmp_path / "results.json")
    assert load_results(tmp_path / "results.json") == results
    stored = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [*CELL.words[:-1], BILINEAR, "iou"] in [row["tags"] for row in stored]


def test_results_of_a_change_alone_make_its_table(results):
    only = dataclasses.replace(results, rows=[row for row in results.rows if row.condition.change == BILINEAR])
    assert [table.title for table in RECIPE.show(only).tables] == [f"One thing changed: {CELL}"]


def test_figures_3_to_6_are_of_the_image_of_median_iou(jobs, results, tmp_path, monkeypatch):
    from kseg.lab.recipes.vanbeers2019 import laptop

    class Faces:
        """Three images; hair is foreground in all of them or in none."""

        def __init__(self, options):
            self.hair = options.hair

        def records(self, split):
            return [type("Record", (), {"id": name}) for name in "abc"]

        def image(self, record):
            return np.full((8, 8, 3), 9, np.uint8)

        def labels(self, record):
            return np.full((8, 8), int(self.hair))

    monkeypatch.setattr(laptop, "open_dataset", Faces)
    outputs = []
    for job in (
        job for job in jobs if job.condition.setting == face("bfcn32s", "lfw", "small", "no hair") and job.seed == 1
    ):
        job = dataclasses.replace(job, path=tmp_path / job.path.name)
        job.path.mkdir()
        save_masks(job.path / "test_masks.npz", list("abc"), [np.ones((8, 8), np.uint8)] * 3, num_classes=2)
        outputs.append(job)
    of_iou = row(outputs[0].condition, [0.9, 0.1, 0.5])
    measured = dataclasses.replace(results, rows=[dataclasses.replace(of_iou, job=outputs[0].path.name)])
    plots = laptop.figures_of_paper(outputs, measured)
    assert [plot.title.split(":")[0] for plot in plots] == ["Figure 3", "Figure 4", "Figure 5", "Figure 6"]
    assert all(plot.text.startswith("c, of median IoU") and plot.png[:4] == b"\x89PNG" for plot in plots)
    assert laptop.figures_of_paper(outputs[:1], measured) == []
