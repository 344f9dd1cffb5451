"""The tables of Rahman & Wang, the paper's figures and ours, and the correlation of gain and imbalance."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pytest import approx
from scipy import stats

from kseg.errors import UsageError
from kseg.lab.experiment.jobs import make_jobs
from kseg.lab.experiment.setting import Places
from kseg.lab.recipe import RECIPES
from kseg.lab.recipes.rahman2016.imbalance import our_gains
from kseg.lab.recipes.rahman2016.printed import category_of
from kseg.lab.recipes.rahman2016.recipe import FOUND
from kseg.lab.results.rows import Results, Row
from kseg.lab.statistics.correlation import rank_correlation

RECIPE = RECIPES["rahman2016"]


def row(dataset: str, category: str, loss: str, iou: float, seed: int = 1) -> Row:
    return Row(
        condition=category_of(dataset, category, loss),
        seed=seed, job=f"{dataset}-{category}-{loss}-{seed}", iou=iou, iou_image=iou,
        accuracy=0.9, matrix=[[8, 1], [1, 8]], best_epoch=2, epochs=3, seconds=1.0, foreground=0.5,
        images=[iou, iou / 2], validation_iou=iou + 0.1,
    )  # fmt: skip


RATIOS = {"camvid": {"road": 2.0, "building": 3.0, "fence": 60.0, "sign-symbol": 80.0, "column-pole": 100.0}}
GAINS = {"road": 0.01, "building": 0.02, "fence": 0.03, "sign-symbol": 0.05, "column-pole": 0.04}


def results(*rows: Row, **changes) -> Results:
    return Results("rahman2016", "cpu", "kseg lab run rahman2016", {}, list(rows), {}, 0, **changes)


@pytest.fixture(scope="module")
def camvid():
    """All five categories once with both losses; the road with a second seed."""
    rows = [row("camvid", name, "acc", 0.5) for name in GAINS]
    rows += [row("camvid", name, "iou", 0.5 + gain) for name, gain in GAINS.items()]
    rows += [row("camvid", "road", "acc", 0.52, seed=2), row("camvid", "road", "iou", 0.54, seed=2)]
    return {table.title: table for table in RECIPE.show(results(*rows, ratios=RATIOS)).tables}


def test_table_4_has_both_splits_and_both_sides(camvid):
    table = camvid["Table 4: CamVid"]
    assert table.header[1:5] == ["paper val: acc", "paper val: iou", "paper test: acc", "paper test: iou"]
    assert table.header[5:] == ["ours val: acc", "ours val: iou", "ours test: acc", "ours test: iou"]
    road, building = table.rows[:2]
    assert road[:5] == ["road", "95.53", "95.58", "90.38", "90.69"]
    # 50 and 52 %, 51 and 54 %: standard deviations √2 and 3/√2
    assert road[7:] == ["51.00 ± 1.41", "52.50 ± 2.12"]
    assert building[5:] == ["60.00", "62.00", "50.00", "52.00"]
    assert {column for line, column in table.best if line == 0} == {2, 4, 6, 8}


def test_of_two_figures_that_read_alike_none_is_marked():
    rows = [row("camvid", "road", "acc", 0.50001), row("camvid", "road", "iou", 0.50002)]
    table = next(table for table in RECIPE.show(results(*rows)).tables if table.title == "Table 4: CamVid")
    assert table.rows[0][5:] == ["60.00", "60.00", "50.00", "50.00"]
    assert {column for line, column in table.best if line == 0} == {2, 4}  # the paper's


def test_what_was_not_run_is_a_dash_beside_the_paper(camvid):
    table_1, table_3 = camvid["Table 1: VOC 2010, validation list"], camvid["Table 3: VOC 2011, validation list"]
    assert table_1.rows[0] == ["aeroplane", "< 20", "71.07", "75.27", "–", "–"]
    assert (len(table_1.rows), len(table_3.rows)) == (6, 21)
    # how our runs deviate stands where our runs are
    deviates = {title for title, table in camvid.items() if "instead of FCN-32s on AlexNet" in table.caption}
    assert deviates == {"Table 4: CamVid", "Accuracy"}
    assert table_3.rows[-1][:3] == ["mean", "66.16", "67.16"] and "63.18 and 63.82" in table_3.caption
    assert camvid["Table 2: background pixels per object pixel"].rows[0] == ["aeroplane", "152", "153", "–"]


def test_a_year_that_is_not_the_paper_s_is_called_by_its_name():
    rows = [row("voc", "person", loss, iou) for loss, iou in (("acc", 0.6), ("iou", 0.7))]
    found = {table.title: table for table in RECIPE.show(results(*rows, ratios={"voc": {"person": 20.6}})).tables}
    table = found["Table 3: VOC 2011, validation list"]
    assert table.header[-2:] == ["ours, VOC 2012: acc", "ours, VOC 2012: iou"]
    person = next(cells for cells in table.rows if cells[0] == "person")
    assert person == ["person", "76.78", "73.61", "60.00", "70.00"]
    ratios = found["Table 2: background pixels per object pixel"]
    assert ratios.header[-1] == "ours: VOC 2012" and ratios.rows[14] == ["person", "25", "23", "21"]
    assert found["Does the gain grow with the imbalance?"].rows[-1] == [
        "ours: voc", "1", "+10.00", "1 of 1", "–", "–", "–",
    ]  # fmt: skip


def test_gain_against_imbalance(camvid):
    gains = camvid["Gain by imbalance: camvid"]
    assert [cells[0] for cells in gains.rows] == ["road", "building", "fence", "sign-symbol", "column-pole"]
    assert gains.rows[0] == ["road", "2.0", "+0.31", "+1.50 (+1.00, +2.00)"]
    rows = {cells[0]: cells for cells in camvid["Does the gain grow with the imbalance?"].rows}
    assert rows["paper: VOC 2011"][:4] == ["paper: VOC 2011", "20", "+1.00", "15 of 20"]
    # ranks 1 2 3 4 5 against 1 2 3 5 4: ρ = 1 − 6·2/(5·24) = 0.9; 1 + 4 orders are as extreme, each way
    assert rows["ours: camvid"][4] == "+0.90" and rows["ours: camvid"][6] == f"{10 / 120:.2g}"


def test_seeds_of_one_loss_alone_gain_nothing():
    only_one = results(row("camvid", "road", "iou", 0.9), row("camvid", "fence", "iou", 0.9, seed=2),
                       row("camvid", "fence", "acc", 0.8, seed=1))  # fmt: skip
    assert our_gains(only_one, ("iou", "acc")) == {}


def test_drawn_portraits_make_none_of_the_paper_s_tables():
    rows = [row("synthetic", "hair", loss, 0.5) for loss in ("iou", "acc")]
    titles = [table.title for table in RECIPE.show(results(*rows)).tables]
    assert titles == ["IoU", "Accuracy", "iou against acc, over images"]


def test_scale_paper_is_every_category_of_the_tables_to_the_letter():
    jobs = make_jobs(Path("x"), RECIPE.at("paper", Places(weights={"alexnet": "/a/alexnet.npz"})))
    assert Counter(job.condition.dataset for job in jobs) == {"voc2010": 2 * 6, "voc2011": 2 * 20, "camvid": 2 * 5}
    assert len(make_jobs(Path("x"), RECIPE.at("paper", Places()), seeds=3)) == 31 * 2 * 3
    for job in jobs:
        config, training = job.config, job.config.training
        assert (config.model.model, config.model.weights) == ("fcn32s_alexnet", "/a/alexnet.npz")
        assert config.data.category == job.condition.category
        assert config.data.dataset == "camvid" or config.data.split_scheme == "paper"
        assert (training.optimizer, training.learning_rate, training.momentum) == ("sgd", 1e-4, 0.99)
        assert (training.l2_decay, training.schedule, training.positives_per_batch) == (5e-4, "constant", 1)
        assert (training.test_input, training.precision) == ("original", "float32")
        assert config.model.image_size == ((360, 480) if job.condition.dataset == "camvid" else (375, 500))
        wanted = {"iou": ("iou(pooling='batch')", 1), "acc": ("ce", 2)}[job.condition.loss]
        assert (config.loss.loss, config.model.outputs) == wanted and config.loss.loss_reduction == "mean"
        assert RECIPE.paper(job.condition)["iou"] > 0.5
    assert {job.condition.dataset: getattr(job.config.data, "year", None) for job in jobs} == {
        "voc2010": "2010",
        "voc2011": "2011",
        "camvid": None,
    }
    assert RECIPE.paper(category_of("voc2011", "aeroplane", "iou")) == {"iou": approx(0.7507)}
    assert RECIPE.paper(category_of("voc", "person", "iou")) == {}
    ranges = {entry.condition: entry for entry in RECIPE.expected if entry.scale == "paper"}
    assert ranges.keys() == {job.condition for job in jobs}
    assert all(entry.low < RECIPE.paper(condition)["iou"] < entry.high for condition, entry in ranges.items())


def test_the_recipe_says_in_words_what_it_expects():
    text = " ".join(RECIPE.text.split())
    for category, found in FOUND.items():
        assert f"{category} {found['iou']:.2f} and {found['acc']:.2f}" in text


def test_no_weight_decay_at_scale_cpu_as_the_caption_says():
    jobs = make_jobs(Path("x"), RECIPE.at("cpu", Places()))
    decays = {(job.config.training.l2_decay, job.config.training.weight_decay) for job in jobs}
    assert decays == {(0.0, 0.0)} and "without weight decay" in RECIPE.captions["cpu"]


def test_rank_correlation_by_hand():
    # ranks 1 2 3 4 against 2 1 4 3: ρ = 1 − 6·4/(4·15) = 0.6
    found = rank_correlation([1, 2, 3, 4], [20, 10, 40, 30])
    spread = 1.959964 * math.sqrt((1 + 0.6**2 / 2) / 1)
    assert (found.n, found.value) == (4, approx(0.6))
    assert (found.low, found.high) == (
        approx(math.tanh(math.atanh(0.6) - spread)), approx(math.tanh(math.atanh(0.6) + spread))
    )  # fmt: skip
    whole = rank_correlation([1, 2, 3, 4, 5], [1, 4, 9, 16, 25])
    assert whole.value == approx(1) and math.isnan(whole.low) and whole.p == approx(2 / 120)


def test_rank_correlation_of_many_is_scipy_s():
    x, y = np.random.default_rng(0).normal(size=(2, 12))
    found, theirs = rank_correlation(x, y), stats.spearmanr(x, y)
    assert (found.value, found.p) == (approx(theirs.statistic), approx(theirs.pvalue))


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        ([1, 2, 3], [1, 2, 3], "at least 4"),
        ([1, 2, 3, 4], [1, 1, 1, 1], "differ"),
        ([1, 2, 3, 4], [1, 2], "at least 4"),
    ],
)
def test_what_has_no_rank_correlation(x, y, sentence):
    with pytest.raises(UsageError, match=sentence):
        rank_correlation(x, y)
