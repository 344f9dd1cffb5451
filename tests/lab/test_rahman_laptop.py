"""Scale laptop of Rahman & Wang: the paper's network, two optimizers, recall, trivial predictors, claims, figures."""

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pytest import approx

from kseg.inference import save_masks
from kseg.lab.experiment.condition import Condition
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.lab.recipes.rahman2016 import laptop
from kseg.lab.recipes.rahman2016.claims import claims
from kseg.lab.recipes.rahman2016.printed import CAMVID, FACTORS, category_of
from kseg.lab.recipes.rahman2016.recall import all_as, recall_table
from kseg.lab.results.rows import Results, Row
from kseg.lab.statistics.claims import growing

RECIPE = RECIPES["rahman2016"]
RATIOS = {"camvid": {"road": 2.0, "building": 3.0, "fence": 60.0, "sign-symbol": 80.0, "column-pole": 100.0}}


@pytest.fixture(scope="module")
def jobs():
    return make_jobs(Path("x"), RECIPE.at("laptop", Places(weights={"alexnet": "/w/alexnet.npz"})))


def test_the_network_is_the_paper_s_on_frozen_convolutions(jobs):
    assert Counter((job.condition.dataset, job.condition.change) for job in jobs) == {
        ("camvid", ""): 5 * 2 * 2, ("camvid", "with Adam"): 5 * 2 * 2,
        ("voc", ""): 10 * 2 * 2, ("voc", "with Adam"): 10 * 2 * 2,
    }  # fmt: skip
    for job in jobs:
        model, training = job.config.model, job.config.training
        assert (model.model, model.head_width, model.trainable_from) == ("fcn32s_alexnet", None, "none")
        assert model.outputs == {"iou": 1, "acc": 2}[job.condition.loss] and training.positives_per_batch == 1
        found = (training.optimizer, training.learning_rate, training.momentum, training.l2_decay)
        assert found == (("adam", 1e-4, 0.0, 0.0) if job.condition.change else ("sgd", 1e-4, 0.99, 5e-4))
        assert job.config.data.category == job.condition.category


def row(*words: str, matrix=((80, 4), (4, 12)), seed: int = 1, images=(0.5,)) -> Row:
    (tn, fp), (fn, tp) = matrix
    return Row(
        condition=Condition.read(FACTORS, words),
        seed=seed, job="-".join(words), iou=tp / (tp + fp + fn), iou_image=0.5, accuracy=0.9,
        matrix=[list(line) for line in matrix], best_epoch=2, epochs=3, seconds=1.0, foreground=0.16,
        images=list(images), validation_iou=0.5, curve=[0.5],
    )  # fmt: skip


def results(*rows: Row) -> Results:
    return Results("rahman2016", "laptop", "c", {}, list(rows), {}, 0, ratios=RATIOS)


def test_recall_beside_the_predictors_that_look_at_nothing():
    table = recall_table(results(row("camvid", "road", "acc"), row("camvid", "road", "iou", matrix=((76, 8), (2, 14)))))
    # 16 object pixels of 100: 12 found and 4 + 4 wrong; 14 found, 2 missed, 8 too much; all, or none
    assert table.rows == [
        ["camvid road", "FCN_acc", "60.00", "92.00", "75.00", "25.00", "25.00"],
        ["camvid road", "FCN_IoU", "58.33", "90.00", "87.50", "12.50", "50.00"],
        ["camvid road", "all foreground", "16.00", "16.00", "100.00", "0.00", "525.00"],
        ["camvid road", "all background", "0.00", "84.00", "0.00", "100.00", "0.00"],
    ]
    assert table.best == {(0, 2)}
    assert all_as([[80, 4], [4, 12]], foreground=True) == [[0, 84], [0, 16]]


def test_a_network_that_does_not_beat_all_foreground_is_not_marked():
    worse = ((1, 1), (1, 8))  # 8 of 10; all foreground: 9 of 11
    assert recall_table(results(row("voc", "person", "iou", matrix=worse))).best == frozenset()


@pytest.fixture(scope="module")
def measured():
    """With SGD the IoU loss finds more in all five categories, with Adam it finds less."""
    rows = []
    for i, category in enumerate(CAMVID):
        more, less = ((80 - i, 4 + i), (4 - i % 2, 12 + i % 2)), ((80, 4), (5 + i, 11 - i))
        rows += [
            row("camvid", category, "acc"),
            row("camvid", category, "iou", matrix=((82, 2), (2 - i % 2, 14 + i % 2))),
        ]
        rows += [row("camvid", category, "with Adam", "acc", matrix=more)]
        rows += [row("camvid", category, "with Adam", "iou", matrix=less)]
    return results(*rows)


def test_claims_are_judged_for_each_optimizer(measured):
    found = {claim.subject: claim for claim in claims(measured)}
    assert [found[name].verdict for name in ("IoU of the categories", "Recall")] == ["held", "held"]
    assert [found[f"{name} (with Adam)"].verdict for name in ("IoU of the categories", "Recall")] == [
        "did not hold"
    ] * 2
    assert "in 18 of 25" in found["Recall"].statement or "in " in found["IoU of the categories"].statement
    assert {name for name in found if name.startswith("Gain")} == {
        "Gain and imbalance, camvid", "Gain and imbalance, camvid (with Adam)",
    }  # fmt: skip
    assert claims(dataclasses.replace(measured, scale="smoke")) == []


def test_growing_by_its_interval():
    assert growing("a", "b", [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 6, 5]).verdict == "held"
    assert growing("a", "b", [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 1, 2]).verdict == "did not hold"
    assert growing("a", "b", [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]).verdict == "held"  # ρ = 1, p = 2/120
    assert growing("a", "b", [1, 2, 3, 4], [2, 1, 4, 3]).verdict == "cannot be judged"
    assert growing("a", "b", [1, 2], [1, 2]).verdict == "cannot be judged"


def test_runs_with_adam_have_tables_of_their_own(measured):
    tables = {table.title: table for table in RECIPE.show(measured).tables}
    own, adam = tables["Table 4: CamVid"], tables["Table 4: CamVid, with Adam"]
    assert own.rows[0][-2:] == ["60.00", "77.78"] and adam.rows[0][-2:] == ["60.00", "55.00"]
    assert adam.rows[0][:5] == own.rows[0][:5]  # the paper's figures
    assert "Table 1: VOC 2010, validation list, with Adam" not in tables
    assert tables["iou against acc, over settings"].rows[0][1] == "5"


def test_figure_3_shows_the_image_of_median_iou_among_those_with_the_category(jobs, tmp_path, monkeypatch):
    class Scenes:
        """Four images, of which the last does not show the category."""

        def __init__(self, options):
            pass

        def records(self, split):
            return [type("Record", (), {"id": name}) for name in "abcd"]

        def label_counts(self, records):
            return np.array([[3, 1], [3, 1], [3, 1], [4, 0]])

        def image(self, record):
            shown.append(record.id)
            return np.zeros((8, 8, 3), np.uint8)

        def labels(self, record):
            return np.eye(8, dtype=int)

    shown: list[str] = []
    monkeypatch.setattr(laptop, "open_dataset", Scenes)
    pair = []
    for job in (job for job in jobs if job.condition.setting == category_of("camvid", "fence") and job.seed == 1):
        job = dataclasses.replace(job, path=tmp_path / job.path.name)
        job.path.mkdir()
        save_masks(job.path / "test_masks.npz", list("abcd"), [np.ones((8, 8), np.uint8)] * 4, num_classes=2)
        pair.append(job)
    rows = [
        dataclasses.replace(row(*job.condition.words, images=(0.2, 0.8, 0.4, 0.0)), job=job.path.name) for job in pair
    ]
    (figure,) = laptop.figures_of_paper(pair, results(*rows))
    assert figure.title.startswith("Figure 3") and shown == ["c"]
    assert laptop.figures_of_paper(pair[:1], results(*rows)) == []


def test_the_paper_has_the_same_figures_for_either_optimizer():
    assert RECIPE.paper(category_of("camvid", "road", "iou").changed("with Adam")) == {"iou": approx(0.9069)}
